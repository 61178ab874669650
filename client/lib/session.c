/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Every wait of an object ends up in one epoll descriptor: the helper's socket, the resolver's
 * eventfd, and a timer, which also serves to say "there is work" when the program itself brought
 * it. All are level-triggered, so that a turn may stop anywhere.
 *
 * What a failure of any of it means for the probes is session_loss.c's. */

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "client/lib/clock.h"
#include "client/lib/names.h"
#include "client/lib/probe.h"
#include "client/lib/session.h"

enum { SESSION_MAX_MESSAGES = 16 }; /* read in one turn: some 10,000 outcomes, a few milliseconds */

static void session_arm(struct multiping *multiping, int64_t alarm_ns) {
	struct itimerspec timer = {0};

	if (alarm_ns == multiping->armed_ns) {
		return;
	}
	multiping->armed_ns = alarm_ns;
	if (alarm_ns != INT64_MAX) { /* else all zero, which disarms */
		timer.it_value.tv_sec = alarm_ns / CLOCK_NS_PER_S;
		timer.it_value.tv_nsec = alarm_ns % CLOCK_NS_PER_S;
	}
	timerfd_settime(multiping->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

void session_wake(struct multiping *multiping) {
	session_arm(multiping, 1); /* a moment long past */
}

/* Whether there is a reason to connect. */
static bool session_has_business(const struct multiping *multiping) {
	const struct session *session = &multiping->session;

	return (multiping->batches.queue_first || session->query) &&
	       session->losing_next >= session->losing_end;
}

/* Sets the timer for what comes next, and so that it is no longer readable. */
static void session_rearm(struct multiping *multiping) {
	const struct session *session = &multiping->session;
	int64_t alarm_ns = connection_alarm_ns(&multiping->connection);
	bool is_queued = multiping->batches.queue_first != NULL;

	if (session->losing_next < session->losing_end ||
	    (multiping->connection.state == CONNECTION_CLOSED && session_has_business(multiping))) {
		alarm_ns = 1;
	}
	if (is_queued && session->retry_ns > 0 && session->retry_ns < alarm_ns) {
		alarm_ns = session->retry_ns;
	}
	if (multiping->armed_ns != INT64_MAX) {
		multiping->armed_ns = -1; /* it may have gone off: only setting it ends that */
	}
	session_arm(multiping, alarm_ns);
}

static int session_up(struct multiping *multiping) {
	const struct record record = {.rtt_ns = -1};
	uint32_t max_entries = multiping->connection.hello.targets_per_message;

	multiping->session.up_ns = clock_monotonic_ns();
	multiping->batches.max_entries =
		max_entries < PROTOCOL_MAX_TARGETS ? max_entries : PROTOCOL_MAX_TARGETS;
	return object_push_event(multiping, MULTIPING_EVENT_HELPER_UP, SIZE_MAX, &record);
}

/* 1: one was handled; 0: there is none. */
static int session_read_message(struct multiping *multiping) {
	struct message message;
	int r = connection_read(&multiping->connection, &message);

	switch (r) {
	case 1:
		r = session_handle_message(multiping, &message);
		break;
	case CONNECTION_E_UP:
		r = session_up(multiping);
		break;
	default:
		return r;
	}
	return r < 0 ? r : 1;
}

static int session_read(struct multiping *multiping, size_t max_events) {
	int r = 1;

	for (int n = 0; r > 0 && n < SESSION_MAX_MESSAGES && multiping->events.n < max_events;
	     ++n) {
		r = session_read_message(multiping);
	}
	return r < 0 ? r : 0;
}

/* All that has to do with the helper. -errno: the connection is over. */
static int session_talk(struct multiping *multiping, size_t max_events) {
	struct connection *connection = &multiping->connection;
	int64_t now_ns = clock_monotonic_ns();
	int r;

	if (connection->state == CONNECTION_CLOSED && !session_has_business(multiping)) {
		return 0;
	}
	r = connection_advance(connection, now_ns);
	if (r < 0 || connection->fd < 0) {
		return r;
	}
	r = session_read(multiping, max_events);
	if (r < 0) {
		return r;
	}
	r = connection_flush(connection);
	if (r < 0 || connection->state != CONNECTION_UP) {
		return r;
	}
	return session_write(multiping, now_ns);
}

int session_wait(const struct multiping *multiping, int64_t until_ns) {
	struct pollfd poll = {.fd = multiping->epoll_fd, .events = POLLIN};
	int64_t left_ns = until_ns - clock_monotonic_ns();
	struct timespec left = {0};
	int n;

	if (left_ns > 0) {
		left.tv_sec = left_ns / CLOCK_NS_PER_S;
		left.tv_nsec = left_ns % CLOCK_NS_PER_S;
	}
	n = ppoll(&poll, 1, until_ns == INT64_MAX ? NULL : &left, NULL);
	return n < 0 ? -errno : n;
}

int session_dispatch(struct multiping *multiping, size_t max_events) {
	int r, error;

	r = names_dispatch(multiping);
	if (r < 0) {
		return r;
	}
	r = session_lose(multiping, max_events);
	if (r < 0) {
		return r;
	}
	error = session_talk(multiping, max_events);
	if (error < 0) {
		r = session_fail(multiping, -error);
		error = session_lose(multiping, max_events);
		r = r < 0 ? r : error;
	}
	session_rearm(multiping);
	return r;
}
