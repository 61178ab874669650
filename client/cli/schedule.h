/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Whose turn it is to be asked, and when.
 *
 * All targets share one period, so no timers are sorted: rounds go through the targets in order, and a round is due as a whole.
 * A round that begins late, by more than half a period, moves all that follow: what was missed is not made up for in a burst.
 * In default mode there is one round, and retries go before what is left of it, as in fping.
 *
 * The least gap between pings (-i) is kept by the helper, exactly; here it only says how much may be asked for ahead: some
 * 100 ms of work, in gulps of half that, so that a fast pace costs few messages. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHEDULE_ENDLESS UINT64_MAX /* rounds; nobody gets there */

struct turn {
	size_t target;
	uint64_t round;
	bool is_retry;
};

struct schedule {
	int64_t interval_ns, period_ns;
	int64_t due_ns;   /* of the round that is under way or next */
	int64_t begun_ns; /* when its first target was asked; INT64_MIN: not yet */
	int64_t free_ns;  /* when the gap after all that was asked for is over */
	bool is_full;     /* of work ahead; until half of it is done */
	size_t n_targets, next_target;
	uint64_t n_rounds, next_round;
	size_t *retries; /* ring, in the order in which they were lost */
	size_t n_retries, first_retry, n_allocated;
};

/* Starts at @now_ns. @n_rounds: 1 in default mode. */
void schedule_init(struct schedule *ret_schedule, size_t n_targets, uint64_t n_rounds,
		   int64_t interval_ns, int64_t period_ns, int64_t now_ns);
void schedule_deinit(struct schedule *schedule);

/* Lets @target be asked again. -ENOMEM. */
int schedule_retry(struct schedule *schedule, size_t target);

/* Whose turn it is at @now_ns. SCHEDULE_E_WAIT: nobody's before *ret_at_ns. SCHEDULE_E_END: nobody's, unless a retry comes. */
enum { SCHEDULE_E_WAIT = 1, SCHEDULE_E_END };
int schedule_peek(struct schedule *schedule, int64_t now_ns, struct turn *ret_turn,
		  int64_t *ret_at_ns);

/* Takes the turn that was told last: it was asked (and takes its time), or it is left out. */
void schedule_take(struct schedule *schedule, int64_t now_ns);
void schedule_skip(struct schedule *schedule);
