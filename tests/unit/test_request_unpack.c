/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as the helper reads them: every code with the message that deserves it, every limit at its edge, and no message, cut or
 * altered, that does harm. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <msgpack/zone.h>

#include "protocol/request.h"
#include "tests/unit/notation.h"

#define PING(params)                                                                               \
	"[0, 7, 'ping', {'id': 1, 'targets': [x7f000001], 'timeout_us': 1000" params "}]"
#define HELLO(params) "[0, 7, 'hello', {" params "}]"

/* The linker leads msgpack_zone_new here: the only allocation of request_unpack. */
msgpack_zone *__real_msgpack_zone_new(size_t chunk_size);
msgpack_zone *__wrap_msgpack_zone_new(size_t chunk_size);

static struct {
	unsigned n_zones; /* that were asked for */
	bool fails;
} zones;

msgpack_zone *__wrap_msgpack_zone_new(size_t chunk_size) {
	zones.n_zones++;
	return zones.fails ? NULL : __real_msgpack_zone_new(chunk_size);
}

static struct message_buffer buffer;
static struct request_decoder decoder;

/* Unpacks a copy that ends where the message ends, so that the address sanitizer sees a byte read too many. */
static int unpack_copy(const void *bytes, size_t n_bytes, struct request *ret_request,
		       struct fault *ret_fault) {
	uint8_t *copy = malloc(n_bytes == 0 ? 1 : n_bytes);
	int r;

	assert_non_null(copy);
	memcpy(copy, bytes, n_bytes);
	r = request_unpack(&decoder, copy, n_bytes, ret_request, ret_fault);
	free(copy);
	return r;
}

static int unpack_notation(const char *text, struct request *ret_request, struct fault *ret_fault) {
	notation_pack(text, &buffer);
	return unpack_copy(buffer.bytes, buffer.n_bytes, ret_request, ret_fault);
}

/* --- every code --- */

