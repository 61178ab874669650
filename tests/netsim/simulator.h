/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The network itself: takes echo requests from the device, and sends what the rules say, when they say it. */

#include <stdio.h>

#include "tests/netsim/queue.h"

struct simulator {
	int device_fd, signal_fd; /* borrowed */
	FILE *trace;              /* borrowed; NULL: none */
	struct rule *rules;       /* borrowed */
	size_t n_rules;
	struct random random;
	struct queue queue;
	uint64_t n_received, n_other, n_unmatched; /* packets; no echo request; without a rule */
	struct packet packet, fragment;            /* the one being built, and a piece of it */
	uint8_t bytes[PACKET_MAX_BYTES];           /* the one just read */
};

/* Runs until SIGTERM or SIGINT arrives through the signal descriptor; prints a report at SIGUSR1. Returns 0 or -errno. */
int simulator_run(struct simulator *simulator);
