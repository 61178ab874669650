/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* From what the library tells of a probe to what fping says of a target. The rules that are not obvious:
 *
 * - A probe is lost when its time-out is over, whatever was heard before: an ICMP error is told at once and then waits.
 * - A reply counts if it is faster than the time-out that its target has *now*: in default mode the answer to an earlier try,
 *   slower than its own time-out but not than the backed-off one, is still good.
 * - In default mode a probe that could not be sent is not tried again. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "client/cli/pinger.h"

#define NS_PER_S INT64_C(1000000000)
#define MAX_PROBE_TIMEOUT_NS (60 * NS_PER_S) /* the protocol's greatest */

/* What waits to be decided: which probe of whom. */
struct fate {
	struct pinger *pinger;
	const struct multiping_result *result; /* of the event, or of the target */
	const char *label;
	size_t target;
	uint64_t round;
	int64_t timeout_ns;
};

static bool counts_rounds(const struct fate *fate) {
	return options_have_rounds(fate->pinger->options);
}

/* False: the round of the probe is not known (the library told of a probe that was never asked for). */
static bool fate_init(struct fate *ret_fate, struct pinger *pinger,
		      const struct multiping_result *result) {
	const struct options *options = pinger->options;
	uint64_t round = 0;
	uint32_t n_lost;

	if (result->target >= pinger->n_added ||
	    (options_have_rounds(options) &&
	     rounds_find(&pinger->rounds, result->target, result->probe, &round) != 0)) {
		return false;
	}
	n_lost = (uint32_t)pinger->statistics.tallies[result->target].n_sent;
	*ret_fate = (struct fate){
		.pinger = pinger,
		.result = result,
		.label = pinger_label_of(pinger, result),
		.target = result->target,
		.round = round,
		.timeout_ns = options_timeout_ns(
			options, n_lost < options->n_retries ? n_lost : options->n_retries),
	};
	return true;
}

/* Whether the probe still waits to be decided. */
static bool is_open(const struct fate *fate) {
	return counts_rounds(fate)
		       ? rounds_get(&fate->pinger->rounds, fate->target, fate->round) == ROUND_OPEN
		       : fate->pinger->states[fate->target] == TARGET_ASKED;
}

/* Decides, in default mode the target, else the probe. */
static void close_fate(const struct fate *fate, enum target_state state, int64_t rtt_ns) {
	fate->pinger->n_undecided--;
	if (counts_rounds(fate)) {
		rounds_close(&fate->pinger->rounds, fate->target, fate->round, rtt_ns);
	} else {
		fate->pinger->states[fate->target] = (uint8_t)state;
		fate->pinger->n_decided++;
	}
}

static void accept_reply(const struct fate *fate) {
	struct pinger *pinger = fate->pinger;
	const struct multiping_result *result = fate->result;

	close_fate(fate, TARGET_ALIVE, result->rtt_ns);
	statistics_add_reply(&pinger->statistics, fate->target, result->rtt_ns);
	if (counts_rounds(fate)) {
		output_reply(pinger->output, fate->label, fate->round, result,
			     &pinger->statistics.tallies[fate->target]);
	} else {
		output_alive(pinger->output, fate->label, result->rtt_ns);
	}
}

/* The probe is lost: in default mode the target gets another try, or has had its last. -ENOMEM. */
static int lose(const struct fate *fate) {
	struct pinger *pinger = fate->pinger;
	const struct tally *tally = &pinger->statistics.tallies[fate->target];

	statistics_add_timeout(&pinger->statistics, fate->target);
	if (!counts_rounds(fate) && tally->n_sent <= pinger->options->n_retries) {
		return schedule_retry(&pinger->schedule, fate->target);
	}
	close_fate(fate, TARGET_UNREACHABLE, ROUND_LOST);
	if (counts_rounds(fate)) {
		output_timed_out(pinger->output, fate->label, fate->round, tally);
	}
	return 0;
}

/* The probe ended without a reply that counts: lost now, or when its time-out is over. -ENOMEM. */
static int lose_in_time(const struct fate *fate, int64_t now_ns) {
	struct timespec now;
	int64_t left_ns = fate->timeout_ns;

	clock_gettime(CLOCK_REALTIME, &now);
	left_ns -= now.tv_sec * NS_PER_S + now.tv_nsec - fate->result->sent_unix_ns;
	left_ns = left_ns < fate->timeout_ns ? left_ns : fate->timeout_ns; /* the clock was set */
	if (left_ns <= 0) {
		return lose(fate);
	}
	return deadlines_push(&fate->pinger->deadlines,
			      &(struct deadline){.at_ns = now_ns + left_ns,
						 .probe = fate->result->probe,
						 .target = fate->target});
}

static void tell_icmp_error(const struct fate *fate) {
	fate->pinger->statistics.totals.n_icmp_errors +=
		output_icmp_error(fate->pinger->output, fate->label, fate->result->reporter,
				  fate->result->icmp_type, fate->result->icmp_code);
}

/* A reply too many: to a target that is alive, or a round that was answered. */
static void tell_duplicate(const struct fate *fate) {
	output_duplicate(fate->pinger->output, fate->label, fate->round, fate->result->size_bytes,
			 fate->result->rtt_ns);
}

static int handle_reply(const struct fate *fate, int64_t now_ns) {
	fate->pinger->statistics.totals.n_replies++;
	if (!is_open(fate)) {
		tell_duplicate(fate);
	} else if (fate->result->rtt_ns > fate->timeout_ns) {
		return lose_in_time(fate, now_ns);
	} else {
		accept_reply(fate);
	}
	return 0;
}

