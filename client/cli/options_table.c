/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/options_table.h"

#include <string.h>

#include "client/cli/options.h"

enum {
	MAX_ROUNDS = 1000000000,
	MAX_MILLISECONDS = 1000000000, /* eleven days; nanoseconds of it still fit many times */
};

#define FIELD(name) offsetof(struct options, name)

static const struct option option_table[] = {
	{'4', KIND_SPECIAL, "ipv4", NULL, 0, 0, 0, "IPv4 only"},
	{'6', KIND_SPECIAL, "ipv6", NULL, 0, 0, 0, "IPv6 only"},
	{'a', KIND_FLAG, "alive", NULL, FIELD(only_alive), 0, 0, "list the targets that answer"},
	{'A', KIND_FLAG, "addr", NULL, FIELD(show_addresses), 0, 0,
	 "print addresses in place of names"},
	{'b', KIND_NUMBER, "size", "BYTES", FIELD(size_bytes), 0, UINT32_MAX,
	 "bytes of data in each ping (56)"},
	{'B', KIND_FACTOR, "backoff", "FACTOR", FIELD(backoff), 0, 0,
	 "each retry waits this many times longer (1.5)"},
	{'c', KIND_NUMBER, "count", "N", FIELD(n_rounds), 1, MAX_ROUNDS,
	 "ping each target N times, a line for each answer"},
	{'C', KIND_NUMBER, "vcount", "N", FIELD(n_rounds), 1, MAX_ROUNDS,
	 "the same; the summary lists every time"},
	{LETTER_CHECK_SOURCE, KIND_IGNORED, "check-source", NULL, 0, 0, 0,
	 "no effect: an answer from another address never counts"},
	{'d', KIND_FLAG, "rdns", NULL, FIELD(names_all), 0, 0,
	 "print the names that addresses have, also of targets given by name"},
	{'D', KIND_FLAG, "timestamp", NULL, FIELD(timestamp), 0, 0,
	 "begin each line of -c, -C and -l with the time"},
	{'e', KIND_FLAG, "elapsed", NULL, FIELD(elapsed), 0, 0, "tell how long an answer took"},
	{'f', KIND_TEXT, "file", "FILE", FIELD(file), 0, 0,
	 "read targets from FILE, one a line (-: standard input)"},
	{'g', KIND_FLAG, "generate", NULL, FIELD(generate), 0, 0,
	 "the targets are a prefix, or a first and a last address"},
	{'h', KIND_SPECIAL, "help", NULL, 0, 0, 0, "print this"},
	{'H', KIND_NUMBER, "ttl", "N", FIELD(ttl), 1, UINT32_MAX,
	 "hop limit of the pings (the system's)"},
	{'i', KIND_MILLISECONDS, "interval", "MSEC", FIELD(interval_ns), 0, MAX_MILLISECONDS,
	 "least time between any two pings (10)"},
	{'I', KIND_TEXT, "iface", "IFACE", FIELD(interface), 0, 0, "send through this interface"},
	{'J', KIND_FLAG, "json", NULL, FIELD(json), 0, 0,
	 "with -c, -C, -l and --stats-helper, print one JSON object a line"},
	{'k', KIND_NUMBER, "fwmark", "FWMARK", FIELD(fwmark), 0, UINT32_MAX,
	 "give each ping this mark for rules of routing and firewalls"},
	{'l', KIND_FLAG, "loop", NULL, FIELD(loop), 0, 0,
	 "ping each target until Ctrl-C, a line for each answer"},
	{'m', KIND_FLAG, "all", NULL, FIELD(all_addresses), 0, 0,
	 "ping all addresses of each name"},
	{'M', KIND_FLAG, "dontfrag", NULL, FIELD(dont_fragment), 0, 0, "never fragment the pings"},
	{'n', KIND_FLAG, "name", NULL, FIELD(names_numeric), 0, 0,
	 "print the names of targets given as addresses"},
	{'N', KIND_FLAG, "netdata", NULL, FIELD(netdata), 0, 0,
	 "with -Q, report as netdata reads it"},
	{'o', KIND_FLAG, "outage", NULL, FIELD(outage), 0, 0,
	 "tell in summaries for how long a target was out"},
	{'O', KIND_INTEGER, "tos", "N", FIELD(tos), 0, 255,
	 "type of service, or traffic class, of the pings"},
	{'p', KIND_MILLISECONDS, "period", "MSEC", FIELD(period_ns), 0, MAX_MILLISECONDS,
	 "with -c, -C and -l, time from one ping of a target to its next (1000)"},
	{'q', KIND_FLAG, "quiet", NULL, FIELD(quiet), 0, 0, "print summaries only"},
	{'Q', KIND_SPECIAL, "squiet", "SECS", 0, 0, 0,
	 "with -c, -C and -l, a summary every SECS seconds (SECS,cumulative: since the start)"},
	{'r', KIND_NUMBER, "retry", "N", FIELD(n_retries), 0, MAX_ROUNDS,
	 "how often to try again before a target is unreachable (3)"},
	{'R', KIND_FLAG, "random", NULL, FIELD(random_data), 0, 0,
	 "fill the pings with random data"},
	{'s', KIND_FLAG, "stats", NULL, FIELD(totals), 0, 0, "print totals at the end"},
	{'S', KIND_SPECIAL, "src", "ADDRESS", 0, 0, 0, "send from this address"},
	{LETTER_SOCKET, KIND_TEXT, "socket", "PATH", FIELD(socket_path), 0, 0,
	 "ask the helper that listens at PATH"},
	{LETTER_STATS_HELPER, KIND_FLAG, "stats-helper", NULL, FIELD(stats_helper), 0, 0,
	 "ping nobody, print what the helper counts"},
	{'t', KIND_MILLISECONDS, "timeout", "MSEC", FIELD(timeout_ns), 0, MAX_MILLISECONDS,
	 "how long to wait for an answer (500; with -c, -C and -l the period, at most 2000)"},
	{'T', KIND_IGNORED, NULL, "N", 0, 0, 0, "no effect, as in fping"},
	{'u', KIND_FLAG, "unreach", NULL, FIELD(only_unreachable), 0, 0,
	 "list the targets that do not answer"},
	{'v', KIND_SPECIAL, "version", NULL, 0, 0, 0, "print the version"},
	{'x', KIND_NUMBER, "reachable", "N", FIELD(n_required), 1, INT32_MAX,
	 "tell whether at least N targets are alive"},
	{'X', KIND_NUMBER, "fast-reachable", "N", FIELD(n_required), 1, INT32_MAX,
	 "the same, and end as soon as they are"},
};

