/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Every wait of an object ends up in one epoll descriptor: the helper's socket, the resolver's
 * eventfd, and a timer, which also serves to say "there is work" when the program itself brought
 * it. All are level-triggered, so that a turn may stop anywhere.
 *
 * When the helper goes, what it had delivered is read first; then every probe without outcome ends
 * as MULTIPING_HELPER_LOST, in portions of at most @max_events, and only after that a new
 * connection is made. */

#include <errno.h>
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

/* Sets the timer for what comes next, and so that it is no longer readable. */
static void session_rearm(struct multiping *multiping) {
	const struct session *session = &multiping->session;
	int64_t alarm_ns = connection_alarm_ns(&multiping->connection);
	bool is_queued = multiping->batches.queue_first != NULL;

	if (session->losing_next < session->losing_end ||
	    (is_queued && multiping->connection.state == CONNECTION_CLOSED)) {
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

static int session_lose_batch(struct multiping *multiping, struct batch *batch) {
	uint32_t target = batch->entries ? batch->entries[0] & ENTRY_TARGET : 0;
	int r;

	r = probe_decide_all(multiping, batch, MULTIPING_HELPER_LOST,
			     multiping->session.losing_error);
	if (r < 0) {
		return r;
	}
	if (batch->state == BATCH_WAITING) {
		struct batch **link = &targets_at(&multiping->targets, target)->waiting;

		while (*link != batch) {
			link = &(*link)->next;
		}
		*link = batch->next;
	}
	batches_free(&multiping->batches, batch);
	return 0;
}

/* Ends what a lost helper has left, while fewer than @max_events events wait. */
static int session_lose(struct multiping *multiping, size_t max_events) {
	struct session *session = &multiping->session;

	for (; session->losing_next < session->losing_end; ++session->losing_next) {
		struct batch *batch =
			window_get(&multiping->batches.by_number, session->losing_next);
		int r;

		if (multiping->events.n >= max_events) {
			return 0;
		}
		r = batch ? session_lose_batch(multiping, batch) : 0;
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

/* The connection is over, for a reason that stands in the words. */
static int session_fail(struct multiping *multiping, int error) {
	const struct record record = {.error = error, .rtt_ns = -1};
	struct batches *batches = &multiping->batches;

	if (error == ENOMEM) {
		words_set(&multiping->words, "%s", words_of_error(error));
	}
	connection_close(&multiping->connection);
	batches_disconnect(batches);
	multiping->session = (struct session){
		.losing_next = batches->by_number.first,
		.losing_end = batches->by_number.end,
		.losing_error = error,
	};
	names_lose(multiping, error);
	return object_push_event(multiping, MULTIPING_EVENT_HELPER_DOWN, SIZE_MAX, &record);
}

static int session_up(struct multiping *multiping) {
	const struct record record = {.rtt_ns = -1};
	uint32_t max_entries = multiping->connection.hello.targets_per_message;

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

	if (connection->state == CONNECTION_CLOSED &&
	    (!multiping->batches.queue_first ||
	     multiping->session.losing_next < multiping->session.losing_end)) {
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

int session_dispatch(struct multiping *multiping, size_t max_events) {
	bool was_up;
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
		was_up = multiping->connection.state == CONNECTION_UP;
		r = session_fail(multiping, -error);
		if (r == 0) {
			r = session_lose(multiping, max_events);
		}
		if (r == 0 && (!was_up || error == -ENOMEM)) {
			r = error;
		}
	}
	session_rearm(multiping);
	return r;
}
