/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/cleanup.h"
#include "helper/text.h"

/* The reading end of a pipe that holds @bytes and then ends. */
static int pipe_with(const void *bytes, size_t n_bytes) {
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], bytes, n_bytes), n_bytes);
	(void)close(ends[1]);
	return ends[0];
}

static void text_read_at_limit_is_whole(void **state) {
	char bytes[10001];
	CLEANUP(cleanup_text) char *text = NULL;

	memset(bytes, 'x', sizeof bytes);
	CLEANUP(cleanup_fd) int fd = pipe_with(bytes, sizeof bytes);
	assert_int_equal(text_read(fd, sizeof bytes, &text), 0);
	assert_int_equal(strlen(text), sizeof bytes);
}

static void text_read_over_limit_is_refused(void **state) {
	CLEANUP(cleanup_text) char *text = NULL;
	CLEANUP(cleanup_fd) int fd = pipe_with("1234", 4);

	assert_int_equal(text_read(fd, 3, &text), -EFBIG);
	assert_null(text);
}

static void text_read_zero_byte_is_refused(void **state) {
	CLEANUP(cleanup_text) char *text = NULL;
	CLEANUP(cleanup_fd) int fd = pipe_with("a\0b", 3);

	assert_int_equal(text_read(fd, 10, &text), -EBADMSG);
}

static void text_read_nothing_is_empty(void **state) {
	CLEANUP(cleanup_text) char *text = NULL;
	CLEANUP(cleanup_fd) int fd = pipe_with("", 0);

	assert_int_equal(text_read(fd, 0, &text), 0);
	assert_string_equal(text, "");
}

static void text_read_file_missing_says_so(void **state) {
	char *text = NULL;

	assert_int_equal(text_read_file("/proc/self/no-such-file", 10, &text), -ENOENT);
}

static void text_next_gives_each_piece(void **state) {
	char text[] = "a::bc";
	char *cursor = text;

	assert_string_equal(text_next(&cursor, ':'), "a");
	assert_string_equal(text_next(&cursor, ':'), "");
	assert_string_equal(text_next(&cursor, ':'), "bc");
	assert_null(text_next(&cursor, ':'));
	assert_null(text_next(&cursor, ':'));
}

static void text_to_number_digits_are_read(void **state) {
	uint32_t number = 0;

	assert_int_equal(text_to_number("0666", 8, 0777, &number), 0);
	assert_int_equal(number, 0666);
	assert_int_equal(text_to_number("4294967295", 10, UINT32_MAX, &number), 0);
	assert_int_equal(number, UINT32_MAX);
}

static void text_to_number_anything_else_is_refused(void **state) {
	static const char *const wrong[] = {"",   "-1", "+1",         " 1",
					    "1 ", "1x", "4294967296", "18446744073709551617"};
	uint32_t number = 7;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(text_to_number(wrong[i], 10, UINT32_MAX, &number), -EINVAL);
	}
	assert_int_equal(text_to_number("8", 8, 100, &number), -EINVAL);
	assert_int_equal(text_to_number("101", 10, 100, &number), -EINVAL);
	assert_int_equal(number, 7);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_read_at_limit_is_whole),
		cmocka_unit_test(text_read_over_limit_is_refused),
		cmocka_unit_test(text_read_zero_byte_is_refused),
		cmocka_unit_test(text_read_nothing_is_empty),
		cmocka_unit_test(text_read_file_missing_says_so),
		cmocka_unit_test(text_next_gives_each_piece),
		cmocka_unit_test(text_to_number_digits_are_read),
		cmocka_unit_test(text_to_number_anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
