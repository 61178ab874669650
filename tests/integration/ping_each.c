/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Asks for one probe of each of N_TARGETS addresses from FIRST on, all at once, and counts what it is told of each:
 *
 *	ping_each SOCKET FIRST N_TARGETS [HELPER_WAIT_US]
 *
 * Prints "outcomes N replies N lost N again N missing N helpers N": again are outcomes of a probe that had one, missing are probes
 * without, helpers is how many were connected to, one after the other. Ends with 0 where each has one and none is lost. */

#include <arpa/inet.h>
#include <err.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "multiping.h"

enum {
	PATIENCE_MS = 60000, /* in which something must happen */
	LINGER_SECONDS = 2,  /* for what there should not be: a further outcome */
};

struct counts {
	size_t n_targets, n_outcomes, n_replies, n_lost, n_again, n_helpers;
	bool *was_told; /* of each target */
};

static struct multiping *begin(const char *socket_path, const char *first, size_t n_targets,
			       const char *helper_wait_us) {
	struct multiping_config config;
	struct multiping *multiping;
	struct in_addr address;
	char text[INET_ADDRSTRLEN];
	uint32_t number;

	multiping_config_init(&config);
	config.socket_path = socket_path;
	if (helper_wait_us) {
		config.helper_wait_us = strtoll(helper_wait_us, NULL, 10);
	}
	if (inet_pton(AF_INET, first, &address) != 1 || multiping_new(&config, &multiping) < 0) {
		errx(2, "no object");
	}
	number = ntohl(address.s_addr);
	for (size_t i = 0; i < n_targets; i++) {
		address.s_addr = htonl(number + (uint32_t)i);
		inet_ntop(AF_INET, &address, text, sizeof(text));
		if (multiping_add(multiping, text, NULL, NULL) < 0 ||
		    multiping_ping(multiping, i, 0, NULL) < 0) {
			errx(2, "out of memory");
		}
	}
	return multiping;
}

static void count(struct counts *counts, const struct multiping_event *event) {
	if (event->type == MULTIPING_EVENT_HELPER_UP) {
		counts->n_helpers++;
	}
	if (event->type != MULTIPING_EVENT_OUTCOME) {
		return;
	}
	if (counts->was_told[event->result.target]) {
		counts->n_again++;
		return;
	}
	counts->was_told[event->result.target] = true;
	counts->n_outcomes++;
	counts->n_replies += event->result.outcome == MULTIPING_REPLY;
	counts->n_lost += event->result.outcome == MULTIPING_HELPER_LOST;
}

/* One turn of a loop. */
static void turn(struct multiping *multiping, struct counts *counts, int wait_ms) {
	struct pollfd poll_for = {.fd = multiping_fd(multiping), .events = POLLIN};
	struct multiping_event event;

	if (poll(&poll_for, 1, wait_ms) == 0 && wait_ms == PATIENCE_MS) {
		errx(2, "nothing happens: %s", multiping_message(multiping));
	}
	if (multiping_dispatch(multiping) < 0) {
		errx(2, "%s", multiping_message(multiping));
	}
	while (multiping_next_event(multiping, &event)) {
		count(counts, &event);
	}
}

int main(int argc, char **argv) {
	struct counts counts = {0};
	struct multiping *multiping;

	if (argc != 4 && argc != 5) {
		fprintf(stderr, "usage: ping_each SOCKET FIRST N_TARGETS [HELPER_WAIT_US]\n");
		return 2;
	}
	counts.n_targets = strtoul(argv[3], NULL, 10);
	counts.was_told = calloc(counts.n_targets, sizeof(*counts.was_told));
	if (!counts.was_told) {
		errx(2, "out of memory");
	}
	multiping = begin(argv[1], argv[2], counts.n_targets, argv[4]);
	while (counts.n_outcomes < counts.n_targets) {
		turn(multiping, &counts, PATIENCE_MS);
	}
	for (time_t end = time(NULL) + LINGER_SECONDS; time(NULL) < end;) {
		turn(multiping, &counts, 100);
	}
	printf("outcomes %zu replies %zu lost %zu again %zu missing %zu helpers %zu\n",
	       counts.n_outcomes, counts.n_replies, counts.n_lost, counts.n_again,
	       counts.n_targets - counts.n_outcomes, counts.n_helpers);
	if (counts.n_lost > 0) {
		fprintf(stderr, "%s\n", multiping_message(multiping));
	}
	multiping_free(multiping);
	free(counts.was_told);
	return counts.n_outcomes == counts.n_targets && counts.n_lost + counts.n_again == 0 ? 0 : 1;
}
