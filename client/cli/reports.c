/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of all targets at once: on the way (-Q, SIGQUIT) and at the end. */
#include <time.h>

#include "client/cli/netdata.h"
#include "client/cli/pinger.h"

#define NS_PER_S 1e9

int pinger_snapshot(struct pinger *pinger) {
	const time_t now = time(NULL);
	struct multiping_result result;

	for (size_t i = 0; !options_have_rounds(pinger->options) && i < pinger->n_added; i++) {
		if (pinger->states[i] != TARGET_UNKNOWN) {
			output_fit(pinger->output, pinger_label(pinger, i, &result));
		}
	}
	output_snapshot_begin(pinger->output, now);
	for (size_t i = 0; i < pinger->n_added; i++) {
		if (pinger->states[i] != TARGET_UNKNOWN) {
			output_snapshot(pinger->output, pinger_label(pinger, i, &result),
					statistics_recent(&pinger->statistics, i), now);
		}
	}
	return pinger->options->report_is_cumulative
		       ? 0
		       : statistics_restart_recent(&pinger->statistics);
}

/* Prints the charts of what was counted since the last report. */
static void report_to_netdata(struct pinger *pinger) {
	const double report_seconds = (double)pinger->options->report_ns / NS_PER_S;
	struct multiping_result result;

	for (size_t i = 0; i < pinger->n_added; i++) {
		struct netdata_target target = {
			.tally = statistics_recent(&pinger->statistics, i),
		};

		if (pinger->states[i] != TARGET_UNKNOWN) {
			target.label = pinger_label(pinger, i, &result);
			target.name = names_given(&pinger->names, i, result.name);
			netdata_print(pinger->output->out, &target, report_seconds,
				      !pinger->has_reported);
		}
	}
}

int pinger_report(struct pinger *pinger) {
	if (!pinger->options->netdata) {
		return pinger_snapshot(pinger);
	}
	report_to_netdata(pinger);
	pinger->has_reported = true;
	return statistics_restart_recent(&pinger->statistics);
}

/* Whether a target is known not to have answered: its time is over, or the run was cut off (but not with @decided_only) when
 * something had been sent to it. Unlike fping, that is not said of those to which nothing was sent yet: they are not silent, and
 * of a range there may be more of them than anybody wants to read. */
static bool is_silent(const struct pinger *pinger, size_t target, bool decided_only) {
	struct multiping_result result;

	if (pinger->states[target] != TARGET_ASKED) {
		return pinger->states[target] == TARGET_UNREACHABLE;
	}
	if (options_have_rounds(pinger->options)) {
		if (pinger->statistics.tallies[target].n_received > 0) {
			return false;
		}
		if (rounds_get(&pinger->rounds, target, 0) != ROUND_OPEN) {
			return true;
		}
	} else if (decided_only) {
		return false;
	}
	return multiping_get(pinger->multiping, target, &result) == 0 && result.n_sent > 0;
}

/* Default mode: who did not answer. */
static void finish_unreachable(struct pinger *pinger, bool decided_only) {
	struct multiping_result result;

	if (!options_show_unreachable(pinger->options)) {
		return;
	}
	for (size_t i = 0; i < pinger->n_added; i++) {
		if (is_silent(pinger, i, decided_only)) {
			output_unreachable(pinger->output, pinger_label(pinger, i, &result));
		}
	}
}

/* -s */
static void finish_totals(struct pinger *pinger, bool decided_only, int64_t elapsed_ns) {
	struct totals *totals = &pinger->statistics.totals;
	uint64_t n_silent = 0;

	for (size_t i = 0; i < pinger->n_added; i++) {
		n_silent += is_silent(pinger, i, decided_only);
	}
	totals->n_undecided = totals->n_targets - totals->n_alive - n_silent;
	output_totals(pinger->output, totals, elapsed_ns);
}

/* -c, -C, -l: what became of all the probes of each target. */
static void finish_summaries(struct pinger *pinger) {
	struct multiping_result result;

	output_summary_begin(pinger->output);
	for (size_t i = 0; i < pinger->n_targets; i++) {
		const struct tally *tally = &pinger->statistics.tallies[i];
		const char *label;

		if (pinger->states[i] == TARGET_UNKNOWN) {
			continue;
		}
		label = pinger_label(pinger, i, &result);
		if (pinger->options->all_rtts) {
			output_summary_rtts(pinger->output, label, &pinger->rounds, i,
					    tally->n_sent);
		} else {
			output_summary(pinger->output, label, tally);
		}
	}
}

void pinger_finish(struct pinger *pinger, bool decided_only, int64_t elapsed_ns) {
	if (options_have_rounds(pinger->options)) {
		finish_summaries(pinger);
	} else {
		finish_unreachable(pinger, decided_only);
	}
	if (pinger->options->totals) {
		finish_totals(pinger, decided_only, elapsed_ns);
	}
	if (pinger->options->n_required > 0) {
		output_reachable(pinger->output, pinger->statistics.totals.n_alive);
	}
}
