/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "client/cli/options.h"

enum { NS_PER_MS = 1000000, MAX_ARGUMENTS = 16 };

/* Parses "multiping" and @words, parted by single blanks. The words stay in @ret_words, which the options borrow. */
static int parse(const char *words, struct options *ret_options, char ret_words[static 256]) {
	static char name[] = "multiping"; /* argv is not const */
	char *argv[MAX_ARGUMENTS + 1] = {name};
	int argc = 1;

	strcpy(ret_words, words);
	for (char *word = strtok(ret_words, " "); word; word = strtok(NULL, " ")) {
		argv[argc++] = word;
	}
	return options_parse(argc, argv, ret_options);
}

static void assert_fault(const char *words, const char *fault) {
	struct options options;
	char buffer[256];

	assert_int_equal(parse(words, &options, buffer), OPTIONS_E_FAULT);
	assert_string_equal(options.fault, fault);
}

static void options_none_are_fpings_defaults(void **state) {
	struct options options;
	char words[256];

	assert_int_equal(parse("", &options, words), 0);
	assert_int_equal(options.action, OPTIONS_PING);
	assert_int_equal(options.family, AF_UNSPEC);
	assert_int_equal(options.n_rounds, 0);
	assert_int_equal(options.n_retries, 3);
	assert_int_equal(options.size_bytes, 56);
	assert_int_equal(options.interval_ns, 10 * NS_PER_MS);
	assert_int_equal(options.timeout_ns, 500 * NS_PER_MS);
	assert_string_equal(options.file, "-");
	assert_true(options_show_sentences(&options));
}

static void options_targets_and_options_mix(void **state) {
	static char name[] = "multiping", a[] = "a", q[] = "-q", b[] = "b", count[] = "-c",
		    three[] = "3", end[] = "--", minus[] = "-x";
	char *argv[] = {name, a, q, b, count, three, end, minus, NULL};
	struct options options;

	assert_int_equal(options_parse(8, argv, &options), 0);
	assert_int_equal(options.n_targets, 3);
	assert_string_equal(options.targets[0], "a");
	assert_string_equal(options.targets[1], "b");
	assert_string_equal(options.targets[2], "-x");
	assert_null(options.file);
	assert_true(options.quiet);
	assert_int_equal(options.n_rounds, 3);
}

static void options_value_stands_in_four_ways(void **state) {
	static const char *const ways[] = {"-p 20.5", "-p20.5", "--period 20.5", "--period=20.5",
					   "-qp20.5"};
	struct options options;
	char words[256];

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		assert_int_equal(parse(ways[i], &options, words), 0);
		assert_int_equal(options.period_ns, 20500000);
	}
}

static void options_timeout_of_count_is_period_up_to_two_seconds(void **state) {
	struct options options;
	char words[256];

	assert_int_equal(parse("-c 1", &options, words), 0);
	assert_int_equal(options.timeout_ns, INT64_C(1000) * NS_PER_MS);
	assert_int_equal(parse("-C 1 -p 1999", &options, words), 0);
	assert_int_equal(options.timeout_ns, INT64_C(1999) * NS_PER_MS);
	assert_int_equal(parse("-c 1 -p 2001", &options, words), 0);
	assert_int_equal(options.timeout_ns, INT64_C(2000) * NS_PER_MS);
	assert_int_equal(parse("-c 1 -p 20 -t 3000", &options, words), 0);
	assert_int_equal(options.timeout_ns, INT64_C(3000) * NS_PER_MS);
}

static void options_timeout_backs_off_in_default_mode_only(void **state) {
	struct options options;
	char words[256];

	assert_int_equal(parse("-t 100 -B 2", &options, words), 0);
	assert_int_equal(options_timeout_ns(&options, 0), INT64_C(100) * NS_PER_MS);
	assert_int_equal(options_timeout_ns(&options, 3), INT64_C(800) * NS_PER_MS);
	assert_true(options_timeout_ns(&options, UINT32_MAX) > 0);
	assert_int_equal(parse("-t 100 -B 2 -c 9", &options, words), 0);
	assert_int_equal(options_timeout_ns(&options, 3), INT64_C(100) * NS_PER_MS);
}

static void options_alive_with_count_hides_lines_but_shows_no_own(void **state) {
	struct options options;
	char words[256];

	assert_int_equal(parse("-a -c 2", &options, words), 0);
	assert_false(options_show_each_probe(&options));
	assert_false(options_show_alive(&options));
	assert_int_equal(parse("-a -q", &options, words), 0);
	assert_true(options_show_alive(&options));
	assert_false(options_show_sentences(&options));
	assert_false(options_show_unreachable(&options));
}

