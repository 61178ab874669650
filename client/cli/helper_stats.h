/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* --stats-helper: what the helper is, and what it has counted since it was started. */

#include <stddef.h>
#include <stdio.h>

#include "client/cli/options.h"
#include "client/include/multiping.h"

struct helper_stats {
	struct multiping_helper helper;
	const struct multiping_counter *counters; /* borrowed */
	size_t n_counters;
};

/* For people: a name and its value a line, in groups; counters that are not known here come last. */
void helper_stats_print(const struct helper_stats *stats, FILE *stream);

/* For programs: one line with one JSON object. "helper" and "backend" are strings, all else are numbers: "namespace" (inode),
 * "receive_buffer_bytes", and each counter under its own name, as in protocol/PROTOCOL.md. There may be more in later versions. */
void helper_stats_print_json(const struct helper_stats *stats, FILE *stream);

/* Asks the helper and prints what it told, as @options say. Returns the exit status. */
int helper_stats_show(const struct options *options, FILE *out, FILE *err);