enum { N_OPTIONS = sizeof(option_table) / sizeof(option_table[0]) };

const struct option *option_of_letter(int letter) {
	for (size_t i = 0; i < N_OPTIONS; i++) {
		if (option_table[i].letter == letter) {
			return &option_table[i];
		}
	}
	return NULL;
}

const struct option *option_of_name(const char *name, size_t n_name) {
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const char *known = option_table[i].name;

		if (known && strlen(known) == n_name && memcmp(known, name, n_name) == 0) {
			return &option_table[i];
		}
	}
	return NULL;
}

/* Beyond that there are complaints in fping's words. */
static uint32_t greatest_valid(const struct option *option) {
	switch (option->letter) {
	case 'b':
		return OPTION_MAX_DATA_BYTES;
	case 'H':
		return OPTION_MAX_TTL;
	default:
		return option->max;
	}
}

void option_describe_value(const struct option *option, char *ret_text, size_t text_bytes) {
	switch (option->kind) {
	case KIND_NUMBER:
	case KIND_INTEGER:
		snprintf(ret_text, text_bytes, "a whole number from %u to %u", option->min,
			 greatest_valid(option));
		break;
	case KIND_MILLISECONDS:
		snprintf(ret_text, text_bytes, "a number from %u to %u", option->min, option->max);
		break;
	case KIND_FACTOR:
		snprintf(ret_text, text_bytes, "a number from %.1f to %.1f", OPTION_MIN_BACKOFF,
			 OPTION_MAX_BACKOFF);
		break;
	case KIND_FLAG:
	case KIND_TEXT:
	case KIND_IGNORED:
	case KIND_SPECIAL: /* -Q */
		snprintf(ret_text, text_bytes, "a number from 0 to %d, or that and \",cumulative\"",
			 OPTION_MAX_REPORT_SECONDS);
	}
}

void options_print_help(const struct options *options, FILE *stream) {
	fprintf(stream,
		"Usage: %s [options] [targets...]\n"
		"Pings many hosts at once, through the multiping helper; no privilege is needed.\n"
		"Targets are names or addresses; without any, they are read from standard "
		"input.\n\n",
		options->program);
	for (const struct option *option = option_table; option < option_table + N_OPTIONS;
	     option++) {
		const char *value = option->value ? option->value : "";
		char letter[8] = "    ", form[32];

		if (option->letter < LETTER_NONE) {
			snprintf(letter, sizeof(letter), "-%c%s", option->letter,
				 option->name ? ", " : " ");
		}
		snprintf(form, sizeof(form), "%s%s%s%s%s", letter, option->name ? "--" : "",
			 option->name ? option->name : "", option->name && option->value ? "=" : "",
			 value);
		fprintf(stream, "  %-21s %s\n", form, option->help);
	}
	fputs("\nExit status: 0 all targets (with -x and -X, enough) answered, 1 some did not (or "
	      "wrong arguments),\n"
	      "2 a name was not found, 4 no helper or another failure.\n",
	      stream);
}
