/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Where targets come from: lists and ranges. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "client/cli/range.h"
#include "client/cli/targets.h"

struct taken {
	char text[256]; /* each name and a blank */
	size_t n_left;  /* how many it takes before it refuses; 0: all */
};

static int take(void *context, const char *name) {
	struct taken *taken = context;

	strcat(taken->text, name);
	strcat(taken->text, " ");
	return taken->n_left > 0 && --taken->n_left == 0 ? -ENOMEM : 0;
}

static int read_text(const char *text, struct taken *taken) {
	char copy[512];
	FILE *file;
	int r;

	strcpy(copy, text);
	file = fmemopen(copy, strlen(copy), "r");
	assert_non_null(file);
	r = targets_read(file, take, taken);
	fclose(file);
	return r;
}

static void targets_read_takes_first_words(void **state) {
	struct taken taken = {0};

	assert_int_equal(read_text("a b c\n  d\te\n\n# no\n   #no\nf#g\r\n \nlast", &taken), 0);
	assert_string_equal(taken.text, "a d f#g last ");
}

static void targets_read_long_line_is_one_name(void **state) {
	struct taken taken = {0};
	char text[300];

	memset(text, 'x', 200);
	strcpy(text + 200, "\ny\n");
	assert_int_equal(read_text(text, &taken), 0);
	assert_int_equal(strlen(taken.text), 203);
}

static void targets_read_stops_when_refused(void **state) {
	struct taken taken = {.n_left = 2};

	assert_int_equal(read_text("a\nb\nc\n", &taken), -ENOMEM);
	assert_string_equal(taken.text, "a b ");
}

static void targets_read_error_is_told(void **state) {
	struct taken taken = {0};
	FILE *file = fopen("/", "r");

	assert_non_null(file);
	assert_int_equal(targets_read(file, take, &taken), -EISDIR);
	fclose(file);
}

/* Of "a/24" or "first last". */
static int parse(const char *text, int family, struct range *ret_range, char fault[static 128]) {
	char first[64];
	const char *blank = strchr(text, ' ');

	if (!blank) {
		return range_parse_prefix(text, family, ret_range, fault, 128);
	}
	snprintf(first, sizeof(first), "%.*s", (int)(blank - text), text);
	return range_parse_ends(first, blank + 1, family, ret_range, fault, 128);
}

static void assert_range(const char *text, uint64_t n_addresses, const char *first,
			 const char *last) {
	struct range range;
	char fault[128], address[RANGE_TEXT_BYTES];

	assert_int_equal(parse(text, AF_UNSPEC, &range, fault), 0);
	assert_true(range.n_addresses == n_addresses);
	assert_string_equal(range_address(&range, 0, address), first);
	assert_string_equal(range_address(&range, n_addresses - 1, address), last);
}

static void assert_fault(const char *text, int family, const char *expected) {
	struct range range;
	char fault[128];

	assert_int_equal(parse(text, family, &range, fault), RANGE_E_FAULT);
	assert_string_equal(fault, expected);
}

static void range_ipv4_prefix_leaves_network_and_broadcast_out(void **state) {
	assert_range("10.1.2.3/24", 254, "10.1.2.1", "10.1.2.254");
	assert_range("10.1.2.3/30", 2, "10.1.2.1", "10.1.2.2");
	assert_range("10.1.2.3/31", 2, "10.1.2.2", "10.1.2.3");
	assert_range("10.1.2.3/32", 1, "10.1.2.3", "10.1.2.3");
	assert_range("127.0.0.0/8", 16777214, "127.0.0.1", "127.255.255.254");
	assert_range("200.0.0.0/1", 2147483646, "128.0.0.1", "255.255.255.254");
}

static void range_ipv6_prefix_is_whole(void **state) {
	assert_range("fd00::5/126", 4, "fd00::4", "fd00::7");
	assert_range("fd00::5/128", 1, "fd00::5", "fd00::5");
	assert_range("fd00::/65", UINT64_C(1) << 63, "fd00::", "fd00::7fff:ffff:ffff:ffff");
	assert_range("fd00:0:0:1::/64", UINT64_MAX, "fd00:0:0:1::", "fd00::1:ffff:ffff:ffff:fffe");
	assert_range("fd00::/32", UINT64_MAX, "fd00::", "fd00::ffff:ffff:ffff:fffe");
}

static void range_ends_are_both_in(void **state) {
	assert_range("10.0.0.255 10.0.1.0", 2, "10.0.0.255", "10.0.1.0");
	assert_range("0.0.0.0 255.255.255.255", UINT64_C(1) << 32, "0.0.0.0", "255.255.255.255");
	assert_range("fd00::ffff:ffff:ffff:fffe fd00::1:0:0:0:1", 4, "fd00::ffff:ffff:ffff:fffe",
		     "fd00:0:0:1::1");
	assert_range("fe80::1%lo fe80::2", 2, "fe80::1%lo", "fe80::2%lo");
}

static void range_backwards_is_empty(void **state) {
	struct range range;
	char fault[128];

	assert_int_equal(parse("10.0.0.5 10.0.0.4", AF_UNSPEC, &range, fault), 0);
	assert_true(range.n_addresses == 0);
	assert_int_equal(parse("fd00:0:0:1:: fd00::ffff", AF_UNSPEC, &range, fault), 0);
	assert_true(range.n_addresses == 0);
}

static void range_faults_are_told(void **state) {
	assert_fault("10.0.0.0/33", AF_UNSPEC, "netmask must be between 1 and 32 (is: 33)");
	assert_fault("10.0.0.0/0", AF_UNSPEC, "netmask must be between 1 and 32 (is: 0)");
	assert_fault("10.0.0.0/8x", AF_UNSPEC, "netmask must be between 1 and 32 (is: 8x)");
	assert_fault("fd00::/129", AF_UNSPEC, "netmask must be between 1 and 128 (is: 129)");
	assert_fault("x/24", AF_UNSPEC, "can't parse address x: Name or service not known");
	assert_fault("10.0.0.0 x", AF_UNSPEC, "can't parse address x: Name or service not known");
	assert_fault("10.0.0.0", AF_UNSPEC, "can't parse 10.0.0.0: not address/bits");
	assert_fault("10.0.0.1 fd00::1", AF_UNSPEC,
		     "can't parse address fd00::1: Address family for hostname not supported");
	assert_fault("fd00::/120", AF_INET,
		     "can't parse address fd00::: Address family for hostname not supported");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_read_takes_first_words),
		cmocka_unit_test(targets_read_long_line_is_one_name),
		cmocka_unit_test(targets_read_stops_when_refused),
		cmocka_unit_test(targets_read_error_is_told),
		cmocka_unit_test(range_ipv4_prefix_leaves_network_and_broadcast_out),
		cmocka_unit_test(range_ipv6_prefix_is_whole),
		cmocka_unit_test(range_ends_are_both_in),
		cmocka_unit_test(range_backwards_is_empty),
		cmocka_unit_test(range_faults_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
