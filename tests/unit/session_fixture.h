/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A client at level 3, and a helper that the test plays. */

#include "tests/unit/fake_helper.h"

struct fixture {
	struct fake_helper fake;
	struct multiping *multiping;
	struct multiping_event event; /* the last that was fetched */
};

/* For cmocka: *state becomes a struct fixture with an object without targets. */
int session_setup(void **state);
int session_setup_without_wait(void **state); /* a helper that is lost is not looked for, */
int session_setup_patient(void **state);      /* or for ever */
int session_teardown(void **state);

void dispatch(struct fixture *f);
void expect_event(struct fixture *f, enum multiping_event_type type);
void expect_no_event(struct fixture *f);

/* The next event is that @probe ended so. */
void expect_outcome(struct fixture *f, uint64_t probe, enum multiping_outcome outcome);

/* Asks for probes of @n targets, one each, in one request, which the fake has read on return. */
void ping(struct fixture *f, size_t n, uint64_t *ret_probes);