/* A reply after the probe had ended without one: it may still be in time. */
static void handle_late(const struct fate *fate) {
	struct deadline deadline;

	fate->pinger->statistics.totals.n_replies++;
	if (!counts_rounds(fate) && fate->pinger->states[fate->target] == TARGET_ALIVE) {
		tell_duplicate(fate);
	} else if (is_open(fate) && fate->result->rtt_ns <= fate->timeout_ns) {
		deadlines_remove(&fate->pinger->deadlines, fate->result->probe, &deadline);
		accept_reply(fate);
	}
}

static int handle_send_error(const struct fate *fate) {
	struct pinger *pinger = fate->pinger;

	statistics_add_send_error(&pinger->statistics, fate->target);
	close_fate(fate, TARGET_UNREACHABLE, ROUND_LOST);
	output_send_error(pinger->output, fate->label, fate->round, fate->result->error);
	return 0;
}

/* Whether what is denied stands in every probe alike. */
static bool is_option_denied(const struct fate *fate) {
	const int error = fate->result->error;

	return fate->result->outcome == MULTIPING_DENIED &&
	       (error == EACCES || error == ENODEV || error == EMSGSIZE);
}

/* The library has words for the last failure only, the name of its target before them. */
static const char *reason_of_denial(const struct fate *fate) {
	const char *message = multiping_message(fate->pinger->multiping);
	size_t n_name = strlen(fate->result->name);

	if (fate->result->error != EPERM) {
		return message;
	}
	return strncmp(message, fate->result->name, n_name) == 0 &&
			       strncmp(message + n_name, ": ", 2) == 0
		       ? message + n_name + 2
		       : "denied by the helper's policy";
}

/* Nothing was sent, so nothing is counted; told once a target. */
static int handle_denied(const struct fate *fate) {
	if (is_option_denied(fate)) {
		return PINGER_E_REFUSED;
	}
	close_fate(fate, TARGET_UNREACHABLE, ROUND_LOST);
	if (fate->round == 0) {
		output_denied(fate->pinger->output, fate->label, reason_of_denial(fate));
	}
	return 0;
}

static int handle_outcome(const struct fate *fate, int64_t now_ns) {
	switch (fate->result->outcome) {
	case MULTIPING_REPLY:
		return handle_reply(fate, now_ns);
	case MULTIPING_HELPER_LOST:
		return PINGER_E_HELPER_LOST;
	case MULTIPING_TIMEOUT:
	case MULTIPING_ICMP_ERROR:
	case MULTIPING_SEND_ERROR:
	case MULTIPING_DENIED:
	case MULTIPING_CANCELLED:
	case MULTIPING_NAME_ERROR:
	case MULTIPING_PENDING:
	case MULTIPING_SENT:
		break;
	}
	if (!is_open(fate)) {
		return 0; /* an earlier try was answered meanwhile */
	}
	if (fate->result->outcome == MULTIPING_SEND_ERROR) {
		return handle_send_error(fate);
	}
	if (fate->result->outcome == MULTIPING_TIMEOUT) {
		return fate->timeout_ns > MAX_PROBE_TIMEOUT_NS ? lose_in_time(fate, now_ns)
							       : lose(fate);
	}
	if (fate->result->outcome != MULTIPING_ICMP_ERROR) {
		return handle_denied(fate); /* or cancelled, which nobody asked for */
	}
	if (fate->result->flags & MULTIPING_UNVERIFIED) {
		return lose(fate); /* was told when it came; the outcome comes at the deadline */
	}
	tell_icmp_error(fate);
	return lose_in_time(fate, now_ns);
}

/* The name of a target was looked up. */
static void handle_name(struct pinger *pinger, const struct multiping_result *result) {
	if (result->target < pinger->n_added && pinger->states[result->target] == TARGET_LOOKUP) {
		pinger->n_lookups--;
		pinger->states[result->target] =
			result->outcome == MULTIPING_NAME_ERROR ? TARGET_UNKNOWN : TARGET_NEW;
	}
}

int pinger_handle(struct pinger *pinger, const struct multiping_event *event, int64_t now_ns) {
	struct fate fate;

	if (event->type == MULTIPING_EVENT_NAME) {
		handle_name(pinger, &event->result);
		return 0;
	}
	if (event->type == MULTIPING_EVENT_HELPER_UP ||
	    event->type == MULTIPING_EVENT_HELPER_DOWN) {
		pinger->is_helper_away = event->type == MULTIPING_EVENT_HELPER_DOWN;
		return 0;
	}
	if (event->type == MULTIPING_EVENT_OUTCOME) {
		pinger->n_open--;
	}
	if (!fate_init(&fate, pinger, &event->result)) {
		return 0;
	}
	if (event->type == MULTIPING_EVENT_OUTCOME) {
		return handle_outcome(&fate, now_ns);
	}
	if (event->type == MULTIPING_EVENT_UNVERIFIED_ERROR) {
		tell_icmp_error(&fate);
	} else if (event->type == MULTIPING_EVENT_LATE) {
		handle_late(&fate);
	} else {
		pinger->statistics.totals.n_replies++;
		tell_duplicate(&fate);
	}
	return 0;
}

int pinger_expire(struct pinger *pinger, int64_t now_ns) {
	struct multiping_result result;
	struct deadline deadline;
	struct fate fate;
	int r = 0;

	while (r == 0 && deadlines_pop(&pinger->deadlines, now_ns, &deadline)) {
		multiping_get(pinger->multiping, deadline.target, &result);
		result.probe = deadline.probe; /* the target may have had others since */
		if (fate_init(&fate, pinger, &result) && is_open(&fate)) {
			r = lose(&fate);
		}
	}
	return r;
}
