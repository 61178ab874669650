/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The bounding scan: every form of MessagePack whole and cut, and each limit at its edge. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/limits.h"
#include "protocol/scan.h"

/* Scans a copy that ends where the message ends, so that the address sanitizer sees a byte read too many. */
static enum protocol_code scan_copy(const void *bytes, size_t n_bytes) {
	uint8_t *copy = malloc(n_bytes == 0 ? 1 : n_bytes);
	enum protocol_code code;

	assert_non_null(copy);
	memcpy(copy, bytes, n_bytes);
	code = message_scan(copy, n_bytes);
	free(copy);
	return code;
}

/* One object of each form, with what it needs to be whole. */
struct example {
	const char *bytes;
	size_t n_bytes;
};

#define EXAMPLE(literal)                                                                           \
	{ literal, sizeof(literal) - 1 }

static const struct example examples[] = {
	EXAMPLE("\x00"),
	EXAMPLE("\x7f"),
	EXAMPLE("\xe0"),
	EXAMPLE("\xff"),
	EXAMPLE("\x80"),
	EXAMPLE("\x82\xa1x\x01\xa1y\x02"),
	EXAMPLE("\x90"),
	EXAMPLE("\x93\x01\x02\x03"),
	EXAMPLE("\xa0"),
	EXAMPLE("\xa3xyz"),
	EXAMPLE("\xbf"
		"1234567890123456789012345678901"),
	EXAMPLE("\xc0"),
	EXAMPLE("\xc2"),
	EXAMPLE("\xc3"),
	EXAMPLE("\xc4\x02xy"),
	EXAMPLE("\xc5\x00\x02xy"),
	EXAMPLE("\xc6\x00\x00\x00\x02xy"),
	EXAMPLE("\xc7\x02\x05xy"),
	EXAMPLE("\xc8\x00\x02\x05xy"),
	EXAMPLE("\xc9\x00\x00\x00\x02\x05xy"),
	EXAMPLE("\xca\x3f\xc0\x00\x00"),
	EXAMPLE("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"),
	EXAMPLE("\xcc\xff"),
	EXAMPLE("\xcd\xff\xff"),
	EXAMPLE("\xce\xff\xff\xff\xff"),
	EXAMPLE("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
	EXAMPLE("\xd0\x80"),
	EXAMPLE("\xd1\x80\x00"),
	EXAMPLE("\xd2\x80\x00\x00\x00"),
	EXAMPLE("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"),
	EXAMPLE("\xd4\x05x"),
	EXAMPLE("\xd5\x05xy"),
	EXAMPLE("\xd6\x05wxyz"),
	EXAMPLE("\xd7\x05stuvwxyz"),
	EXAMPLE("\xd8\x05klmnopqrstuvwxyz"),
	EXAMPLE("\xd9\x02xy"),
	EXAMPLE("\xda\x00\x02xy"),
	EXAMPLE("\xdb\x00\x00\x00\x02xy"),
	EXAMPLE("\xdc\x00\x02\x01\x02"),
	EXAMPLE("\xdd\x00\x00\x00\x02\x01\x02"),
	EXAMPLE("\xde\x00\x01\xa1x\x01"),
	EXAMPLE("\xdf\x00\x00\x00\x01\xa1x\x01"),
};
enum { N_EXAMPLES = sizeof(examples) / sizeof(examples[0]) };

static void scan_every_form_passes(void **state) {
	for (size_t i = 0; i < N_EXAMPLES; i++) {
		assert_int_equal(scan_copy(examples[i].bytes, examples[i].n_bytes),
				 PROTOCOL_CODE_NONE);
	}
}

static void scan_every_truncation_fails(void **state) {
	for (size_t i = 0; i < N_EXAMPLES; i++) {
		for (size_t n_bytes = 0; n_bytes < examples[i].n_bytes; n_bytes++) {
			assert_int_equal(scan_copy(examples[i].bytes, n_bytes),
					 PROTOCOL_CODE_NOT_MSGPACK);
		}
	}
}

static void scan_byte_behind_is_trailing(void **state) {
	for (size_t i = 0; i < N_EXAMPLES; i++) {
		char bytes[40] = {0};

		memcpy(bytes, examples[i].bytes, examples[i].n_bytes);
		assert_int_equal(scan_copy(bytes, examples[i].n_bytes + 1),
				 PROTOCOL_CODE_TRAILING_BYTES);
	}
}

static void scan_unused_byte_fails(void **state) {
	assert_int_equal(scan_copy("\xc1", 1), PROTOCOL_CODE_NOT_MSGPACK);
	assert_int_equal(scan_copy("\x92\x01\xc1", 3), PROTOCOL_CODE_NOT_MSGPACK);
}

static void scan_size_is_bounded(void **state) {
	static uint8_t bytes[PROTOCOL_MAX_MESSAGE_BYTES + 1];

	for (size_t n_bytes = sizeof(bytes) - 2; n_bytes <= sizeof(bytes); n_bytes++) {
		memcpy(bytes,
		       (uint8_t[]){0xc5, (uint8_t)((n_bytes - 3) >> 8), (uint8_t)(n_bytes - 3)}, 3);
		assert_int_equal(scan_copy(bytes, n_bytes), n_bytes <= PROTOCOL_MAX_MESSAGE_BYTES
								    ? PROTOCOL_CODE_NONE
								    : PROTOCOL_CODE_TOO_LARGE);
	}
}

static void scan_too_large_is_not_read(void **state) {
	assert_int_equal(message_scan(NULL, PROTOCOL_MAX_MESSAGE_BYTES + 1),
			 PROTOCOL_CODE_TOO_LARGE);
	assert_int_equal(message_scan(NULL, SIZE_MAX), PROTOCOL_CODE_TOO_LARGE);
}

static void scan_depth_is_bounded(void **state) {
	assert_int_equal(scan_copy("\x91\x91\x91", 3), PROTOCOL_CODE_NOT_MSGPACK);
	assert_int_equal(scan_copy("\x91\x91\x90", 3), PROTOCOL_CODE_NONE);
	assert_int_equal(scan_copy("\x91\x91\x91\x90", 4), PROTOCOL_CODE_NONE);
	assert_int_equal(scan_copy("\x91\x91\x91\x91\x90", 5), PROTOCOL_CODE_TOO_DEEP);
	assert_int_equal(scan_copy("\x81\x01\x81\x01\x81\x01\x80", 7), PROTOCOL_CODE_NONE);
	assert_int_equal(scan_copy("\x81\x01\x81\x01\x81\x01\x81\x01\x80", 9),
			 PROTOCOL_CODE_TOO_DEEP);
	assert_int_equal(scan_copy("\x81\x81\x81\x81\x80\0\0\0", 8), PROTOCOL_CODE_TOO_DEEP);
}

static void scan_siblings_are_not_depth(void **state) {
	assert_int_equal(scan_copy("\x91\x91\x92\x91\x01\x93\x80\x90\x01", 9),
			 PROTOCOL_CODE_TOO_DEEP);
	assert_int_equal(scan_copy("\x91\x92\x93\x90\x80\x90\x92\x90\x80", 9), PROTOCOL_CODE_NONE);
}

static void scan_nesting_of_any_length_ends_early(void **state) {
	static uint8_t bytes[PROTOCOL_MAX_MESSAGE_BYTES];

	memset(bytes, 0x91, sizeof(bytes));
	assert_int_equal(scan_copy(bytes, sizeof(bytes)), PROTOCOL_CODE_TOO_DEEP);
	memset(bytes, 0x81, sizeof(bytes));
	assert_int_equal(scan_copy(bytes, sizeof(bytes)), PROTOCOL_CODE_TOO_DEEP);
}

/* Elements that are all claimed before they could be seen to be missing. */
static void scan_claimed_elements_are_bounded(void **state) {
	static const struct example bombs[] = {
		EXAMPLE("\xdd\xff\xff\xff\xff"), /* 2^32 - 1 elements */
		EXAMPLE("\xdd\x00\x98\x96\x80"), /* 10 million */
		EXAMPLE("\xdf\xff\xff\xff\xff"),
		EXAMPLE("\xdf\x80\x00\x00\x00"), /* twice that is 0 in 32 bits */
		EXAMPLE("\xdc\xff\xff"),
		EXAMPLE("\xde\xff\xff"),
		EXAMPLE("\x9f"),
		EXAMPLE("\x8f"),
		EXAMPLE("\x92\xdd\xff\xff\xff\xff\x01"),
		EXAMPLE("\x92\xdd\x80\x00\x00\x00\xdd\x80\x00\x00\x00"),
		EXAMPLE("\xc6\xff\xff\xff\xff"), /* bin, str, ext of 2^32 - 1 bytes */
		EXAMPLE("\xdb\xff\xff\xff\xff"),
		EXAMPLE("\xc9\xff\xff\xff\xff\x01"),
		EXAMPLE("\xc6\xff\xff\xff\xfa"), /* with its header, 2^32 - 1 */
	};

	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		assert_int_equal(scan_copy(bombs[i].bytes, bombs[i].n_bytes),
				 PROTOCOL_CODE_NOT_MSGPACK);
	}
}

