/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Whose turn it is to send: deficit round robin over the owners that have something to send, then over each one's sessions. Who is
 * over a limit is passed over, and waits; nobody waits for somebody else's limit. */

#include <stdint.h>

#include "helper/config.h"
#include "helper/prober.h"
#include "helper/session.h"
#include "helper/token_bucket.h"

struct scheduler {
	struct prober *prober; /* borrowed */
	struct token_bucket total;
	struct user *first, *last; /* owners with active sessions */
	uint32_t n_active;         /* owners */
	uint32_t budget;           /* targets that may yet be admitted in this run */
};

void scheduler_init(struct scheduler *ret_scheduler, struct prober *prober,
		    const struct config *config);

/* @session has targets to admit, or is about to be freed. */
void scheduler_activate(struct scheduler *scheduler, struct session *session);
void scheduler_deactivate(struct scheduler *scheduler, struct session *session);

/* Ends the cancelled targets that come next in @session: they wait for no rate, but cost their owner's tokens. What finds no slot
 * waits for its turn. */
void scheduler_end_cancelled(struct scheduler *scheduler, struct session *session);

/* Admits up to @budget targets. Returns when there may be more to do: a time, prober->clock.now_ns where the budget ended it, or
 * INT64_MAX where nothing waits but for outcomes to be delivered. */
int64_t scheduler_run(struct scheduler *scheduler, uint32_t budget);
