/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* When the helper goes, what it had delivered was read before. Most likely it is being restarted:
 * connection.c looks for it, and what has no outcome is asked again, with the numbers that it has.
 * Only when none was found for helper_wait_us, or when what stands in the way will not pass, every
 * probe ends as MULTIPING_HELPER_LOST, in portions of at most @max_events.
 *
 * But a request of which helpers die must come to an end. Nobody says why a helper died, and one
 * that is killed again and again for other reasons must cost no probe its outcome. So a batch is
 * suspected only where the helper may have come to grief over it: when all of it had been admitted, or
 * when it was next in line and nothing was heard of it. The latter happens to the innocent, too, where
 * the machine is so busy that a helper gets to nothing before it is killed; it counts in full only
 * where the helper lived too short a time for that. At the fourth full suspicion in a row the batch is
 * lost. Each death thus finds some probe of the first batches decided, or comes nearer to their end. */

#include <errno.h>

#include "client/lib/clock.h"
#include "client/lib/names.h"
#include "client/lib/probe.h"
#include "client/lib/session.h"

#define YOUNG_NS (CLOCK_NS_PER_S / 10)
enum { SUSPICION_FAINT = 1, SUSPICION_FULL = BATCH_MAX_SUSPICION / 3 };

static int lose_batch(struct multiping *multiping, struct batch *batch) {
	uint32_t target = batch->entries ? batch->entries[0] & ENTRY_TARGET : 0;
	int r;

	if (batch->state == BATCH_LOST) {
		words_set(&multiping->words,
			  "helpers ended time after time while the same %u probes were under way: "
			  "these are not asked again",
			  batch->n_undecided);
	}
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

int session_lose(struct multiping *multiping, size_t max_events) {
	struct session *session = &multiping->session;

	for (; session->losing_next < session->losing_end; ++session->losing_next) {
		struct batch *batch =
			window_get(&multiping->batches.by_number, session->losing_next);
		int r;

		if (multiping->events.n >= max_events) {
			return 0;
		}
		if (!batch || !(session->loses_all || batch->state == BATCH_LOST)) {
			continue;
		}
		r = lose_batch(multiping, batch);
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

static bool was_admitted(const struct session *session, const struct batch *batch) {
	for (unsigned i = 0; i < session->n_pings; ++i) {
		if (session->pings[i].batch == batch->number) {
			return false;
		}
	}
	return true;
}

/* The helper died: notes of which batches it may have. */
static void suspect_batches(struct multiping *multiping) {
	const struct window *asked = &multiping->batches.by_wire;
	const struct session *session = &multiping->session;
	bool died_young = clock_monotonic_ns() - session->up_ns < YOUNG_NS;
	bool is_next = true;

	for (uint64_t id = asked->first; id < asked->end; ++id) {
		struct batch *batch = window_get(asked, id);

		if (!batch || batch->state != BATCH_ASKED) {
			continue;
		}
		if (was_admitted(session, batch)) {
			batch->suspicion += SUSPICION_FULL;
		} else if (is_next) {
			bool was_heard = batch->n_undecided < batch->n_asked;
			int more = died_young ? SUSPICION_FULL : SUSPICION_FAINT;

			batch->suspicion = (uint8_t)(was_heard ? 0 : batch->suspicion + more);
			is_next = false;
		}
	}
}

/* What was asked is not on its way any more. */
static int recall_batches(struct multiping *multiping) {
	const struct window *asked = &multiping->batches.by_wire;

	for (uint64_t id = asked->first; id < asked->end; ++id) {
		struct batch *batch = window_get(asked, id);
		int r = batch && batch->n_undecided > 0 ? probe_recall(multiping, batch) : 0;

		if (r < 0) {
			return r;
		}
	}
	return 0;
}

/* Tells that the helper is gone, and makes up its mind: all is lost, or asked again. */
static int end_session(struct multiping *multiping, int error, bool loses_all) {
	struct stats_query *query = multiping->session.query;
	struct batches *batches = &multiping->batches;
	int r;

	r = recall_batches(multiping);
	if (r < 0) {
		return r;
	}
	batches_disconnect(batches);
	if (loses_all) {
		batches_empty_queue(batches);
		names_lose(multiping, error);
	}
	if (query) {
		query->msgid = 0;
		query->is_over = loses_all;
		query->error = -error;
	}
	multiping->session = (struct session){
		.query = query,
		.losing_next = batches->by_number.first,
		.losing_end = batches->by_number.end,
		.losing_error = error,
		.loses_all = loses_all,
	};
	return 0;
}

int session_fail(struct multiping *multiping, int error) {
	const struct record record = {.error = error, .rtt_ns = -1};
	struct connection *connection = &multiping->connection;
	bool was_up = connection->state == CONNECTION_UP, was_lost = connection->is_lost;
	bool is_tried_again;
	int r;

	if (error == ENOMEM) {
		words_set(&multiping->words, "%s", words_of_error(error));
	}
	if (was_up && error == ECONNRESET && connection->closing_error == 0) {
		suspect_batches(multiping);
	}
	is_tried_again = connection_lose(connection, error, clock_monotonic_ns());
	if (is_tried_again && !was_up) {
		return 0; /* the outage, or the wait for a place, goes on */
	}
	r = end_session(multiping, error, !is_tried_again);
	if (r == 0 && !was_lost) {
		r = object_push_event(multiping, MULTIPING_EVENT_HELPER_DOWN, SIZE_MAX, &record);
	}
	if (r == 0 && ((!was_up && !was_lost) || error == ENOMEM)) {
		r = -error;
	}
	return r;
}
