/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The names of codes, and how a fault is filled. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/code.h"

static void code_name_of_each_leads_back(void **state) {
	for (unsigned code = PROTOCOL_CODE_NONE + 1; code < PROTOCOL_N_CODES; code++) {
		const char *name = protocol_code_name((enum protocol_code)code);

		assert_non_null(name);
		assert_int_equal(protocol_code_from_name(name, (uint32_t)strlen(name)), code);
	}
}

static void code_name_of_none_is_null(void **state) {
	assert_null(protocol_code_name(PROTOCOL_CODE_NONE));
	assert_null(protocol_code_name(PROTOCOL_N_CODES));
	assert_null(protocol_code_name((enum protocol_code) - 1));
}

static void code_from_name_unknown_is_none(void **state) {
	assert_int_equal(protocol_code_from_name("", 0), PROTOCOL_CODE_NONE);
	assert_int_equal(protocol_code_from_name("too_larger", 10), PROTOCOL_CODE_NONE);
	assert_int_equal(protocol_code_from_name("too_large", 8), PROTOCOL_CODE_NONE);
	assert_int_equal(protocol_code_from_name("too_large\0", 10), PROTOCOL_CODE_NONE);
}

static void code_closes_first_five(void **state) {
	static const enum protocol_code closing[] = {
		PROTOCOL_CODE_NOT_MSGPACK,    PROTOCOL_CODE_TOO_LARGE,     PROTOCOL_CODE_TOO_DEEP,
		PROTOCOL_CODE_TRAILING_BYTES, PROTOCOL_CODE_DUPLICATE_KEY,
	};
	unsigned n_closing = 0;

	for (unsigned code = 0; code <= PROTOCOL_N_CODES; code++) {
		n_closing += protocol_code_closes((enum protocol_code)code);
	}
	assert_int_equal(n_closing, 5);
	for (unsigned i = 0; i < 5; i++) {
		assert_true(protocol_code_closes(closing[i]));
	}
}

static void fault_set_has_no_limit(void **state) {
	struct fault fault;

	memset(&fault, 0xff, sizeof(fault));
	fault_set(&fault, PROTOCOL_CODE_BAD_ADDRESS, "target %d", 3);
	assert_int_equal(fault.code, PROTOCOL_CODE_BAD_ADDRESS);
	assert_string_equal(fault.message, "target 3");
	assert_string_equal(fault.limit, "");
	assert_int_equal(fault.asked, 0);
	assert_int_equal(fault.allowed, 0);
}

static void fault_set_limit_keeps_numbers(void **state) {
	struct fault fault;

	fault_set_limit(&fault, PROTOCOL_CODE_OUT_OF_RANGE, "timeout_us", -5, 1000, "%s", "short");
	assert_int_equal(fault.code, PROTOCOL_CODE_OUT_OF_RANGE);
	assert_string_equal(fault.message, "short");
	assert_string_equal(fault.limit, "timeout_us");
	assert_int_equal(fault.asked, -5);
	assert_int_equal(fault.allowed, 1000);
}

static void fault_set_cuts_long_texts(void **state) {
	struct fault fault;
	char text[1000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fault_set_limit(&fault, PROTOCOL_CODE_OUT_OF_RANGE, text, 0, 0, "%s", text);
	assert_int_equal(strlen(fault.message), PROTOCOL_MAX_TEXT_BYTES);
	assert_int_equal(strlen(fault.limit), PROTOCOL_MAX_NAME_BYTES);
	fault_set(&fault, PROTOCOL_CODE_OUT_OF_RANGE, "%s", text);
	assert_int_equal(strlen(fault.message), PROTOCOL_MAX_TEXT_BYTES);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_name_of_each_leads_back),
		cmocka_unit_test(code_name_of_none_is_null),
		cmocka_unit_test(code_from_name_unknown_is_none),
		cmocka_unit_test(code_closes_first_five),
		cmocka_unit_test(fault_set_has_no_limit),
		cmocka_unit_test(fault_set_limit_keeps_numbers),
		cmocka_unit_test(fault_set_cuts_long_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
