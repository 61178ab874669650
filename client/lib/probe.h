/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What becomes of probes: the one place where a probe gets its final outcome, exactly once. */

#include "client/lib/object.h"
#include "protocol/message.h"

/* Asks for a probe of a target whose address is known, for multiping_send(); the caller minds
 * round.n_undecided. -ENOMEM. */
int probe_ask_round(struct multiping *multiping, size_t number, struct target *target);

/* Ends the probe at @place, unless it has ended, with @record (whose number it fills in).
 * -ENOMEM. */
int probe_decide(struct multiping *multiping, struct batch *batch, uint32_t place,
		 struct record record);

/* Ends all of a batch that has no outcome. -ENOMEM. */
int probe_decide_all(struct multiping *multiping, struct batch *batch,
		     enum multiping_outcome outcome, int error);

/* Handles an outcome or event as the helper told it. -ENOMEM. */
int probe_handle_outcome(struct multiping *multiping, struct batch *batch, uint32_t place,
			 const struct outcome *outcome);

/* Every probe of the batch was sent, or has its outcome. */
void probe_note_sent(struct multiping *multiping, struct batch *batch);

/* The helper that was asked for a batch is gone: none of it counts as sent any more, and what nobody
 * waits for now ends as cancelled. -ENOMEM. */
int probe_recall(struct multiping *multiping, struct batch *batch);

/* Whether a target of multiping_send() may yet get a reply that it has not. */
static inline bool target_is_undecided(const struct target *target) {
	return !target->replied && (target->n_open > 0 || target->wanted);
}
