/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A probe of multiping_ping() ends as an event. A probe of multiping_send() ends in its target: the
 * first reply stays; any other outcome is only the last word until a probe that is still open says
 * more, and of a target that was removed or a round that was reset nothing is told at all. */

#include <errno.h>

#include "client/lib/clock.h"
#include "client/lib/probe.h"

int probe_ask_round(struct multiping *multiping, size_t number, struct target *target) {
	const struct batch_key key = {
		.timeout_us = multiping->options.ping.timeout_us,
		.scope = target->scope,
		.scope_is_name = target->scope_is_name,
		.round = multiping->round.round,
		.send = multiping->round.send,
	};
	int r;

	r = batches_add(&multiping->batches, &key, number, target, NULL);
	if (r < 0) {
		return r;
	}
	++target->n_asked;
	++target->n_open;
	++multiping->round.n_unsent;
	return 0;
}

static void round_note_sent(struct round *round) {
	if (--round->n_unsent == 0) {
		round->all_sent_ns = clock_monotonic_ns();
	}
}

static void round_take_reply(struct round *round, struct target *target,
			     const struct record *record) {
	target->last = *record;
	target->replied = true;
	++round->n_replied;
}

static bool outcome_is_worth_a_retry(enum multiping_outcome outcome) {
	return outcome == MULTIPING_TIMEOUT || outcome == MULTIPING_ICMP_ERROR ||
	       outcome == MULTIPING_SEND_ERROR;
}

static int round_decide(struct multiping *multiping, size_t number, struct target *target,
			const struct record *record) {
	struct round *round = &multiping->round;
	bool was_undecided = target_is_undecided(target);
	int r = 0;

	--target->n_open;
	if (!target->replied && record->outcome == MULTIPING_REPLY) {
		round_take_reply(round, target, record);
	} else if (!target->replied) {
		/* cancelled since later ones were asked: that says nothing of the target */
		if (record->outcome != MULTIPING_CANCELLED || target->last.probe == 0) {
			target->last = *record;
		}
		if (outcome_is_worth_a_retry(record->outcome) &&
		    target->n_asked < round->max_asked) {
			r = probe_ask_round(multiping, number, target);
		}
	}
	if (was_undecided && !target_is_undecided(target)) {
		--round->n_undecided;
	}
	return r;
}

/* Whether anybody still wants to know of this batch's probes. */
static bool batch_counts(const struct multiping *multiping, const struct batch *batch,
			 const struct target *target) {
	return !target->removed &&
	       (batch->key.is_event || batch->key.round == multiping->round.round);
}

static bool outcome_was_sent(enum multiping_outcome outcome) {
	return outcome == MULTIPING_REPLY || outcome == MULTIPING_TIMEOUT ||
	       outcome == MULTIPING_ICMP_ERROR;
}

int probe_decide(struct multiping *multiping, struct batch *batch, uint32_t place,
		 struct record record) {
	uint32_t entry = batch->entries[place];
	size_t number = entry & ENTRY_TARGET;
	struct target *target = targets_at(&multiping->targets, number);
	bool was_sent = entry & ENTRY_SENT;

	if (entry & ENTRY_DECIDED) {
		return 0;
	}
	batch->entries[place] = entry | ENTRY_DECIDED | ENTRY_SENT;
	--batch->n_undecided;
	if (!batch_counts(multiping, batch, target)) {
		return 0;
	}
	record.probe = batch_probe(batch, place);
	if (outcome_was_sent(record.outcome) && !was_sent) {
		++target->n_sent;
	}
	if (record.outcome == MULTIPING_REPLY) {
		++target->n_replies;
	}
	if (batch->key.is_event) {
		target->last = record;
		return object_push_event(multiping, MULTIPING_EVENT_OUTCOME, number, &record);
	}
	if (was_sent) {
		--target->n_on_way;
	} else {
		round_note_sent(&multiping->round);
	}
	return round_decide(multiping, number, target, &record);
}

