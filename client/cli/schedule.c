/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/schedule.h"

#include <errno.h>
#include <stdlib.h>

#define AHEAD_NS                                                                                   \
	INT64_C(100000000) /* what a client may ask for in advance (the helper counts it as waiting) */

void schedule_init(struct schedule *ret_schedule, size_t n_targets, uint64_t n_rounds,
		   int64_t interval_ns, int64_t period_ns, int64_t now_ns) {
	*ret_schedule = (struct schedule){
		.interval_ns = interval_ns,
		.period_ns = period_ns,
		.due_ns = now_ns,
		.begun_ns = INT64_MIN,
		.free_ns = now_ns,
		.n_targets = n_targets,
		.n_rounds = n_targets > 0 ? n_rounds : 0,
	};
}

void schedule_deinit(struct schedule *schedule) {
	free(schedule->retries);
	*schedule = (struct schedule){0};
}

/* Doubles the ring, its oldest entry first. */
static int grow_retries(struct schedule *schedule) {
	size_t n_allocated = 2 * schedule->n_allocated + 64;
	size_t *retries = reallocarray(NULL, n_allocated, sizeof(*retries));

	if (!retries) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < schedule->n_retries; i++) {
		retries[i] = schedule->retries[(schedule->first_retry + i) % schedule->n_allocated];
	}
	free(schedule->retries);
	schedule->retries = retries;
	schedule->n_allocated = n_allocated;
	schedule->first_retry = 0;
	return 0;
}

int schedule_retry(struct schedule *schedule, size_t target) {
	int r;

	if (schedule->n_retries == schedule->n_allocated) {
		r = grow_retries(schedule);
		if (r < 0) {
			return r;
		}
	}
	schedule->retries[(schedule->first_retry + schedule->n_retries++) % schedule->n_allocated] =
		target;
	return 0;
}

/* Whether the gaps of all that was asked for leave room for more; else when they will. */
static bool has_room(struct schedule *schedule, int64_t now_ns, int64_t *ret_at_ns) {
	const int64_t ahead_ns = schedule->interval_ns < AHEAD_NS ? AHEAD_NS : 0;
	int64_t waiting_ns = schedule->free_ns - now_ns;

	if (waiting_ns > ahead_ns) {
		schedule->is_full = true;
	} else if (waiting_ns <= ahead_ns / 2) {
		schedule->is_full = false;
	}
	*ret_at_ns = schedule->free_ns - ahead_ns / 2;
	return !schedule->is_full;
}

int schedule_peek(struct schedule *schedule, int64_t now_ns, struct turn *ret_turn,
		  int64_t *ret_at_ns) {
	if (schedule->n_retries == 0) {
		if (schedule->next_round == schedule->n_rounds) {
			return SCHEDULE_E_END;
		}
		if (schedule->due_ns > now_ns) {
			*ret_at_ns = schedule->due_ns;
			return SCHEDULE_E_WAIT;
		}
	}
	if (!has_room(schedule, now_ns, ret_at_ns)) {
		return SCHEDULE_E_WAIT;
	}
	if (schedule->n_retries > 0) {
		*ret_turn = (struct turn){.target = schedule->retries[schedule->first_retry],
					  .is_retry = true};
	} else {
		*ret_turn = (struct turn){.target = schedule->next_target,
					  .round = schedule->next_round};
	}
	return 0;
}

static void next_round(struct schedule *schedule) {
	if (schedule->begun_ns > schedule->due_ns + schedule->period_ns / 2) {
		schedule->due_ns = schedule->begun_ns;
	}
	schedule->due_ns += schedule->period_ns;
	schedule->begun_ns = INT64_MIN;
	schedule->next_target = 0;
	schedule->next_round++;
}

void schedule_skip(struct schedule *schedule) {
	if (schedule->n_retries > 0) {
		schedule->first_retry = (schedule->first_retry + 1) % schedule->n_allocated;
		schedule->n_retries--;
		return;
	}
	schedule->next_target++;
	if (schedule->next_target == schedule->n_targets) {
		next_round(schedule);
	}
}

void schedule_take(struct schedule *schedule, int64_t now_ns) {
	if (schedule->n_retries == 0 && schedule->begun_ns == INT64_MIN) {
		schedule->begun_ns = now_ns;
	}
	schedule_skip(schedule);
	if (schedule->free_ns < now_ns) {
		schedule->free_ns = now_ns;
	}
	schedule->free_ns += schedule->interval_ns;
}