#define FAULTY(code, message)                                                                      \
	{ message, REQUEST_E_FAULT, PROTOCOL_CODE_##code, NULL, 0, 0 }
#define CLOSES(code, message)                                                                      \
	{ message, REQUEST_E_UNANSWERABLE, PROTOCOL_CODE_##code, NULL, 0, 0 }
#define BEYOND(code, limit, asked, allowed, message)                                               \
	{ message, REQUEST_E_FAULT, PROTOCOL_CODE_##code, limit, asked, allowed }

static const struct expectation {
	const char *message;
	int r;
	enum protocol_code code;
	const char *limit;
	int64_t asked, allowed;
} expectations[] = {
	CLOSES(TOO_DEEP, HELLO("'client': [[[]]]")),
	CLOSES(DUPLICATE_KEY, HELLO("'protocol': 1, 'protocol': 1")),
	CLOSES(DUPLICATE_KEY, PING(", 'ttl': 1, 'tos': 1, 'ttl': 1")),
	CLOSES(DUPLICATE_KEY, "[0, 7, 'cancel', {'id': 1, 'id': 'x'}]"),
	CLOSES(WRONG_TYPE, "7"),
	CLOSES(WRONG_TYPE, "{}"),
	CLOSES(WRONG_TYPE, "[]"),
	CLOSES(WRONG_TYPE, "[0, 7, 'hello']"),
	CLOSES(WRONG_TYPE, "[0, 7, 'hello', {}, 1]"),
	CLOSES(WRONG_TYPE, "[1, 7, nil, true]"),
	CLOSES(WRONG_TYPE, "[nil, 7, 'hello', {}]"),
	CLOSES(WRONG_TYPE, "[0, -1, 'hello', {}]"),
	CLOSES(WRONG_TYPE, "[0, 4294967296, 'hello', {}]"),
	CLOSES(WRONG_TYPE, "[0, 'x', 'hello', {}]"),
	FAULTY(WRONG_TYPE, "[0, 7, 1, {}]"),
	FAULTY(WRONG_TYPE, "[0, 7, x68656c6c6f, {}]"),
	FAULTY(WRONG_TYPE, "[0, 7, 'hello', []]"),
	FAULTY(WRONG_TYPE, "[0, 7, 'hello', nil]"),
	FAULTY(WRONG_TYPE, "[0, 7, 'hello', {1: 1}]"),
	FAULTY(WRONG_TYPE, HELLO("'protocol': '1'")),
	FAULTY(WRONG_TYPE, HELLO("'protocol': 1.5")),
	FAULTY(WRONG_TYPE, HELLO("'client': x61")),
	FAULTY(WRONG_TYPE, PING(", 'ttl': nil")),
	FAULTY(WRONG_TYPE, PING(", 'dont_fragment': 1")),
	FAULTY(WRONG_TYPE, PING(", 'source': '127.0.0.1'")),
	FAULTY(WRONG_TYPE, PING(", 'pattern': nil")),
	FAULTY(WRONG_TYPE, "[0, 7, 'ping', {'targets': x7f000001}]"),
	FAULTY(WRONG_TYPE,
	       "[0, 7, 'ping', {'id': 1, 'targets': [x7f000001, 1], 'timeout_us': 1000}]"),
	FAULTY(WRONG_TYPE, "[0, 7, 'stats', {'scope': 1}]"),
	FAULTY(UNKNOWN_METHOD, "[0, 7, '', {}]"),
	FAULTY(UNKNOWN_METHOD, "[0, 7, 'hell', nil]"),
	FAULTY(UNKNOWN_METHOD, "[0, 7, 'hello2', {}]"),
	FAULTY(UNKNOWN_PARAMETER, HELLO("'protocol': 1, 'client': 'x', 'colour': 1")),
	FAULTY(UNKNOWN_PARAMETER, PING(", 'TTL': 1")),
	FAULTY(UNKNOWN_PARAMETER, PING(", '': 1, '': 1")),
	FAULTY(UNKNOWN_PARAMETER, "[0, 7, 'cancel', {'id': 1, 'all': true}]"),
	FAULTY(MISSING_PARAMETER, HELLO("'protocol': 1")),
	FAULTY(MISSING_PARAMETER, HELLO("'client': 'x'")),
	FAULTY(MISSING_PARAMETER, "[0, 7, 'ping', {'id': 1, 'timeout_us': 1000}]"),
	FAULTY(MISSING_PARAMETER, "[0, 7, 'ping', {'id': 1, 'targets': [x7f000001]}]"),
	FAULTY(MISSING_PARAMETER, "[0, 7, 'ping', {'targets': [], 'timeout_us': 1000}]"),
	FAULTY(MISSING_PARAMETER, "[0, 7, 'cancel', {'index': 1}]"),
	FAULTY(MISSING_PARAMETER, "[0, 7, 'stats', {}]"),
	BEYOND(PROTOCOL_VERSION, "protocol", 0, 1, HELLO("'protocol': 0")),
	BEYOND(PROTOCOL_VERSION, "protocol", 2, 1, HELLO("'protocol': 2, 'new': 1")),
	BEYOND(PROTOCOL_VERSION, "protocol", -1, 1, HELLO("'protocol': -1")),
	FAULTY(NO_TARGETS, "[0, 7, 'ping', {'id': 1, 'targets': [], 'timeout_us': 1000}]"),
	BEYOND(TOO_MANY_TARGETS, "targets_per_message", 2049, 2048,
	       "[0, 7, 'ping', {'id': 1, 'targets': [x7f000001*2049], 'timeout_us': 1000}]"),
	FAULTY(BAD_ADDRESS, "[0, 7, 'ping', {'id': 1, 'targets': [x7f0000], 'timeout_us': 1000}]"),
	FAULTY(BAD_ADDRESS, "[0, 7, 'ping', {'id': 1, 'targets': [x00~5], 'timeout_us': 1000}]"),
	FAULTY(BAD_ADDRESS, "[0, 7, 'ping', {'id': 1, 'targets': [x00~15], 'timeout_us': 1000}]"),
	FAULTY(BAD_ADDRESS, "[0, 7, 'ping', {'id': 1, 'targets': [x00~17], 'timeout_us': 1000}]"),
	FAULTY(BAD_ADDRESS, PING(", 'source': x00~3")),
	FAULTY(BAD_ADDRESS, PING(", 'source': x00~16")),
	BEYOND(OUT_OF_RANGE, "client", 0, 1, HELLO("'client': ''")),
	BEYOND(OUT_OF_RANGE, "client", 65, 64, HELLO("'client': 'x'~65")),
	BEYOND(OUT_OF_RANGE, "id", -1, 0, "[0, 7, 'cancel', {'id': -1}]"),
	BEYOND(OUT_OF_RANGE, "id", 4294967296, 4294967295, "[0, 7, 'cancel', {'id': 4294967296}]"),
	BEYOND(OUT_OF_RANGE, "index", INT64_MAX, 4294967295,
	       "[0, 7, 'cancel', {'index': 18446744073709551615}]"),
	BEYOND(OUT_OF_RANGE, "timeout_us", 999, 1000, "[0, 7, 'ping', {'timeout_us': 999}]"),
	BEYOND(OUT_OF_RANGE, "timeout_us", 60000001, 60000000,
	       "[0, 7, 'ping', {'timeout_us': 60000001}]"),
	BEYOND(OUT_OF_RANGE, "interval_us", 60000001, 60000000, PING(", 'interval_us': 60000001")),
	BEYOND(OUT_OF_RANGE, "size_bytes", 65508, 65507, PING(", 'size_bytes': 65508")),
	BEYOND(OUT_OF_RANGE, "pattern", 256, 255, PING(", 'pattern': 256")),
	BEYOND(OUT_OF_RANGE, "pattern", -1, 0, PING(", 'pattern': -1")),
	FAULTY(OUT_OF_RANGE, PING(", 'pattern': 'Random'")),
	BEYOND(OUT_OF_RANGE, "ttl", 0, 1, PING(", 'ttl': 0")),
	BEYOND(OUT_OF_RANGE, "ttl", 256, 255, PING(", 'ttl': 256")),
	BEYOND(OUT_OF_RANGE, "tos", 256, 255, PING(", 'tos': 256")),
	BEYOND(OUT_OF_RANGE, "interface", 0, 1, PING(", 'interface': 0")),
	BEYOND(OUT_OF_RANGE, "interface", 2147483648, 2147483647,
	       PING(", 'interface': 2147483648")),
	BEYOND(OUT_OF_RANGE, "scope", 2147483648, 2147483647, PING(", 'scope': 2147483648")),
	BEYOND(OUT_OF_RANGE, "fwmark", 4294967296, 4294967295, PING(", 'fwmark': 4294967296")),
	FAULTY(OUT_OF_RANGE, "[0, 7, 'stats', {'scope': 'world'}]"),
};

static void each_fault_has_its_code(void **state) {
	for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
		const struct expectation *expected = &expectations[i];
		struct request request = {0};
		struct fault fault;
		int r = unpack_notation(expected->message, &request, &fault);

		if (r != expected->r || fault.code != expected->code) {
			fail_msg("%s: returned %d, '%s'", expected->message, r, fault.message);
		}
		assert_int_equal(request.msgid, r == REQUEST_E_FAULT ? 7 : 0);
		assert_string_equal(fault.limit, expected->limit == NULL ? "" : expected->limit);
		assert_int_equal(fault.asked, expected->asked);
		assert_int_equal(fault.allowed, expected->allowed);
		assert_int_not_equal(fault.message[0], '\0');
	}
}

static void within_every_limit_is_taken(void **state) {
	static const char *const good[] = {
		HELLO("'client': 'x', 'protocol': 1"),
		HELLO("'client': 'x'~63, 'protocol': 1"),
		HELLO("'client': 'x'~64, 'protocol': 1"),
		PING(", 'interval_us': 0, 'size_bytes': 0, 'pattern': 0, 'ttl': 1, 'tos': 0"),
		PING(", 'interval_us': 1, 'size_bytes': 1, 'pattern': 1, 'ttl': 2, 'tos': 1"),
		PING(", 'interval_us': 59999999, 'size_bytes': 65506, 'pattern': 254, 'ttl': 254"),
		PING(", 'interval_us': 60000000, 'size_bytes': 65507, 'pattern': 255, 'ttl': 255"),
		PING(", 'interface': 1, 'scope': 0, 'fwmark': 0, 'tos': 254"),
		PING(", 'interface': 2147483647, 'scope': 2147483647, 'tos': 255"),
		PING(", 'fwmark': 4294967295, 'dont_fragment': false, 'pattern': 'random'"),
		PING(", 'source': x7f000001"),
		PING(", 'source': x00000000000000000000ffff7f000001"),
		"[0, 7, 'ping', {'id': 4294967295, 'targets': [x7f000001*2047], 'timeout_us': 1001}]",
		"[0, 7, 'ping', {'id': 0, 'targets': [x7f000001*2048], 'timeout_us': 59999999}]",
		"[0, 7, 'ping', {'id': 1, 'targets': [x7f000001, x00~16], 'timeout_us': 60000000}]",
		"[0, 4294967295, 'cancel', {'id': 4294967295, 'index': 4294967295}]",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct request request;
		struct fault fault;

		if (unpack_notation(good[i], &request, &fault) != 0) {
			fail_msg("%s: '%s'", good[i], fault.message);
		}
	}
}

static void ping_without_options_has_defaults(void **state) {
	struct request request;
	struct fault fault;

	assert_int_equal(unpack_notation(PING(""), &request, &fault), 0);
	assert_int_equal(request.ping.options, 0);
	assert_int_equal(request.ping.interval_us, 0);
	assert_int_equal(request.ping.size_bytes, 56);
	assert_int_equal(request.ping.pattern, 0);
	assert_int_equal(request.ping.scope, 0);
}

static void hello_client_becomes_printable(void **state) {
	struct request request;
	struct fault fault;

	assert_int_equal(
		unpack_notation(HELLO("'protocol': 1, 'client': '\x1b[31m\n\x7f\xc3\xa4 ~'"),
				&request, &fault),
		0);
	assert_string_equal(request.hello.client, "?[31m???? ~");
}

static void fault_names_what_it_met_printably(void **state) {
	struct request request;
	struct fault fault;

	unpack_notation("[0, 7, 'ping', {'a\nb': 1}]", &request, &fault);
	assert_string_equal(fault.message, "unknown parameter 'a?b'");
	unpack_notation("[0, 7, 'x\x1b'~300, {}]", &request, &fault);
	assert_memory_equal(fault.message, "unknown method 'x?x?", 20);
	assert_int_equal(strlen(fault.message),
			 strlen("unknown method ''") + PROTOCOL_MAX_NAME_BYTES);
	unpack_notation(
		"[0, 7, 'ping', {'id': 1, 'targets': [x7f000001*9, x00], 'timeout_us': 1000}]",
		&request, &fault);
	assert_non_null(strstr(fault.message, "targets[9]"));
}

/* --- hostile bytes --- */

static const struct {
	const char *bytes;
	size_t n_bytes;
	enum protocol_code code;
} bombs[] = {
	{"", 0, PROTOCOL_CODE_NOT_MSGPACK},
	{"\xc1", 1, PROTOCOL_CODE_NOT_MSGPACK},
	{"\xdd\xff\xff\xff\xff", 5, PROTOCOL_CODE_NOT_MSGPACK},
	{"\xdf\xff\xff\xff\xff", 5, PROTOCOL_CODE_NOT_MSGPACK},
	{"\x94\x00\x01\xa4ping\xdf\x00\x98\x96\x80", 13, PROTOCOL_CODE_NOT_MSGPACK},
	{"\xc6\xff\xff\xff\xff", 5, PROTOCOL_CODE_NOT_MSGPACK},
	{"\xc9\xff\xff\xff\xff\x01", 6, PROTOCOL_CODE_NOT_MSGPACK},
	{"\x91\x91\x91\x91\x91\x91\x90", 7, PROTOCOL_CODE_TOO_DEEP},
	{"\x81\x01\x81\x01\x81\x01\x81\x01\x81\x01\x80", 11, PROTOCOL_CODE_TOO_DEEP},
	{"\xc0\xc0", 2, PROTOCOL_CODE_TRAILING_BYTES},
};

static void bombs_are_refused_before_any_allocation(void **state) {
	struct request request;
	struct fault fault;

	zones.n_zones = 0;
	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		assert_int_equal(unpack_copy(bombs[i].bytes, bombs[i].n_bytes, &request, &fault),
				 REQUEST_E_UNANSWERABLE);
		assert_int_equal(fault.code, bombs[i].code);
	}
	assert_int_equal(
		request_unpack(&decoder, NULL, PROTOCOL_MAX_MESSAGE_BYTES + 1, &request, &fault),
		REQUEST_E_UNANSWERABLE);
	assert_int_equal(fault.code, PROTOCOL_CODE_TOO_LARGE);
	assert_int_equal(zones.n_zones, 0);
}

static void unpack_without_memory_says_so(void **state) {
	struct request request;
	struct fault fault;

	zones.fails = true;
	assert_int_equal(unpack_notation(PING(""), &request, &fault), -ENOMEM);
	zones.fails = false;
	assert_int_equal(unpack_notation(PING(""), &request, &fault), 0);
}

/* One of each method, as packed. */
static void pack_example(enum request_method method) {
	static const struct in6_addr targets[3];
	struct request request = {.msgid = 7, .method = method};

	if (method == REQUEST_PING) {
		request_ping_init(&request.ping);
		request.ping.options = 63;
		request.ping.n_targets = 3;
		request.ping.targets = targets;
		request.ping.ttl = 1;
		request.ping.interface = 1;
		request.ping.timeout_us = 1000;
	} else if (method == REQUEST_HELLO) {
		request.hello = (struct request_hello){1, "client"};
	} else if (method == REQUEST_CANCEL) {
		request.cancel = (struct request_cancel){1, true, 2};
	}
	assert_int_equal(request_pack(&request, &buffer), 0);
}

static void every_truncation_is_a_fault(void **state) {
	for (int method = REQUEST_HELLO; method <= REQUEST_STATS; method++) {
		struct request request;
		struct fault fault;

		pack_example((enum request_method)method);
		for (size_t n_bytes = 0; n_bytes < buffer.n_bytes; n_bytes++) {
			assert_int_equal(unpack_copy(buffer.bytes, n_bytes, &request, &fault),
					 REQUEST_E_UNANSWERABLE);
			assert_int_equal(fault.code, PROTOCOL_CODE_NOT_MSGPACK);
		}
		buffer.bytes[buffer.n_bytes] = 0xc0;
		assert_int_equal(unpack_copy(buffer.bytes, buffer.n_bytes + 1, &request, &fault),
				 REQUEST_E_UNANSWERABLE);
		assert_int_equal(fault.code, PROTOCOL_CODE_TRAILING_BYTES);
	}
}

static void every_altered_byte_does_no_harm(void **state) {
	for (int method = REQUEST_HELLO; method <= REQUEST_STATS; method++) {
		pack_example((enum request_method)method);
		for (size_t i = 0; i < buffer.n_bytes; i++) {
			uint8_t kept = buffer.bytes[i];

			for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
				struct request request;
				struct fault fault = {0};
				int r;

				buffer.bytes[i] = (uint8_t)byte;
				r = unpack_copy(buffer.bytes, buffer.n_bytes, &request, &fault);
				assert_in_range(r, 0, REQUEST_E_UNANSWERABLE);
				assert_int_equal(r == 0, fault.code == PROTOCOL_CODE_NONE);
			}
			buffer.bytes[i] = kept;
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fault_has_its_code),
		cmocka_unit_test(within_every_limit_is_taken),
		cmocka_unit_test(ping_without_options_has_defaults),
		cmocka_unit_test(hello_client_becomes_printable),
		cmocka_unit_test(fault_names_what_it_met_printably),
		cmocka_unit_test(bombs_are_refused_before_any_allocation),
		cmocka_unit_test(unpack_without_memory_says_so),
		cmocka_unit_test(every_truncation_is_a_fault),
		cmocka_unit_test(every_altered_byte_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
