/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Words, numbers and lines; what is expected was taken from runs of Debian's fping 5.1. */
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/output.h"
#include "client/cli/words.h"

enum { US = 1000, MS = 1000000 };

/* An output that writes to memory. */
struct sink {
	struct options options;
	struct output output;
	char *out_text, *err_text;
	size_t n_out, n_err;
};

static void sink_open(struct sink *sink, struct options options) {
	*sink = (struct sink){.options = options};
	sink->options.program = "multiping";
	sink->output.options = &sink->options;
	sink->output.out = open_memstream(&sink->out_text, &sink->n_out);
	sink->output.err = open_memstream(&sink->err_text, &sink->n_err);
	assert_non_null(sink->output.out);
	assert_non_null(sink->output.err);
}

/* Closes it, and compares all that was written. */
static void sink_assert(struct sink *sink, const char *out, const char *err) {
	fclose(sink->output.out);
	fclose(sink->output.err);
	assert_string_equal(sink->out_text, out);
	assert_string_equal(sink->err_text, err);
	free(sink->out_text);
	free(sink->err_text);
}

static void milliseconds_have_about_three_digits(void **state) {
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		{0, "0.000"},
		{64 * US, "0.064"},
		{999499, "0.999"},
		{999500, "1.000"}, /* rounds up within its range */
		{MS, "1.00"},
		{9994999, "9.99"},
		{10 * MS, "10.0"},
		{99949999, "99.9"},
		{100 * MS, "100"},
		{INT64_C(999999) * MS, "999999"},
		{INT64_C(1234567) * MS, "1.235e+06"},
	};
	char text[MILLISECONDS_TEXT_BYTES];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(milliseconds_text(cases[i].ns, text), cases[i].text);
	}
}

static void icmp_errors_have_fpings_words(void **state) {
	assert_string_equal(icmp_error_text(false, 3, 1), "ICMP Host Unreachable");
	assert_string_equal(icmp_error_text(false, 3, 15),
			    "ICMP Unreachable (Precedence cutoff in effect)");
	assert_string_equal(icmp_error_text(false, 3, 16), "ICMP Unreachable (Invalid Code)");
	assert_string_equal(icmp_error_text(false, 11, 0), "ICMP Time Exceeded");
	assert_null(icmp_error_text(false, 0, 0));
	assert_string_equal(icmp_error_text(true, 1, 3), "ICMP Host Unreachable");
	assert_string_equal(icmp_error_text(true, 1, 7), "ICMP Unreachable (Invalid Code)");
	assert_string_equal(icmp_error_text(true, 3, 0), "ICMP Time Exceeded");
	assert_null(icmp_error_text(true, 129, 0));
}

static void output_default_mode_says_sentences(void **state) {
	struct sink sink;

	sink_open(&sink, (struct options){.elapsed = true});
	output_alive(&sink.output, "a", 44 * US);
	output_unreachable(&sink.output, "b");
	output_send_error(&sink.output, "c", 7, ENETUNREACH);
	sink_assert(&sink, "a is alive (0.044 ms)\nb is unreachable\n",
		    "c: error while sending ping: Network is unreachable\n");
}

static void output_only_alive_lists_names(void **state) {
	struct sink sink;

	sink_open(&sink, (struct options){.only_alive = true, .elapsed = true});
	output_alive(&sink.output, "a", 44 * US);
	output_unreachable(&sink.output, "b");
	output_send_error(&sink.output, "c", 7, ENETUNREACH);
	sink_assert(&sink, "a (0.044 ms)\n", "");
}

static void output_only_unreachable_lists_names(void **state) {
	struct sink sink;

	sink_open(&sink, (struct options){.only_unreachable = true});
	output_alive(&sink.output, "a", 44 * US);
	output_unreachable(&sink.output, "b");
	sink_assert(&sink, "b\n", "");
}

