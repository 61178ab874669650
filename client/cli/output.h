/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What is printed, line by line, on the stream on which fping prints it; with -J all of it on the standard output, as JSON.
 *
 * @label is always the name or address of a target as it is to be shown. Lines of the standard output wait in its buffer until
 * output_flush(), which is called before this program sleeps and before anything goes to the standard error: so a million
 * lines cost few writes, and yet each is seen at once and in order. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "client/cli/options.h"
#include "client/cli/rounds.h"
#include "client/cli/statistics.h"
#include "client/include/multiping.h"

struct output {
	FILE *out, *err; /* borrowed */
	const struct options *options;
	int label_width; /* of the longest label */
	bool shows_progress; /* the last line of the standard error, a terminal, is output_progress()'s */
};

/* Widens the column of labels where @label needs it. */
void output_fit(struct output *output, const char *label);

void output_alive(struct output *output, const char *label, int64_t rtt_ns);
void output_unreachable(struct output *output, const char *label);

/* With -c, -C and -l, for each probe. @tally counts it already. */
void output_reply(struct output *output, const char *label, uint64_t round,
		  const struct multiping_result *result, const struct tally *tally);
void output_timed_out(struct output *output, const char *label, uint64_t round,
		      const struct tally *tally);
void output_duplicate(struct output *output, const char *label, uint64_t round, uint32_t size_bytes,
		      int64_t rtt_ns);

/* Whether it is an error that fping would count. @reporter: whose address decides the family. */
bool output_icmp_error(struct output *output, const char *label, const char *reporter, uint8_t type,
		       uint8_t code);
void output_send_error(struct output *output, const char *label, uint64_t round, int error);

/* Also with -q: who asks for nothing but figures would take those of a denied target for the network's. */
void output_denied(struct output *output, const char *label, const char *reason);
void output_name_error(struct output *output, const char *name, int error);

/* The empty line that parts the summary from the lines of single probes. */
void output_summary_begin(struct output *output);
void output_summary(struct output *output, const char *label, const struct tally *tally);
void output_summary_rtts(struct output *output, const char *label, const struct rounds *rounds,
			 size_t target, uint64_t n_sent);

/* The head of a snapshot (SIGQUIT, -Q), and what was counted of each target. */
void output_snapshot_begin(struct output *output, time_t now);
void output_snapshot(struct output *output, const char *label, const struct tally *tally,
		     time_t now);

void output_totals(struct output *output, const struct totals *totals, int64_t elapsed_ns);

/* Whether enough targets are alive, for -x and -X. */
void output_reachable(struct output *output, uint64_t n_alive);

/* How far a sweep is, on a line that whatever is printed next replaces. Only for terminals. */
void output_progress(struct output *output, uint64_t n_decided, uint64_t n_targets,
		     uint64_t n_alive);
void output_clear_progress(struct output *output);

/* "PROGRAM: TEXT"; "PROGRAM: WHAT" and "PROGRAM: PATH: " with the words of an errno */
void output_failure(struct output *output, const char *text);
void output_errno(struct output *output, const char *what, int error);
void output_file_error(struct output *output, const char *path, int error);

/* Writes what waits. 0, or -errno where the standard output could not take all that was ever printed. */
int output_flush(struct output *output);
