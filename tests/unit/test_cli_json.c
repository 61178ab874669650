/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/cli/json.h"

enum { US = 1000, MS = 1000000 };

/* A stream, and what was printed to it. */
struct sink {
	FILE *stream;
	char *text;
	size_t n;
};

static FILE *sink_open(struct sink *ret_sink) {
	ret_sink->stream = open_memstream(&ret_sink->text, &ret_sink->n);
	return ret_sink->stream;
}

static void sink_assert(struct sink *sink, const char *text) {
	fclose(sink->stream);
	assert_string_equal(sink->text, text);
	free(sink->text);
}

static void json_text_is_escaped(void **state) {
	struct sink sink;

	json_print_text(sink_open(&sink), "a \"b\" \\ c\n\x7f\xc3\xa9~");
	sink_assert(&sink, "\"a \\\"b\\\" \\\\ c\\u000a\\u007f\\u00c3\\u00a9~\"");
}

static void json_probes_are_fpings_and_more(void **state) {
	struct multiping_result result = {
		.size_bytes = 56, .rtt_ns = 64 * US, .address = "127.0.0.1", .hop_limit = 63};
	struct sink sink;

	json_print_reply(sink_open(&sink), "a", 3, &result, "");
	result.hop_limit = 0;
	json_print_reply(sink.stream, "a", 4, &result, "1.50000");
	json_print_timeout(sink.stream, "a", 5, "");
	json_print_duplicate(sink.stream, "a", 3, 56, 12 * MS);
	json_print_icmp_error(sink.stream, "a", "10.0.0.1", 3, 1, "why");
	json_print_send_error(sink.stream, "a", 6, 101, "why");
	json_print_warning(sink.stream, "a", "why");
	sink_assert(&sink,
		    "{\"resp\": {\"host\": \"a\", \"seq\": 3, \"size\": 64, \"rtt\": 0.064, "
		    "\"address\": \"127.0.0.1\", \"ttl\": 63}}\n"
		    "{\"resp\": {\"timestamp\": \"1.50000\", \"host\": \"a\", \"seq\": 4, "
		    "\"size\": 64, "
		    "\"rtt\": 0.064, \"address\": \"127.0.0.1\"}}\n"
		    "{\"timeout\": {\"host\": \"a\", \"seq\": 5}}\n"
		    "{\"duplicate\": {\"host\": \"a\", \"seq\": 3, \"size\": 64, \"rtt\": 12.0}}\n"
		    "{\"icmpError\": {\"host\": \"a\", \"type\": 3, \"code\": 1, \"from\": "
		    "\"10.0.0.1\", "
		    "\"message\": \"why\"}}\n"
		    "{\"sendError\": {\"host\": \"a\", \"seq\": 6, \"error\": 101, \"message\": "
		    "\"why\"}}\n"
		    "{\"warning\": {\"host\": \"a\", \"message\": \"why\"}}\n");
}

static void json_summaries_leave_out_what_is_not_known(void **state) {
	const struct tally none = {0}, some = {3, 1, 10 * MS, 10 * MS, 10 * MS};
	const uint64_t outage_ms = 40;
	struct sink sink;

	json_print_summary(sink_open(&sink), "a", &none, 0, NULL);
	json_print_summary(sink.stream, "a", &some, 0, &outage_ms);
	json_print_summary(sink.stream, "a", &some, 1700000000, NULL);
	json_print_reachable(sink.stream, 2, 1);
	sink_assert(&sink,
		    "{\"summary\": {\"host\": \"a\", \"xmt\": 0, \"rcv\": 0, \"loss\": 0}}\n"
		    "{\"summary\": {\"host\": \"a\", \"xmt\": 3, \"rcv\": 1, \"loss\": 66, "
		    "\"outage(ms)\": 40, \"rttMin\": 10.0, \"rttAvg\": 10.0, \"rttMax\": 10.0}}\n"
		    "{\"intSum\": {\"time\": 1700000000, \"host\": \"a\", \"xmt\": 3, \"rcv\": 1, "
		    "\"loss\": 66, \"rttMin\": 10.0, \"rttAvg\": 10.0, \"rttMax\": 10.0}}\n"
		    "{\"reachable\": {\"required\": 2, \"reachable\": 1}}\n");
}

static void json_rtts_are_null_where_lost(void **state) {
	struct rounds rounds;
	struct sink sink;

	rounds_init(&rounds, 1, true);
	for (uint64_t round = 0; round < 2; round++) {
		assert_int_equal(rounds_open(&rounds, 0, round, round + 1), 0);
	}
	rounds_close(&rounds, 0, 0, ROUND_LOST);
	rounds_close(&rounds, 0, 1, 1500 * MS);
	json_print_rtts(sink_open(&sink), "a", &rounds, 0, 2);
	json_print_rtts(sink.stream, "a", &rounds, 0, 0);
	sink_assert(&sink, "{\"vSum\": {\"host\": \"a\", \"values\": [null, 1500]}}\n"
			   "{\"vSum\": {\"host\": \"a\", \"values\": []}}\n");
	rounds_deinit(&rounds);
}

static void json_totals_are_fpings(void **state) {
	const struct totals totals = {3, 1, 1, 4, 5, 1, 2, {1, 1, 48 * US, 48 * US, 48 * US}, 0};
	struct sink sink;

	json_print_totals(sink_open(&sink), &totals, 1234 * INT64_C(1000000));
	sink_assert(&sink, "{\"stats\": {\"targets\": 3, \"alive\": 1, \"unreachable\": 2, "
			   "\"unknownAddresses\": 1, \"timeouts\": 4, \"icmpEchosSent\": 5, "
			   "\"icmpEchoRepliesReceived\": 1, \"otherIcmpReceived\": 2, "
			   "\"rttMin\": 0.048, \"rttAvg\": 0.048, \"rttMax\": 0.048, "
			   "\"elapsed\": 1.234}}\n");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_text_is_escaped),
		cmocka_unit_test(json_probes_are_fpings_and_more),
		cmocka_unit_test(json_summaries_leave_out_what_is_not_known),
		cmocka_unit_test(json_rtts_are_null_where_lost),
		cmocka_unit_test(json_totals_are_fpings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
