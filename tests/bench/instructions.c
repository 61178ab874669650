/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Helper and library in one process, for valgrind to count the instructions that a ping costs each of them: instructions SOCKET N
 *
 * Pings N addresses of `lo` once each, without limits. No filter loads under valgrind, so none is there. The helper's instructions are
 * those inside helper_turn(), the library's those inside multiping_dispatch(), multiping_next_event() and multiping_ping();
 * count_instructions.py adds them up. Needs a network namespace of its own, and root. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "helper/helper_private.h"
#include "multiping.h"

enum { TURN_NS = 1000000 };

/* valgrind 3.19 does not know the call. */
int epoll_pwait2(int fd, struct epoll_event *events, int n_events, const struct timespec *wait,
		 const sigset_t *signals) {
	return epoll_pwait(fd, events, n_events, (int)(wait->tv_nsec / 1000000), signals);
}

static int listen_at(const char *path) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 1) < 0) {
		return -errno;
	}
	return descriptor_place(fd, DESCRIPTOR_FIRST_LISTENER);
}

static int helper_start(const char *path, struct helper **ret_helper) {
	struct tried tried[PROTOCOL_MAX_TRIED];
	struct icmp_sockets *sockets;
	struct config config;
	size_t n_tried;
	int r;

	config_init(&config);
	config.total_packets_per_second = config.destination_packets_per_second = CONFIG_UNLIMITED;
	config.limits.packets_per_second = config.limits.max_probes_in_flight = CONFIG_UNLIMITED;
	if ((r = listen_at(path)) < 0 ||
	    (r = icmp_sockets_open(&config, tried, &n_tried, &sockets)) < 0 ||
	    (r = helper_new(&config, sockets, ret_helper)) < 0) {
		return r;
	}
	return helper_add_listener(*ret_helper, DESCRIPTOR_FIRST_LISTENER, 0);
}

static int ask(struct multiping *multiping, unsigned n_targets) {
	for (unsigned i = 0; i < n_targets; i++) {
		char host[64];
		size_t target;
		int r;

		(void)snprintf(host, sizeof host, "127.%u.%u.%u", 1 + (i >> 16), i >> 8 & 255,
			       i & 255);
		if ((r = multiping_add(multiping, host, NULL, &target)) != 0 ||
		    (r = multiping_ping(multiping, target, 0, NULL)) != 0) {
			return r;
		}
	}
	return 0;
}

/* Turn by turn until each of @n_targets has its outcome. Returns the replies. */
static unsigned work(struct helper *helper, struct multiping *multiping, unsigned n_targets) {
	unsigned n_outcomes = 0, n_replies = 0;
	struct multiping_event event;

	while (n_outcomes < n_targets && helper_turn(helper, TURN_NS) == 0) {
		multiping_dispatch(multiping);
		while (multiping_next_event(multiping, &event) == 1) {
			n_outcomes += event.type == MULTIPING_EVENT_OUTCOME;
			n_replies += event.type == MULTIPING_EVENT_OUTCOME &&
				     event.result.outcome == MULTIPING_REPLY;
		}
	}
	return n_replies;
}

int main(int argc, char **argv) {
	struct multiping_config config;
	unsigned n_targets = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	struct multiping *multiping;
	struct helper *helper;
	int r;

	if (n_targets == 0) {
		(void)fputs("usage: instructions SOCKET N\n", stderr);
		return 2;
	}
	multiping_config_init(&config);
	config.socket_path = argv[1];
	if ((r = helper_start(argv[1], &helper)) < 0 ||
	    (r = multiping_new(&config, &multiping)) != 0 || (r = ask(multiping, n_targets)) != 0) {
		(void)fprintf(stderr, "instructions: %d\n", r);
		return 1;
	}
	(void)printf("%u replies\n", work(helper, multiping, n_targets));
	return 0;
}