static void options_unknown_says_so_as_fping_does(void **state) {
	const char *see = "see 'multiping -h' for usage information";
	char text[128];

	snprintf(text, sizeof(text), "multiping: invalid option -- 'z'\n%s", see);
	assert_fault("-qz", text);
	snprintf(text, sizeof(text), "multiping: invalid option -- 'foo=1'\n%s", see);
	assert_fault("--foo=1", text);
	snprintf(text, sizeof(text), "multiping: invalid option -- 'coun'\n%s", see);
	assert_fault("--coun 1", text);
	snprintf(text, sizeof(text), "multiping: option takes no arguments -- 'alive'\n%s", see);
	assert_fault("--alive=1", text);
	snprintf(text, sizeof(text), "multiping: option requires an argument -- 'c'\n%s", see);
	assert_fault("-c", text);
	snprintf(text, sizeof(text), "multiping: option requires an argument -- 'count'\n%s", see);
	assert_fault("--count", text);
}

static void options_conflicts_are_told_as_fping_does(void **state) {
	assert_fault("-a -u x", "multiping: specify only one of a, u");
	assert_fault("-H 256 -a -u x", "multiping: ttl 256 out of range");
	assert_fault("-c 1 -l x", "multiping: specify only one of c, l");
	assert_fault("-l -C 1 x", "multiping: specify only one of c, l");
	assert_fault("-n -d x", "multiping: use either one of -d or -n");
	assert_fault("-d -n --nonsense", "multiping: use either one of -d or -n");
	assert_fault("-S nobody x", "multiping: can't parse source address: nobody");
	assert_fault("-4 -6 x", "multiping: can't specify both -4 and -6");
	assert_fault("-b 65489", "multiping: data size 65489 not valid, must be lower than 65488");
	assert_fault("-B 0.5",
		     "multiping: backoff factor 0.5 not valid, must be between 1.0 and 5.0");
	assert_fault("-B 5.1",
		     "multiping: backoff factor 5.1 not valid, must be between 1.0 and 5.0");
}

static void options_values_that_are_not_valid_tell_which_are(void **state) {
	static const char *const cases[][2] = {
		{"-c x", "--count: 'x' is not a valid N: a whole number from 1 to 1000000000"},
		{"-b x", "--size: 'x' is not a valid BYTES: a whole number from 0 to 65488"},
		{"-O 256", "--tos: '256' is not a valid N: a whole number from 0 to 255"},
		{"-p -1", "--period: '-1' is not a valid MSEC: a number from 0 to 1000000000"},
		{"-B x", "--backoff: 'x' is not a valid FACTOR: a number from 1.0 to 5.0"},
		{"-Q 1,x", "--squiet: '1,x' is not a valid SECS: a number from 0 to 1000000000, or "
			   "that and \",cumulative\""},
		{"--socket= a", "--socket: no path"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256];

		snprintf(text, sizeof(text),
			 "multiping: %s\nsee 'multiping -h' for usage information", cases[i][1]);
		assert_fault(cases[i][0], text);
	}
}

static void options_socket_paths_have_the_systems_length(void **state) {
	struct options options;
	char words[256], text[128];

	snprintf(text, sizeof(text), "--socket=%0107d a", 0);
	assert_int_equal(parse(text, &options, words), 0);
	snprintf(text, sizeof(text), "--socket=%0108d a", 0);
	assert_int_equal(parse(text, &options, words), OPTIONS_E_FAULT);
	assert_non_null(strstr(options.fault, "--socket: the path is longer than 107 bytes"));
}

static void options_helper_stats_ping_nobody(void **state) {
	static const char see[] = "see 'multiping -h' for usage information";
	struct options options;
	char words[256], text[128];

	assert_int_equal(parse("--stats-helper --socket /run/x -J", &options, words), 0);
	assert_int_equal(options.action, OPTIONS_SHOW_HELPER_STATS);
	assert_true(options.json);
	assert_string_equal(options.socket_path, "/run/x");
	assert_int_equal(parse("--stats-helper", &options, words), 0);
	assert_false(options.json);
	snprintf(text, sizeof(text), "multiping: --stats-helper takes no targets\n%s", see);
	assert_fault("a --stats-helper", text);
	assert_fault("-J -N -l a", "multiping: specify only one of J, N");
	assert_fault("--json a", "multiping: option -J, --json requires -c, -C, or -l");
	assert_int_equal(parse("-J -l", &options, words), 0);
}

