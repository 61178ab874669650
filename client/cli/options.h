/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The command line's options: fping's letters, long names, defaults, conflicts and complaints. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum options_action {
	OPTIONS_PING,
	OPTIONS_SHOW_HELP,
	OPTIONS_SHOW_VERSION,
	OPTIONS_SHOW_HELPER_STATS,
};

struct options {
	const char *program; /* argv[0], as fping says it */
	enum options_action action;
	int family; /* AF_UNSPEC, AF_INET, AF_INET6 */
	bool show_addresses, generate, quiet, elapsed, totals, only_alive, only_unreachable;
	bool all_rtts; /* -C */
	bool loop, netdata, outage, timestamp;
	int64_t report_ns; /* -Q: time between reports; 0: none */
	bool report_is_cumulative;
	bool all_addresses, names_numeric, names_all; /* -m, -n, -d */
	uint32_t n_required; /* -x, -X: so many targets are to be alive; 0: all */
	bool ends_early;     /* -X: as soon as they are */
	bool json, stats_helper;
	uint32_t n_rounds; /* -c, -C; 0: -l, or default mode, each target until it answers */
	uint32_t n_retries, size_bytes;
	bool random_data, dont_fragment;
	uint32_t fwmark, ttl, tos;      /* 0: none; the system's */
	const char *source, *interface; /* NULL: the route's choice */
	int source_family;
	double backoff;
	int64_t interval_ns, period_ns, timeout_ns; /* timeout_ns < 0 while parsing: not given */
	const char *file, *socket_path;
	char **targets; /* the arguments that are no options; borrowed from argv */
	size_t n_targets;
	char fault[400]; /* what is wrong, as it is to be printed */
};

/* Parses @argv (its non-options are moved to its front; borrowed). 0, or OPTIONS_E_FAULT with @ret_options->fault set. -h and
 * -v end it: what follows them is not looked at. */
enum { OPTIONS_E_FAULT = 1 };
int options_parse(int argc, char **argv, struct options *ret_options);

/* Whether targets are asked again and again, a period apart: -c, -C, -l. Else it is default mode. */
static inline bool options_have_rounds(const struct options *options) {
	return options->n_rounds > 0 || options->loop;
}

static inline bool options_look_up_names(const struct options *options) {
	return options->names_numeric || options->names_all;
}

static inline bool options_are_verbose(const struct options *options) {
	return !options->quiet && !options->only_alive && !options->only_unreachable &&
	       options->n_required == 0;
}

/* What each mode shows. fping: -a, -u and -x take the lines away from -c, but do not put their own there; -l has its lines
 * unless there are reports, even with -q. */
static inline bool options_show_each_probe(const struct options *options) {
	if (options->loop) {
		return options->report_ns == 0;
	}
	return options->n_rounds > 0 && options_are_verbose(options);
}

static inline bool options_show_sentences(const struct options *options) {
	return !options_have_rounds(options) && options_are_verbose(options);
}

static inline bool options_show_alive(const struct options *options) {
	return options_show_sentences(options) ||
	       (!options_have_rounds(options) && options->only_alive);
}

static inline bool options_show_unreachable(const struct options *options) {
	return options_show_sentences(options) ||
	       (!options_have_rounds(options) && options->only_unreachable);
}

/* How long a target that @n_lost probes in a row were lost of waits for the next one: backed off in default mode. */
int64_t options_timeout_ns(const struct options *options, uint32_t n_lost);

/* Prints the text of -h. */
void options_print_help(const struct options *options, FILE *stream);