static void output_count_mode_pads_labels(void **state) {
	const struct tally one = {1, 1, 64 * US, 64 * US, 64 * US}, none = {3, 0, 0, 0, 0},
			   some = {3, 1, 10 * MS, 10 * MS, 10 * MS};
	const struct multiping_result reply = {.size_bytes = 56, .rtt_ns = 64 * US};
	struct sink sink;

	sink_open(&sink, (struct options){.n_rounds = 3});
	output_fit(&sink.output, "long");
	output_fit(&sink.output, "a");
	output_reply(&sink.output, "a", 0, &reply, &one);
	output_timed_out(&sink.output, "long", 2, &none);
	output_timed_out(&sink.output, "a", 2, &some);
	output_summary_begin(&sink.output);
	output_summary(&sink.output, "a", &some);
	output_summary(&sink.output, "long", &none);
	sink_assert(&sink,
		    "a    : [0], 64 bytes, 0.064 ms (0.064 avg, 0% loss)\n"
		    "long : [2], timed out (NaN avg, 100% loss)\n"
		    "a    : [2], timed out (10.0 avg, 66% loss)\n",
		    "\n"
		    "a    : xmt/rcv/%loss = 3/1/66%, min/avg/max = 10.0/10.0/10.0\n"
		    "long : xmt/rcv/%loss = 3/0/100%\n");
}

static void output_loop_has_time_stamps_and_outages(void **state) {
	const struct tally some = {3, 1, 10 * MS, 10 * MS, 10 * MS};
	const struct multiping_result reply = {
		.size_bytes = 56, .rtt_ns = 10 * MS, .sent_unix_ns = INT64_C(1700000000123450000)};
	struct sink sink;

	sink_open(&sink, (struct options){.loop = true,
					  .quiet = true, /* hides nothing of -l */
					  .timestamp = true,
					  .outage = true,
					  .period_ns = 2500 * US});
	output_reply(&sink.output, "a", UINT64_C(1) << 32, &reply, &some);
	output_summary_begin(&sink.output);
	output_summary(&sink.output, "a", &some);
	sink_assert(&sink,
		    "[1700000000.13345] a : [4294967296], 64 bytes, 10.0 ms (10.0 avg, 66% loss)\n",
		    "\n"
		    "a : xmt/rcv/%loss = 3/1/66%, outage(ms) = 5, min/avg/max = 10.0/10.0/10.0\n");
}

static void output_quiet_leaves_summary_and_duplicates(void **state) {
	const struct tally none = {0};
	const struct multiping_result reply = {.size_bytes = 56, .rtt_ns = MS};
	struct sink sink;

	sink_open(&sink, (struct options){.n_rounds = 1, .quiet = true});
	output_reply(&sink.output, "a", 0, &reply, &none);
	output_timed_out(&sink.output, "a", 0, &none);
	assert_true(output_icmp_error(&sink.output, "a", "10.0.0.1", 3, 1)); /* counted, not told */
	output_name_error(&sink.output, "x", EAI_NONAME);
	output_denied(&sink.output, "a", "because");
	output_duplicate(&sink.output, "a", 2, 56, MS);
	output_summary_begin(&sink.output);
	output_summary(&sink.output, "a", &none);
	sink_assert(&sink, "",
		    "a: because\na : duplicate for [2], 64 bytes, 1.00 ms\n"
		    "a : xmt/rcv/%loss = 0/0/0%\n");
}

static void output_troubles_go_to_standard_error(void **state) {
	struct sink sink;

	sink_open(&sink, (struct options){.n_rounds = 1});
	assert_true(output_icmp_error(&sink.output, "a", "10.0.0.1", 3, 1));
	assert_true(output_icmp_error(&sink.output, "b", "fd00::1", 1, 1));
	assert_false(output_icmp_error(&sink.output, "a", "10.0.0.1", 200, 1));
	output_name_error(&sink.output, "x", EAI_NONAME);
	output_duplicate(&sink.output, "a", 2, 56, MS); /* hidden where each reply has its line */
	output_failure(&sink.output, "why");
	sink_assert(&sink, "",
		    "ICMP Host Unreachable from 10.0.0.1 for ICMP Echo sent to a\n"
		    "ICMP Unreachable (Communication Administratively Prohibited) from fd00::1 for "
		    "ICMP "
		    "Echo sent to b\n"
		    "x: Name or service not known\n"
		    "multiping: why\n");
}

