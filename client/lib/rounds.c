/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Level 2: ask, wait, ask again. A call to receive waits for two things, one after the other: that
 * every probe was really sent, however long limits and name servers take, and then for the caller's
 * time. Both come from counters that probe.c and names.c keep up to date, so that a turn costs the
 * same for ten targets as for a million. */

#include <errno.h>

#include "client/lib/clock.h"
#include "client/lib/probe.h"
#include "client/lib/rounds.h"
#include "client/lib/session.h"

/* Cancels what is open of the batches of multiping_send() with numbers from @first to before
 * @end. */
static int round_cancel(struct multiping *multiping, uint64_t first, uint64_t end) {
	struct batches *batches = &multiping->batches;
	int r = 0;

	if (first < batches->by_number.first) {
		first = batches->by_number.first;
	}
	for (uint64_t number = first; r == 0 && number < end; ++number) {
		struct batch *batch = window_get(&batches->by_number, number);

		if (!batch || batch->key.is_event || batch->n_undecided == 0) {
			continue;
		}
		r = batch->wire_id != 0
			    ? batches_cancel(batches, batch, BATCH_WHOLE)
			    : probe_decide_all(multiping, batch, MULTIPING_CANCELLED, 0);
	}
	return r;
}

/* 1: it was asked, or will be as soon as its name is known; 0: its name has no address. */
static int round_ask(struct multiping *multiping, size_t number, struct target *target) {
	bool was_undecided = target_is_undecided(target);
	int r;

	if (target->name_state == NAME_FAILED) {
		return 0;
	}
	if (target->name_state == NAME_KNOWN) {
		r = probe_ask_round(multiping, number, target);
		if (r < 0) {
			return r;
		}
	} else if (!target->wanted) {
		target->wanted = true;
		++multiping->round.n_wanted;
	}
	multiping->round.n_undecided += !was_undecided;
	return 1;
}

int multiping_send(struct multiping *multiping) {
	struct round *round = &multiping->round;
	int n_asked = 0;
	int r;

	r = round_cancel(multiping, round->send_before, round->previous_send);
	if (r < 0) {
		return r;
	}
	++round->send;
	round->send_before = round->previous_send;
	round->previous_send = multiping->batches.by_number.end;
	for (size_t i = 0; i < multiping->targets.n; ++i) {
		struct target *target = targets_at(&multiping->targets, i);

		if (target->removed || target->replied) {
			continue;
		}
		r = round_ask(multiping, i, target);
		if (r < 0) {
			return r;
		}
		n_asked += r;
	}
	r = session_dispatch(multiping, SIZE_MAX);
	return r < 0 ? r : n_asked;
}

int multiping_reset(struct multiping *multiping) {
	struct round *round = &multiping->round;
	uint64_t end = multiping->batches.by_number.end;
	int r;

	r = round_cancel(multiping, round->send_before, end);
	if (r < 0) {
		return r;
	}
	for (size_t i = 0; i < multiping->targets.n; ++i) {
		target_forget(targets_at(&multiping->targets, i));
	}
	*round = (struct round){
		.round = round->round + 1, /* what is still open counts no more */
		.send = round->send,
		.previous_send = end,
		.send_before = end,
	};
	session_wake(multiping);
	return 0;
}

/* When the caller's time is over; INT64_MAX: not to be said yet, for not all was sent, or for the
 * caller waits for ever. */
static int64_t round_deadline_ns(const struct round *round, int64_t called_ns, int64_t wait_us) {
	int64_t from_ns = round->all_sent_ns > called_ns ? round->all_sent_ns : called_ns;

	if (round->n_unsent > 0 || round->n_wanted > 0 || wait_us < 0 ||
	    wait_us > (INT64_MAX - from_ns) / CLOCK_NS_PER_US) {
		return INT64_MAX;
	}
	return from_ns + wait_us * CLOCK_NS_PER_US;
}

int multiping_receive(struct multiping *multiping, int64_t wait_us) {
	const struct round *round = &multiping->round;
	int64_t called_ns = clock_monotonic_ns();
	int r;

	do {
		r = session_dispatch(multiping, SIZE_MAX);
		if (r < 0) {
			return r;
		}
		if (round->n_undecided == 0) {
			break;
		}
		r = session_wait(multiping, round_deadline_ns(round, called_ns, wait_us));
		if (r < 0) {
			return r;
		}
	} while (r > 0); /* past the deadline too: what was delivered is read first */

	return (int)(multiping->targets.n - multiping->targets.n_removed - round->n_replied);
}

int rounds_run(struct multiping *multiping, uint32_t max_asked) {
	int r;

	multiping->round.max_asked = max_asked;
	r = multiping_send(multiping);
	return r < 0 ? r : multiping_receive(multiping, -1);
}
