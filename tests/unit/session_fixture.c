/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that tests of sessions have in common. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/session_fixture.h"

static struct fixture fixture;

static int setup_with_wait(void **state, int64_t helper_wait_us) {
	fake_helper_start(&fixture.fake);
	fixture.fake.helper_wait_us = helper_wait_us;
	fixture.multiping = fake_helper_client(&fixture.fake);
	*state = &fixture;
	return 0;
}

int session_setup(void **state) {
	return setup_with_wait(state, 10000000);
}

int session_setup_without_wait(void **state) {
	return setup_with_wait(state, 0);
}

int session_setup_patient(void **state) {
	return setup_with_wait(state, -1);
}

int session_teardown(void **state) {
	multiping_free(fixture.multiping);
	fake_helper_stop(&fixture.fake);
	return 0;
}

void dispatch(struct fixture *f) {
	assert_int_equal(multiping_dispatch(f->multiping), 0);
}

void expect_event(struct fixture *f, enum multiping_event_type type) {
	assert_int_equal(multiping_next_event(f->multiping, &f->event), 1);
	assert_int_equal(f->event.type, type);
}

void expect_no_event(struct fixture *f) {
	assert_int_equal(multiping_next_event(f->multiping, &f->event), 0);
}

void expect_outcome(struct fixture *f, uint64_t probe, enum multiping_outcome outcome) {
	expect_event(f, MULTIPING_EVENT_OUTCOME);
	assert_int_equal(f->event.result.probe, probe);
	assert_int_equal(f->event.result.outcome, outcome);
}

void ping(struct fixture *f, size_t n, uint64_t *ret_probes) {
	for (size_t i = 0; i < n; ++i) {
		assert_int_equal(multiping_add(f->multiping, "127.0.0.1", NULL, NULL), 0);
		assert_int_equal(multiping_ping(f->multiping, i, 0, &ret_probes[i]), 0);
	}
	dispatch(f);
	fake_helper_accept(&f->fake);
	dispatch(f);
	expect_event(f, MULTIPING_EVENT_HELPER_UP);
	fake_helper_expect(&f->fake, REQUEST_PING);
	assert_int_equal(f->fake.request.ping.n_targets, n);
}