static void output_rtts_mark_lost_rounds(void **state) {
	struct rounds rounds;
	struct sink sink;

	rounds_init(&rounds, 2, true);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(rounds_open(&rounds, 1, i, i + 1), 0);
	}
	rounds_close(&rounds, 1, 0, 91700 * US);
	rounds_close(&rounds, 1, 1, ROUND_LOST);
	rounds_close(&rounds, 1, 2, 64 * US);
	sink_open(&sink, (struct options){.n_rounds = 4, .all_rtts = true, .quiet = true});
	output_summary_rtts(&sink.output, "h", &rounds, 1, 4);
	output_summary_rtts(&sink.output, "h", &rounds, 1, 1);
	sink_assert(&sink, "", "h : 91.7 - 0.064 -\nh : 91.7\n");
	rounds_deinit(&rounds);
}

static void output_totals_are_fpings_block(void **state) {
	const struct totals totals = {3, 1, 1, 4, 5, 1, 2, {1, 1, 48 * US, 48 * US, 48 * US}, 0};
	struct sink sink;

	sink_open(&sink, (struct options){.totals = true});
	output_totals(&sink.output, &totals, INT64_C(1272) * MS);
	sink_assert(&sink, "",
		    "\n"
		    "       3 targets\n"
		    "       1 alive\n"
		    "       2 unreachable\n"
		    "       1 unknown addresses\n"
		    "\n"
		    "       4 timeouts (waiting for response)\n"
		    "       5 ICMP Echos sent\n"
		    "       1 ICMP Echo Replies received\n"
		    "       2 other ICMP received\n"
		    "\n"
		    " 0.048 ms (min round trip time)\n"
		    " 0.048 ms (avg round trip time)\n"
		    " 0.048 ms (max round trip time)\n"
		    "        1.272 sec (elapsed real time)\n"
		    "\n");
}

static void output_flush_tells_a_full_disk(void **state) {
	const struct options options = {0};
	struct output output = {.options = &options, .err = stderr};

	output.out = fopen("/dev/full", "w");
	assert_non_null(output.out);
	assert_int_equal(output_flush(&output), 0);
	output_alive(&output, "a", 1);
	assert_int_equal(output_flush(&output), -ENOSPC);
	assert_true(output_flush(&output) < 0); /* and does not forget */
	fclose(output.out);
}

static void statistics_recent_begins_anew(void **state) {
	struct statistics statistics = {0};

	assert_int_equal(statistics_reserve(&statistics, 2), 0);
	statistics_add_reply(&statistics, 1, 30);
	assert_int_equal(statistics_recent(&statistics, 1)->n_received, 1);
	assert_int_equal(statistics_restart_recent(&statistics), 0);
	statistics_add_reply(&statistics, 1, 10);
	statistics_add_timeout(&statistics, 1);
	assert_int_equal(statistics_reserve(&statistics, 1000), 0);
	statistics_add_send_error(&statistics, 999);
	assert_int_equal(statistics_recent(&statistics, 1)->n_sent, 2);
	assert_int_equal(statistics_recent(&statistics, 1)->longest_ns, 10);
	assert_int_equal(statistics_recent(&statistics, 999)->n_sent, 1);
	assert_int_equal(statistics.tallies[1].n_sent, 3);
	assert_int_equal(statistics.tallies[1].longest_ns, 30);
	assert_int_equal(tally_mean_ns(&statistics.tallies[1]), 20);
	assert_int_equal(tally_loss_percent(&statistics.tallies[1]), 33);
	assert_int_equal(statistics.totals.n_alive, 1);
	assert_int_equal(statistics.totals.n_sent, 4);
	assert_int_equal(statistics.totals.n_timeouts, 1);
	statistics_deinit(&statistics);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(milliseconds_have_about_three_digits),
		cmocka_unit_test(icmp_errors_have_fpings_words),
		cmocka_unit_test(output_default_mode_says_sentences),
		cmocka_unit_test(output_only_alive_lists_names),
		cmocka_unit_test(output_only_unreachable_lists_names),
		cmocka_unit_test(output_count_mode_pads_labels),
		cmocka_unit_test(output_loop_has_time_stamps_and_outages),
		cmocka_unit_test(output_quiet_leaves_summary_and_duplicates),
		cmocka_unit_test(output_troubles_go_to_standard_error),
		cmocka_unit_test(output_rtts_mark_lost_rounds),
		cmocka_unit_test(output_totals_are_fpings_block),
		cmocka_unit_test(output_flush_tells_a_full_disk),
		cmocka_unit_test(statistics_recent_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
