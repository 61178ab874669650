/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the helper says, as the client reads it: what a later version may add is passed over, what breaks the protocol is refused,
 * every limit at its edge, and no message, cut or altered, does harm. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <msgpack/zone.h>

#include "protocol/message.h"
#include "tests/unit/notation.h"

/* The linker leads msgpack_zone_new here. */
msgpack_zone *__real_msgpack_zone_new(size_t chunk_size);
msgpack_zone *__wrap_msgpack_zone_new(size_t chunk_size);

static bool zone_fails;
static msgpack_zone *last_zone;

msgpack_zone *__wrap_msgpack_zone_new(size_t chunk_size) {
	last_zone = zone_fails ? NULL : __real_msgpack_zone_new(chunk_size);
	return last_zone;
}

static struct message_buffer buffer;

static int setup(void **state) {
	return message_decoder_new((struct message_decoder **)state);
}

static int teardown(void **state) {
	return message_decoder_free(*state) != NULL;
}

/* Everything that can be asked of a message, of a copy that ends where the message ends, so that the address sanitizer sees a byte
 * read too many. Returns what message_unpack returned, or the fault of an outcome. */
static int unpack_copy(struct message_decoder *decoder, const void *bytes, size_t n_bytes,
		       struct message *ret_message, struct outcome *ret_last) {
	static struct stats_result stats;
	uint8_t *copy = malloc(n_bytes == 0 ? 1 : n_bytes);
	struct hello_result hello;
	int r, r_outcome;

	assert_non_null(copy);
	memcpy(copy, bytes, n_bytes);
	r = message_unpack(decoder, copy, n_bytes, ret_message);
	do {
		r_outcome = message_next_outcome(decoder, ret_last);
	} while (r_outcome == 1);
	if (r == 0 && ret_message->type == MESSAGE_RESPONSE && !ret_message->has_fault) {
		/* good if it is a result of any kind */
		r = message_unpack_true(decoder) & message_unpack_hello(decoder, &hello) &
		    message_unpack_stats(decoder, &stats);
	}
	free(copy);
	return r == 0 ? r_outcome : r;
}

static int unpack_notation(struct message_decoder *decoder, const char *text,
			   struct message *ret_message, struct outcome *ret_last) {
	notation_pack(text, &buffer);
	return unpack_copy(decoder, buffer.bytes, buffer.n_bytes, ret_message, ret_last);
}

#define HELLO(before_limits, limits)                                                               \
	"[1, 7, nil, {'protocol': 1, 'helper': 'h', 'backend': 'raw', 'namespace': 1,"             \
	"'receive_buffer_bytes': 1" before_limits ", 'limits': {" limits "}}]"
#define FEATURES ", 'features': ['ipv4']"
#define LIMITS(targets, payload, timeout)                                                          \
	"'targets_per_message': " targets ", 'payload_bytes': " payload ", 'timeout_us': " timeout \
	", 'packets_per_second': nil, 'options': []"