int probe_decide_all(struct multiping *multiping, struct batch *batch,
		     enum multiping_outcome outcome, int error) {
	const struct record record = {.outcome = (uint8_t)outcome, .error = error, .rtt_ns = -1};
	int r;

	for (uint32_t place = 0; place < batch->n_entries && batch->n_undecided > 0; ++place) {
		r = probe_decide(multiping, batch, place, record);
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

void probe_note_sent(struct multiping *multiping, struct batch *batch) {
	for (uint32_t place = 0; place < batch->n_entries; ++place) {
		uint32_t *entry = &batch->entries[place];
		struct target *target = targets_at(&multiping->targets, *entry & ENTRY_TARGET);

		if (*entry & (ENTRY_DECIDED | ENTRY_SENT)) {
			continue;
		}
		*entry |= ENTRY_SENT;
		if (!batch_counts(multiping, batch, target)) {
			continue;
		}
		++target->n_sent;
		if (!batch->key.is_event) {
			++target->n_on_way;
			round_note_sent(&multiping->round);
		}
	}
}

/* A probe that is asked again counts as sent once. */
static void probe_note_unsent(struct multiping *multiping, struct batch *batch, uint32_t place) {
	uint32_t *entry = &batch->entries[place];
	struct target *target = targets_at(&multiping->targets, *entry & ENTRY_TARGET);

	if (!(*entry & ENTRY_SENT)) {
		return;
	}
	*entry &= ~ENTRY_SENT;
	if (!batch_counts(multiping, batch, target)) {
		return;
	}
	target->n_sent -= target->n_sent > 0; /* it may have been reset since */
	if (!batch->key.is_event) {
		--target->n_on_way;
		++multiping->round.n_unsent;
	}
}

/* Whether it makes no difference any more how this probe ends. */
static bool probe_is_idle(const struct multiping *multiping, const struct batch *batch,
			  uint32_t entry) {
	const struct target *target = targets_at(&multiping->targets, entry & ENTRY_TARGET);

	return entry & ENTRY_CANCELLED || !batch_counts(multiping, batch, target) ||
	       (!batch->key.is_event && target->replied);
}

int probe_recall(struct multiping *multiping, struct batch *batch) {
	const struct record cancelled = {.outcome = MULTIPING_CANCELLED, .rtt_ns = -1};
	int r = 0;

	for (uint32_t place = 0; r == 0 && place < batch->n_entries; ++place) {
		if (batch->entries[place] & ENTRY_DECIDED) {
			continue;
		}
		probe_note_unsent(multiping, batch, place);
		if (probe_is_idle(multiping, batch, batch->entries[place])) {
			r = probe_decide(multiping, batch, place, cancelled);
		}
	}
	return r;
}

static enum multiping_outcome outcome_of_kind(uint8_t kind) {
	switch (kind) {
	case OUTCOME_REPLY:
	case OUTCOME_DUPLICATE:
	case OUTCOME_LATE:
		return MULTIPING_REPLY;
	case OUTCOME_TIMEOUT:
		return MULTIPING_TIMEOUT;
	case OUTCOME_ICMP_ERROR:
	case OUTCOME_UNVERIFIED_ERROR:
		return MULTIPING_ICMP_ERROR;
	case OUTCOME_DENIED:
		return MULTIPING_DENIED;
	case OUTCOME_CANCELLED:
		return MULTIPING_CANCELLED;
	default: /* and what a later helper may say: final, but not known here */
		return MULTIPING_SEND_ERROR;
	}
}

static int32_t error_of_outcome(const struct outcome *outcome) {
	switch (outcome->kind) {
	case OUTCOME_SEND_ERROR:
		return (int32_t)outcome->error;
	case OUTCOME_DENIED:
		return EPERM;
	default:
		return outcome_of_kind(outcome->kind) == MULTIPING_SEND_ERROR ? EPROTO : 0;
	}
}

static struct record record_of_outcome(const struct batch *batch, const struct outcome *outcome) {
	enum multiping_outcome what = outcome_of_kind(outcome->kind);
	struct record record = {
		.outcome = (uint8_t)what,
		.flags = outcome->flags,
		.queued_us = outcome->queued_us,
		.error = error_of_outcome(outcome),
		.rtt_ns = -1,
	};

	if (outcome_was_sent(what)) {
		record.sent_unix_ns =
			batch->asked_unix_ns + (int64_t)outcome->queued_us * CLOCK_NS_PER_US;
	}
	if (what == MULTIPING_REPLY) {
		record.rtt_ns = outcome->rtt_ns;
		record.hop_limit = outcome->hop_limit;
		record.size_bytes = outcome->size_bytes;
	} else if (what == MULTIPING_ICMP_ERROR) {
		record.reporter = outcome->reporter;
		record.icmp_type = outcome->icmp_type;
		record.icmp_code = outcome->icmp_code;
		record.next_hop_mtu = outcome->next_hop_mtu;
	}
	return record;
}

/* A reply that came late, once its probe had ended, is as good as one in time for a target that is
 * still without. */
static void round_handle_late(struct multiping *multiping, struct target *target,
			      const struct record *record) {
	bool was_undecided = target_is_undecided(target);

	if (target->replied) {
		return;
	}
	round_take_reply(&multiping->round, target, record);
	if (was_undecided) {
		--multiping->round.n_undecided;
	}
}

/* What may follow an outcome, or precede one: the probe's state stays as it is. */
static int probe_handle_event(struct multiping *multiping, struct batch *batch, uint32_t place,
			      uint8_t kind, struct record record) {
	size_t number = batch->entries[place] & ENTRY_TARGET;
	struct target *target = targets_at(&multiping->targets, number);
	enum multiping_event_type type = MULTIPING_EVENT_UNVERIFIED_ERROR;

	if (!batch_counts(multiping, batch, target)) {
		return 0;
	}
	record.probe = batch_probe(batch, place);
	switch (kind) {
	case OUTCOME_DUPLICATE:
		type = MULTIPING_EVENT_DUPLICATE;
		++target->n_duplicates;
		break;
	case OUTCOME_LATE:
		type = MULTIPING_EVENT_LATE;
		++target->n_replies;
		if (!batch->key.is_event) {
			round_handle_late(multiping, target, &record);
		}
		break;
	case OUTCOME_UNVERIFIED_ERROR:
		break;
	default: /* of a later helper */
		return 0;
	}
	return batch->key.is_event ? object_push_event(multiping, type, number, &record) : 0;
}

int probe_handle_outcome(struct multiping *multiping, struct batch *batch, uint32_t place,
			 const struct outcome *outcome) {
	struct record record = record_of_outcome(batch, outcome);

	if (outcome->kind >= OUTCOME_FIRST_EVENT) {
		return probe_handle_event(multiping, batch, place, outcome->kind, record);
	}
	if (outcome->kind == OUTCOME_DENIED) {
		size_t number = batch->entries[place] & ENTRY_TARGET;

		words_set(&multiping->words, "%s: denied by the helper's policy (%s)",
			  targets_at(&multiping->targets, number)->name, outcome->rule);
	}
	return probe_decide(multiping, batch, place, record);
}