static void options_type_of_service_is_written_as_in_c(void **state) {
	struct options options;
	char words[256];

	assert_int_equal(parse("-O 16", &options, words), 0);
	assert_int_equal(options.tos, 16);
	assert_int_equal(parse("-O 0x10", &options, words), 0);
	assert_int_equal(options.tos, 16);
	assert_int_equal(parse("-O 020", &options, words), 0);
	assert_int_equal(options.tos, 16);
}

static void options_reports_are_anew_or_cumulative(void **state) {
	struct options options;
	char words[256];

	assert_int_equal(parse("-l -Q 1.5", &options, words), 0);
	assert_int_equal(options.report_ns, INT64_C(1500) * NS_PER_MS);
	assert_false(options.report_is_cumulative);
	assert_false(options_show_each_probe(&options));
	assert_int_equal(parse("-l -Q 2,cumulative", &options, words), 0);
	assert_int_equal(options.report_ns, INT64_C(2000) * NS_PER_MS);
	assert_true(options.report_is_cumulative);
	assert_int_equal(parse("-l -Q 0", &options, words), 0);
	assert_true(options_show_each_probe(&options));
	assert_int_equal(parse("-l -a -q", &options, words), 0);
	assert_true(options_show_each_probe(&options));
}

static void options_at_their_bounds(void **state) {
	static const char *const good[] = {"-b 65488",
					   "-b 0",
					   "-B 1",
					   "-B 5",
					   "-i 0",
					   "-r 0",
					   "-c 1",
					   "-t 0.001",
					   "-4 -4",
					   "-g a",
					   "-g a b",
					   "-H 1",
					   "-H 255",
					   "-O 0",
					   "-O 0xff",
					   "-S ::1 -6",
					   "-S fe80::1%eth0",
					   "-T x",
					   "--check-source",
					   "-Q 0",
					   "-Q 1e9",
					   "-x 1",
					   "-X 2147483647"};
	static const char *const bad[] = {"-c 0",      "-c -1",
					  "-c 1.5",    "-c 5x",
					  "-t -1",     "-t nan",
					  "-i inf",    "-r -1",
					  "-b 1e10",   "-g",
					  "-g a b c",  "-f x y",
					  "-f x -g y", "-H 0",
					  "-H 256",    "-O 256",
					  "-O -1",     "-O 1.5",
					  "-O 0x100",  "-S x",
					  "-S ::1 -4", "-S 127.0.0.1%lo",
					  "--T=1",     "--check-source=1",
					  "-Q -1",     "-Q x",
					  "-Q 1,x",    "-Q ,cumulative",
					  "-Q 2e9",    "-x 0",
					  "-X 0",      "-x -1"};
	struct options options;
	char words[256];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(parse(good[i], &options, words), 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i], &options, words), OPTIONS_E_FAULT);
	}
}

static void options_help_and_version_end_parsing(void **state) {
	struct options options;
	char words[256];

	assert_int_equal(parse("-h --nonsense", &options, words), 0);
	assert_int_equal(options.action, OPTIONS_SHOW_HELP);
	assert_int_equal(parse("-qv --nonsense", &options, words), 0);
	assert_int_equal(options.action, OPTIONS_SHOW_VERSION);
	assert_int_equal(parse("--nonsense -h", &options, words), OPTIONS_E_FAULT);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_none_are_fpings_defaults),
		cmocka_unit_test(options_targets_and_options_mix),
		cmocka_unit_test(options_value_stands_in_four_ways),
		cmocka_unit_test(options_timeout_of_count_is_period_up_to_two_seconds),
		cmocka_unit_test(options_timeout_backs_off_in_default_mode_only),
		cmocka_unit_test(options_alive_with_count_hides_lines_but_shows_no_own),
		cmocka_unit_test(options_unknown_says_so_as_fping_does),
		cmocka_unit_test(options_conflicts_are_told_as_fping_does),
		cmocka_unit_test(options_values_that_are_not_valid_tell_which_are),
		cmocka_unit_test(options_socket_paths_have_the_systems_length),
		cmocka_unit_test(options_helper_stats_ping_nobody),
		cmocka_unit_test(options_type_of_service_is_written_as_in_c),
		cmocka_unit_test(options_reports_are_anew_or_cumulative),
		cmocka_unit_test(options_at_their_bounds),
		cmocka_unit_test(options_help_and_version_end_parsing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