static void each_of_these_is_taken(void **state) {
	static const char *const good[] = {
		"[1, 7, nil, true]",
		"[1, 7, nil, true, 'more']",
		"[1, 7, {'code': 'shutdown', 'message': ''}, nil]",
		"[1, 7, {'message': '', 'new': [1], 'new': [], 'code': 'of_tomorrow', 'asked': "
		"-1}, nil]",
		"[1, 7, nil, {}]",
		"[1, 7, nil, {'probes_open': 0, 'probes_sent': 18446744073709551615}]",
		HELLO(FEATURES, LIMITS("1", "0", "1000")),
		HELLO(FEATURES, LIMITS("2048", "65507", "60000000")),
		HELLO(FEATURES ", 'new': 1", LIMITS("1", "0", "1000") ", 'new': nil"),
		HELLO(", 'features': ['of_tomorrow']", LIMITS("1", "0", "1000")),
		"[2, 'results', [1, []]]",
		"[2, 'results', [1, [], 'more'], 'more']",
		"[2, 'results', [1, [[0, 0, 3, 41, 18250, 64, 56, 'more']]]]",
		"[2, 'results', [1, [[2047, 1, 0, 0], [0, 5, 0, 0, 'more']]]]",
		"[2, 'results', [1, [[0, 2, 0, 0, 3, 1, x7f000001, 0], [0, 18, 0, 0, 1, 4, x00~16, "
		"1]]]]",
		"[2, 'results', [1, [[0, 3, 0, 0, 101], [0, 4, 0, 0, 'rule'], [0, 16, 0, 0, 1, 1, "
		"1]]]]",
		"[2, 'sent', [1]]",
		"[2, 'done', [1, 'more']]",
		"[2, 'closing', ['shutdown', 'text', {'tried': {}}]]",
		"[2, 'closing', ['of_tomorrow', '', {'new': 1, 'tried': {'a': 1}}, 'more']]",
		"[2, 'of_tomorrow', [1, 2, 3]]",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct message message;
		struct outcome outcome;

		if (unpack_notation(*state, good[i], &message, &outcome) != 0) {
			fail_msg("%s: refused, '%s'", good[i], message.fault.message);
		}
	}
}

static void each_of_these_is_malformed(void **state) {
	static const char *const bad[] = {
		"7",
		"{}",
		"[]",
		"[0, 7, 'hello', {}]",
		"[3, 7, nil, true]",
		"[-1, 7, nil, true]",
		"['x']",
		"[1]",
		"[1, 7]",
		"[1, 7, nil]",
		"[1, -1, nil, true]",
		"[1, 4294967296, nil, true]",
		"[1, 7, nil, nil]",
		"[1, 7, {'code': 'shutdown', 'message': ''}, true]",
		"[1, 7, 'shutdown', nil]",
		"[1, 7, {'code': 'shutdown'}, nil]",
		"[1, 7, {'message': ''}, nil]",
		"[1, 7, {'code': 1, 'message': ''}, nil]",
		"[1, 7, {'code': 'x', 'message': 1}, nil]",
		"[1, 7, {'code': 'x', 'message': '', 'limit': 1}, nil]",
		"[1, 7, {'code': 'x', 'message': '', 'asked': '1'}, nil]",
		"[1, 7, {'code': 'x', 'code': 'x', 'message': ''}, nil]",
		"[1, 7, {1: 'x', 'code': 'x', 'message': ''}, nil]",
		"[1, 7, nil, false]",
		"[1, 7, nil, 1]",
		"[1, 7, nil, []]",
		"[1, 7, nil, {1: 1}]",
		"[1, 7, nil, {'probes_open': -1}]",
		"[1, 7, nil, {'probes_open': 'x'}]",
		"[2]",
		"[2, 'results']",
		"[2, 1, []]",
		"[2, 'of_tomorrow', nil]",
		"[2, 'results', {}]",
		"[2, 'results', []]",
		"[2, 'results', [1]]",
		"[2, 'results', [-1, []]]",
		"[2, 'results', [1, {}]]",
		"[2, 'sent', []]",
		"[2, 'sent', ['1']]",
		"[2, 'done', []]",
		"[2, 'done', [4294967296]]",
		"[2, 'closing', []]",
		"[2, 'closing', ['shutdown', 'text']]",
		"[2, 'closing', [1, 'text', {}]]",
		"[2, 'closing', ['shutdown', 1, {}]]",
		"[2, 'closing', ['shutdown', 'text', []]]",
		"[2, 'closing', ['shutdown', 'text', {'tried': []}]]",
		"[2, 'closing', ['shutdown', 'text', {'tried': {1: 1}}]]",
		"[2, 'closing', ['shutdown', 'text', {'tried': {'x': -1}}]]",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct message message;
		struct outcome outcome;

		if (unpack_notation(*state, bad[i], &message, &outcome) != MESSAGE_E_MALFORMED) {
			fail_msg("%s: taken", bad[i]);
		}
	}
}