/* Five arrays deep is too deep; but where the claims pass the message's six bytes, that is seen first. */
static void scan_elements_together_at_most_bytes(void **state) {
	assert_int_equal(scan_copy("\x91\x91\x91\x91\x91\x90", 6), PROTOCOL_CODE_TOO_DEEP);
	assert_int_equal(scan_copy("\x91\x91\x91\x92\x91\x90", 6), PROTOCOL_CODE_TOO_DEEP);
	assert_int_equal(scan_copy("\x91\x91\x91\x93\x91\x90", 6), PROTOCOL_CODE_NOT_MSGPACK);
	assert_int_equal(scan_copy("\x91\x91\x91\x91\x81\x90", 6), PROTOCOL_CODE_TOO_DEEP);
	assert_int_equal(scan_copy("\x91\x91\x91\x92\x81\x90", 6), PROTOCOL_CODE_NOT_MSGPACK);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scan_every_form_passes),
		cmocka_unit_test(scan_every_truncation_fails),
		cmocka_unit_test(scan_byte_behind_is_trailing),
		cmocka_unit_test(scan_unused_byte_fails),
		cmocka_unit_test(scan_size_is_bounded),
		cmocka_unit_test(scan_too_large_is_not_read),
		cmocka_unit_test(scan_depth_is_bounded),
		cmocka_unit_test(scan_siblings_are_not_depth),
		cmocka_unit_test(scan_nesting_of_any_length_ends_early),
		cmocka_unit_test(scan_claimed_elements_are_bounded),
		cmocka_unit_test(scan_elements_together_at_most_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
