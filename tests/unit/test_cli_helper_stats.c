/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* --stats-helper: what is printed of what a helper told, which need not be what this version knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/helper_stats.h"

static const struct multiping_counter counters[] = {
	{.name = "replies", .value = 12},
	{.name = "owners", .value = 3},
	{.name = "brand \"new\"", .value = UINT64_MAX},
	{.name = "probes_open", .value = 0},
};

static const struct helper_stats stats = {
	.helper = {.helper = "helper \\1",
		   .backend = "raw",
		   .namespace_inode = UINT64_C(4026531840),
		   .receive_buffer_bytes = 4096},
	.counters = counters,
	.n_counters = sizeof(counters) / sizeof(counters[0]),
};

static void assert_prints(void (*print)(const struct helper_stats *stats, FILE *stream),
			  const struct helper_stats *printed, const char *expected) {
	char *text;
	size_t n;
	FILE *stream = open_memstream(&text, &n);

	print(printed, stream);
	fclose(stream);
	assert_string_equal(text, expected);
	free(text);
}

static void helper_stats_stand_in_groups_for_people(void **state) {
	assert_prints(
		helper_stats_print, &stats,
		"helper \\1, raw sockets, network namespace 4026531840, receive buffer 4096 bytes\n"
		"\nnow\n"
		"  owners                          3\n"
		"  probes_open                     0\n"
		"\nprobes\n"
		"  replies                        12\n"
		"\nother\n"
		"  brand \"new\"  18446744073709551615\n");
}

static void helper_stats_are_one_object_for_programs(void **state) {
	assert_prints(
		helper_stats_print_json, &stats,
		"{\"helper\": \"helper \\\\1\", \"backend\": \"raw\", \"namespace\": 4026531840, "
		"\"receive_buffer_bytes\": 4096, \"replies\": 12, \"owners\": 3, "
		"\"brand \\\"new\\\"\": 18446744073709551615, \"probes_open\": 0}\n");
}

static void helper_stats_may_be_none(void **state) {
	struct helper_stats none = stats;

	none.n_counters = 0;
	assert_prints(helper_stats_print, &none,
		      "helper \\1, raw sockets, network namespace 4026531840, receive buffer 4096 "
		      "bytes\n");
	assert_prints(
		helper_stats_print_json, &none,
		"{\"helper\": \"helper \\\\1\", \"backend\": \"raw\", \"namespace\": 4026531840, "
		"\"receive_buffer_bytes\": 4096}\n");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(helper_stats_stand_in_groups_for_people),
		cmocka_unit_test(helper_stats_are_one_object_for_programs),
		cmocka_unit_test(helper_stats_may_be_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