/* The three unpackers of a result are tried on each of these; only hello's is meant to take one like it. */
static void hello_beyond_the_limits_is_malformed(void **state) {
	static const char *const bad[] = {
		HELLO("", LIMITS("1", "0", "1000")),
		HELLO(", 'features': 1", LIMITS("1", "0", "1000")),
		HELLO(", 'features': [1]", LIMITS("1", "0", "1000")),
		HELLO(FEATURES ", 'namespace': 1", LIMITS("1", "0", "1000")),
		HELLO(FEATURES, LIMITS("0", "0", "1000")),
		HELLO(FEATURES, LIMITS("2049", "0", "1000")),
		HELLO(FEATURES, LIMITS("1", "65508", "1000")),
		HELLO(FEATURES, LIMITS("1", "-1", "1000")),
		HELLO(FEATURES, LIMITS("1", "0", "999")),
		HELLO(FEATURES, LIMITS("1", "0", "60000001")),
		HELLO(FEATURES, LIMITS("1", "0", "'1000'")),
		HELLO(FEATURES, "'targets_per_message': 1"),
		"[1, 7, nil, {'protocol': 2}]",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hello_result hello;
		struct message message;

		notation_pack(bad[i], &buffer);
		assert_int_equal(message_unpack(*state, buffer.bytes, buffer.n_bytes, &message), 0);
		if (message_unpack_hello(*state, &hello) != MESSAGE_E_MALFORMED) {
			fail_msg("%s: taken", bad[i]);
		}
	}
}

static void each_of_these_is_no_outcome(void **state) {
	static const char *const bad[] = {
		"0",
		"{}",
		"[]",
		"[0, 1, 0]",
		"['0', 1, 0, 0]",
		"[2048, 1, 0, 0]",
		"[-1, 1, 0, 0]",
		"[0, -1, 0, 0]",
		"[0, 1, -1, 0]",
		"[0, 1, 0, -1]",
		"[0, 1, 0, 4294967296]",
		"[0, 0, 0, 0]",
		"[0, 0, 0, 0, 1, 1]",
		"[0, 0, 0, 0, -1, 1, 1]",
		"[0, 0, 0, 0, 9223372036854775808, 1, 1]",
		"[0, 0, 0, 0, 1, 256, 1]",
		"[0, 0, 0, 0, 1, 1, 4294967296]",
		"[0, 16, 0, 0, 1, 1]",
		"[0, 17, 0, 0, 1, 1, nil]",
		"[0, 2, 0, 0, 1, 1, x7f000001]",
		"[0, 2, 0, 0, 256, 1, x7f000001, 0]",
		"[0, 2, 0, 0, 1, 256, x7f000001, 0]",
		"[0, 2, 0, 0, 1, 1, x7f0000, 0]",
		"[0, 2, 0, 0, 1, 1, '127.0.0.1', 0]",
		"[0, 18, 0, 0, 1, 1, x00~16, -1]",
		"[0, 3, 0, 0]",
		"[0, 3, 0, 0, 'x']",
		"[0, 4, 0, 0]",
		"[0, 4, 0, 0, 1]",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[200];
		struct message message;
		struct outcome outcome;

		(void)snprintf(text, sizeof(text), "[2, 'results', [1, [%s, [9, 1, 0, 0]]]]",
			       bad[i]);
		if (unpack_notation(*state, text, &message, &outcome) != -EBADMSG) {
			fail_msg("%s: taken", bad[i]);
		}
	}
}

static void outcome_of_tomorrow_has_kind_and_flags(void **state) {
	struct message message;
	struct outcome outcome;

	unpack_notation(*state, "[2, 'results', [1, [[1, 15, 7, 9, 'x']]]]", &message, &outcome);
	assert_int_equal(outcome.kind, 15);
	assert_int_equal(outcome.flags, 7);
	assert_int_equal(outcome.index, 1);
	unpack_notation(*state, "[2, 'results', [1, [[1, 256, 257, 9]]]]", &message, &outcome);
	assert_int_equal(outcome.kind, 255);
	assert_int_equal(outcome.flags, 1);
}

