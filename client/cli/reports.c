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

/* Default mode: who was asked and did not answer. Unlike fping, after Ctrl-C nothing is said of those whose turn had not come:
 * they are not silent, and of a range there may be more of them than anybody wants to read. */
static void finish_unreachable(struct pinger *pinger, bool decided_only) {
	struct multiping_result result;

	if (!options_show_unreachable(pinger->options)) {
		return;
	}
	for (size_t i = 0; i < pinger->n_added; i++) {
		if (pinger->states[i] == TARGET_UNREACHABLE ||
		    (!decided_only && pinger->states[i] == TARGET_ASKED)) {
			output_unreachable(pinger->output, pinger_label(pinger, i, &result));
		}
	}
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
		output_totals(pinger->output, &pinger->statistics.totals, elapsed_ns);
	}
	if (pinger->options->n_required > 0) {
		output_reachable(pinger->output, pinger->statistics.totals.n_alive);
	}
}
