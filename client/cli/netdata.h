/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* -N: reports in the language of netdata's external plug-ins, as its fping.plugin expects them. */

#include <stdbool.h>
#include <stdio.h>

#include "client/cli/statistics.h"

struct netdata_target {
	const char *name;          /* as given; letters and digits of it name the charts */
	const char *label;         /* for people */
	const struct tally *tally; /* since the last report */
};

/* Prints the three charts of one target: packets, quality, latency. @defines: says first what they are. */
void netdata_print(FILE *stream, const struct netdata_target *target, double report_seconds,
		   bool defines);