static void texts_are_cut_and_printable(void **state) {
	struct message message;
	struct outcome outcome;

	unpack_notation(*state,
			"[1, 7, {'code': 'x', 'message': '\x1b'~900, 'limit': '\n'~65}, nil]",
			&message, &outcome);
	assert_int_equal(message.fault.code, PROTOCOL_CODE_NONE);
	assert_int_equal(strspn(message.fault.message, "?"), PROTOCOL_MAX_TEXT_BYTES);
	assert_int_equal(strspn(message.fault.limit, "?"), PROTOCOL_MAX_NAME_BYTES);
	unpack_notation(*state, "[2, 'results', [1, [[0, 4, 0, 0, '\x80'~300]]]]", &message,
			&outcome);
	assert_int_equal(strspn(outcome.rule, "?"), PROTOCOL_MAX_NAME_BYTES);
	unpack_notation(*state, "[2, 'closing', ['x', '\t'~300, {'tried': {'\t'~300: 1}}]]",
			&message, &outcome);
	assert_int_equal(strspn(message.closing.text, "?"), PROTOCOL_MAX_TEXT_BYTES);
	assert_int_equal(strspn(message.closing.tried[0].what, "?"), PROTOCOL_MAX_NAME_BYTES);
}

static void lists_are_cut(void **state) {
	static struct stats_result stats;
	struct message message;
	struct outcome outcome;

	unpack_notation(*state, "[2, 'closing', ['x', '', {'tried': {'a': 1 *17}}]]", &message,
			&outcome);
	assert_int_equal(message.closing.n_tried, PROTOCOL_MAX_TRIED);
	unpack_notation(*state, "[2, 'closing', ['x', '', {'tried': {'a': 1 *15}}]]", &message,
			&outcome);
	assert_int_equal(message.closing.n_tried, PROTOCOL_MAX_TRIED - 1);
	for (unsigned n = PROTOCOL_MAX_COUNTERS - 1; n <= PROTOCOL_MAX_COUNTERS + 1; n++) {
		char text[40];

		(void)snprintf(text, sizeof(text), "[1, 7, nil, {'a': 1 *%u}]", n);
		notation_pack(text, &buffer);
		assert_int_equal(message_unpack(*state, buffer.bytes, buffer.n_bytes, &message), 0);
		assert_int_equal(message_unpack_stats(*state, &stats), 0);
		assert_int_equal(stats.n_counters,
				 n < PROTOCOL_MAX_COUNTERS ? n : PROTOCOL_MAX_COUNTERS);
	}
}

static void results_end_with_the_next_message(void **state) {
	struct message message;
	struct outcome outcome;

	notation_pack("[2, 'results', [1, [[0, 1, 0, 0]*2]]]", &buffer);
	assert_int_equal(message_unpack(*state, buffer.bytes, buffer.n_bytes, &message), 0);
	assert_int_equal(message_next_outcome(*state, &outcome), 1);
	assert_int_equal(message_unpack(*state, "\xc1", 1, &message), MESSAGE_E_MALFORMED);
	assert_int_equal(message.fault.code, PROTOCOL_CODE_NOT_MSGPACK);
	assert_int_equal(message_next_outcome(*state, &outcome), 0);
	assert_int_equal(message_unpack_true(*state), MESSAGE_E_MALFORMED);
}

/* The densest message there is: each byte an element. Its objects fit into the room that the decoder took at its start. */
static void zone_never_grows(void **state) {
	static uint8_t bytes[PROTOCOL_MAX_MESSAGE_BYTES] = {0x93, 0x02, 0xa1, 'x',
							    0xdc, 0x3f, 0xf9};
	const void *chunk = last_zone->chunk_list.head;
	struct message message;

	assert_int_equal(message_unpack(*state, bytes, sizeof(bytes), &message), 0);
	assert_int_equal(message.type, MESSAGE_UNKNOWN);
	assert_ptr_equal(last_zone->chunk_list.head, chunk);
	bytes[4] = 0xde; /* pairs, half as many */
	bytes[5] = 0x1f;
	bytes[6] = 0xfc;
	assert_int_equal(message_unpack(*state, bytes, sizeof(bytes) - 1, &message),
			 MESSAGE_E_MALFORMED);
	assert_int_equal(message.fault.code, PROTOCOL_CODE_WRONG_TYPE);
	assert_ptr_equal(last_zone->chunk_list.head, chunk);
}

static void decoder_without_memory_is_none(void **state) {
	struct message_decoder *decoder = NULL;

	zone_fails = true;
	assert_int_equal(message_decoder_new(&decoder), -ENOMEM);
	zone_fails = false;
	assert_null(decoder);
	assert_null(message_decoder_free(NULL));
}

/* --- hostile bytes --- */

static const char *const examples[] = {
	"[1, 7, nil, true]",
	"[1, 7, {'code': 'out_of_range', 'message': 'm', 'limit': 'ttl', 'asked': 0, 'allowed': "
	"1}, nil]",
	"[1, 7, nil, {'probes_open': 1, 'probes_sent': 300}]",
	HELLO(FEATURES, LIMITS("1", "0", "1000")),
	"[2, 'results', [1, [[0, 0, 3, 41, 18250, 64, 56], [1, 1, 0, 9], [2, 4, 0, 9, 'rule']]]]",
	"[2, 'results', [1, [[3, 2, 0, 9, 3, 1, x7f000001, 0], [4, 3, 0, 9, 101], [4, 18, 0, 9, 1, "
	"4, x00~16, 0]]]]",
	"[2, 'sent', [1]]",
	"[2, 'closing', ['no_backend', 'text', {'tried': {'raw': 1}}]]",
};
enum { N_EXAMPLES = sizeof(examples) / sizeof(examples[0]) };

static void every_truncation_is_malformed(void **state) {
	for (size_t i = 0; i < N_EXAMPLES; i++) {
		struct message message;
		struct outcome outcome;

		notation_pack(examples[i], &buffer);
		for (size_t n_bytes = 0; n_bytes < buffer.n_bytes; n_bytes++) {
			assert_int_equal(
				unpack_copy(*state, buffer.bytes, n_bytes, &message, &outcome),
				MESSAGE_E_MALFORMED);
		}
		buffer.bytes[buffer.n_bytes] = 0xc0;
		assert_int_equal(
			unpack_copy(*state, buffer.bytes, buffer.n_bytes + 1, &message, &outcome),
			MESSAGE_E_MALFORMED);
		assert_int_equal(message.fault.code, PROTOCOL_CODE_TRAILING_BYTES);
	}
	assert_int_equal(
		message_unpack(*state, NULL, PROTOCOL_MAX_MESSAGE_BYTES + 1, &(struct message){0}),
		MESSAGE_E_MALFORMED);
}

static void every_altered_byte_does_no_harm(void **state) {
	for (size_t i = 0; i < N_EXAMPLES; i++) {
		struct message message;
		struct outcome outcome;

		notation_pack(examples[i], &buffer);
		for (size_t at = 0; at < buffer.n_bytes; at++) {
			uint8_t kept = buffer.bytes[at];

			for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
				int r;

				buffer.bytes[at] = (uint8_t)byte;
				r = unpack_copy(*state, buffer.bytes, buffer.n_bytes, &message,
						&outcome);
				assert_true(r == 0 || r == MESSAGE_E_MALFORMED || r == -EBADMSG);
			}
			buffer.bytes[at] = kept;
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(each_of_these_is_taken),
		TEST(each_of_these_is_malformed),
		TEST(hello_beyond_the_limits_is_malformed),
		TEST(each_of_these_is_no_outcome),
		TEST(outcome_of_tomorrow_has_kind_and_flags),
		TEST(texts_are_cut_and_printable),
		TEST(lists_are_cut),
		TEST(results_end_with_the_next_message),
		TEST(zone_never_grows),
		TEST(decoder_without_memory_is_none),
		TEST(every_truncation_is_malformed),
		TEST(every_altered_byte_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
