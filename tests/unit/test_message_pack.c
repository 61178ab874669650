/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the helper says: what is packed comes back, how much fits, and the two messages of PROTOCOL.md's example byte for byte. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/message.h"
#include "protocol/request.h"

static struct message_buffer buffer;

static int setup(void **state) {
	return message_decoder_new((struct message_decoder **)state);
}

static int teardown(void **state) {
	return message_decoder_free(*state) != NULL;
}

static void unpack(struct message_decoder *decoder, enum message_type type,
		   struct message *ret_message) {
	assert_int_equal(message_unpack(decoder, buffer.bytes, buffer.n_bytes, ret_message), 0);
	assert_int_equal(ret_message->type, type);
}

static void unpack_response(struct message_decoder *decoder, struct message *ret_message) {
	unpack(decoder, MESSAGE_RESPONSE, ret_message);
	assert_int_equal(ret_message->msgid, UINT32_MAX);
}

/* --- responses --- */

static void response_true_comes_back(void **state) {
	struct message message;

	assert_int_equal(response_pack_true(UINT32_MAX, &buffer), 0);
	unpack_response(*state, &message);
	assert_false(message.has_fault);
	assert_int_equal(message_unpack_true(*state), 0);
}

static void response_fault_comes_back(void **state) {
	struct message message;
	struct fault fault;

	for (unsigned code = PROTOCOL_CODE_NONE + 1; code < PROTOCOL_N_CODES; code++) {
		fault_set(&fault, (enum protocol_code)code, "in words");
		assert_int_equal(response_pack_fault(UINT32_MAX, &fault, &buffer), 0);
		unpack_response(*state, &message);
		assert_true(message.has_fault);
		assert_int_equal(message.fault.code, code);
		assert_string_equal(message.fault.message, "in words");
		assert_string_equal(message.fault.limit, "");
		assert_int_equal(message_unpack_true(*state), MESSAGE_E_MALFORMED);
	}
}

static void response_fault_with_limit_comes_back(void **state) {
	struct message message;
	struct fault fault;

	fault_set_limit(&fault, PROTOCOL_CODE_OUT_OF_RANGE, "ttl", INT64_MIN, INT64_MAX, "%s", "");
	assert_int_equal(response_pack_fault(UINT32_MAX, &fault, &buffer), 0);
	unpack_response(*state, &message);
	assert_string_equal(message.fault.limit, "ttl");
	assert_true(message.fault.asked == INT64_MIN);
	assert_true(message.fault.allowed == INT64_MAX);
}

static void response_hello_comes_back(void **state) {
	struct hello_result unpacked,
		hello = {
			.protocol = 1,
			.helper = "multiping-helper 0.1.0",
			.backend = "raw",
			.namespace_inode = UINT64_MAX,
			.receive_buffer_bytes = UINT32_MAX,
			.features = HELLO_FEATURE_IPV4 | HELLO_FEATURE_RECEIVE_STAMPS,
			.targets_per_message = PROTOCOL_MAX_TARGETS,
			.payload_bytes = PROTOCOL_MAX_DATA_BYTES,
			.timeout_us = PROTOCOL_MAX_TIMEOUT_US,
			.packets_per_second = UINT32_MAX,
			.options = PING_OPTION_TTL | PING_OPTION_FWMARK,
		};
	struct message message;

	assert_int_equal(response_pack_hello(UINT32_MAX, &hello, &buffer), 0);
	unpack_response(*state, &message);
	assert_int_equal(message_unpack_hello(*state, &unpacked), 0);
	assert_string_equal(unpacked.helper, hello.helper);
	assert_string_equal(unpacked.backend, hello.backend);
	assert_true(unpacked.namespace_inode == UINT64_MAX);
	assert_int_equal(unpacked.receive_buffer_bytes, UINT32_MAX);
	assert_int_equal(unpacked.features, hello.features);
	assert_int_equal(unpacked.targets_per_message, PROTOCOL_MAX_TARGETS);
	assert_int_equal(unpacked.payload_bytes, PROTOCOL_MAX_DATA_BYTES);
	assert_int_equal(unpacked.timeout_us, PROTOCOL_MAX_TIMEOUT_US);
	assert_int_equal(unpacked.packets_per_second, UINT32_MAX);
	assert_int_equal(unpacked.options, hello.options);

	hello.packets_per_second = 20000;
	assert_int_equal(response_pack_hello(UINT32_MAX, &hello, &buffer), 0);
	unpack_response(*state, &message);
	assert_int_equal(message_unpack_hello(*state, &unpacked), 0);
	assert_int_equal(unpacked.packets_per_second, 20000);
}

static void response_stats_comes_back(void **state) {
	static struct stats_result stats, unpacked;
	struct message message;

	stats.n_counters = PROTOCOL_MAX_COUNTERS;
	for (size_t i = 0; i < PROTOCOL_MAX_COUNTERS; i++) {
		memset(stats.counters[i].name, 'a' + (int)(i % 26), PROTOCOL_MAX_NAME_BYTES);
		stats.counters[i].value = UINT64_MAX - i;
	}
	assert_int_equal(response_pack_stats(UINT32_MAX, &stats, &buffer), 0);
	unpack_response(*state, &message);
	assert_int_equal(message_unpack_stats(*state, &unpacked), 0);
	assert_memory_equal(&unpacked, &stats, sizeof(stats));
}

/* --- notifications --- */

static void sent_and_done_come_back(void **state) {
	struct message message;

	assert_int_equal(sent_pack(UINT32_MAX, &buffer), 0);
	unpack(*state, MESSAGE_SENT, &message);
	assert_int_equal(message.id, UINT32_MAX);

	assert_int_equal(done_pack(1, &buffer), 0);
	unpack(*state, MESSAGE_DONE, &message);
	assert_int_equal(message.id, 1);
	assert_int_equal(buffer.n_bytes, 9);
	assert_memory_equal(buffer.bytes,
			    "\x93\x02\xa4"
			    "done"
			    "\x91\x01",
			    9);
}

static void closing_comes_back(void **state) {
	static struct closing closing = {.code = PROTOCOL_CODE_NO_BACKEND,
					 .n_tried = PROTOCOL_MAX_TRIED};
	struct message message;

	memset(closing.text, 't', PROTOCOL_MAX_TEXT_BYTES);
	for (size_t i = 0; i < PROTOCOL_MAX_TRIED; i++) {
		memset(closing.tried[i].what, 'a' + (int)i, PROTOCOL_MAX_NAME_BYTES);
		closing.tried[i].error = (uint32_t)(UINT32_MAX - i);
	}
	assert_int_equal(closing_pack(&closing, &buffer), 0);
	unpack(*state, MESSAGE_CLOSING, &message);
	assert_int_equal(message.closing.code, PROTOCOL_CODE_NO_BACKEND);
	assert_string_equal(message.closing.text, closing.text);
	assert_int_equal(message.closing.n_tried, PROTOCOL_MAX_TRIED);
	assert_memory_equal(message.closing.tried, closing.tried, sizeof(closing.tried));
}

/* --- results --- */

static const struct outcome outcomes[] = {
	{.kind = OUTCOME_REPLY,
	 .flags = 3,
	 .rtt_ns = INT64_MAX,
	 .hop_limit = 255,
	 .size_bytes = 65507},
	{.kind = OUTCOME_TIMEOUT, .flags = OUTCOME_MAYBE_LOCAL_LOSS, .queued_us = UINT32_MAX},
	{.kind = OUTCOME_ICMP_ERROR,
	 .icmp_type = 3,
	 .icmp_code = 4,
	 .next_hop_mtu = 1400,
	 .reporter.s6_addr = {[10] = 0xff, 0xff, 127, 0, 0, 1}},
	{.kind = OUTCOME_SEND_ERROR, .error = ENETUNREACH},
	{.kind = OUTCOME_DENIED, .rule = "[destinations] deny 224.0.0.0/4"},
	{.kind = OUTCOME_CANCELLED, .index = PROTOCOL_MAX_TARGETS - 1},
	{.kind = OUTCOME_DUPLICATE, .rtt_ns = 1, .hop_limit = 1},
	{.kind = OUTCOME_LATE, .flags = OUTCOME_UNVERIFIED, .rtt_ns = 11000000000},
	{.kind = OUTCOME_UNVERIFIED_ERROR,
	 .icmp_type = 1,
	 .icmp_code = 3,
	 .reporter.s6_addr = {0xfe, 0x80, [15] = 1}},
};
enum { N_OUTCOMES = sizeof(outcomes) / sizeof(outcomes[0]) };

static void assert_outcome_equal(const struct outcome *left, const struct outcome *right) {
	assert_int_equal(left->index, right->index);
	assert_int_equal(left->kind, right->kind);
	assert_int_equal(left->flags, right->flags);
	assert_int_equal(left->queued_us, right->queued_us);
	assert_true(left->rtt_ns == right->rtt_ns);
	assert_int_equal(left->hop_limit, right->hop_limit);
	assert_int_equal(left->size_bytes, right->size_bytes);
	assert_int_equal(left->icmp_type, right->icmp_type);
	assert_int_equal(left->icmp_code, right->icmp_code);
	assert_memory_equal(&left->reporter, &right->reporter, sizeof(left->reporter));
	assert_int_equal(left->next_hop_mtu, right->next_hop_mtu);
	assert_int_equal(left->error, right->error);
	assert_string_equal(left->rule, right->rule);
}

static void results_of_every_kind_come_back(void **state) {
	struct results_packer packer;
	struct message message;
	struct outcome outcome;

	results_begin(&packer, UINT32_MAX, &buffer);
	for (size_t i = 0; i < N_OUTCOMES; i++) {
		assert_int_equal(results_add(&packer, &outcomes[i]), 0);
	}
	results_end(&packer);

	unpack(*state, MESSAGE_RESULTS, &message);
	assert_int_equal(message.id, UINT32_MAX);
	assert_int_equal(message.n_outcomes, N_OUTCOMES);
	for (size_t i = 0; i < N_OUTCOMES; i++) {
		memset(&outcome, 0xff, sizeof(outcome));
		assert_int_equal(message_next_outcome(*state, &outcome), 1);
		assert_outcome_equal(&outcome, &outcomes[i]);
	}
	assert_int_equal(message_next_outcome(*state, &outcome), 0);
}

/* PROTOCOL.md's example; the header's numbers have a fixed width, the rest is as short as it can be. */
static void results_have_the_stated_bytes(void **state) {
	static const char expected[] = "\x93\x02\xa7"
				       "results"
				       "\x92\xce\x00\x00\x00\x01\xdc\x00\x02"
				       "\x97\x00\x00\x03\x29\xcd\x47\x4a\x40\x38"
				       "\x97\x01\x00\x03\x37\xcd\x4e\x92\x40\x38";
	struct outcome outcome = {.flags = 3, .hop_limit = 64, .size_bytes = 56};
	struct results_packer packer;

	results_begin(&packer, 1, &buffer);
	outcome.queued_us = 41;
	outcome.rtt_ns = 18250;
	results_add(&packer, &outcome);
	outcome.index = 1;
	outcome.queued_us = 55;
	outcome.rtt_ns = 20114;
	results_add(&packer, &outcome);
	results_end(&packer);
	assert_int_equal(buffer.n_bytes, sizeof(expected) - 1);
	assert_memory_equal(buffer.bytes, expected, buffer.n_bytes);
}

/* A message is filled with outcomes of each kind in turn, until one more does not fit. */
static void results_take_back_what_does_not_fit(void **state) {
	for (size_t i = 0; i < N_OUTCOMES; i++) {
		struct results_packer packer;
		struct message message;
		struct outcome outcome;
		uint32_t n_added = 0;
		size_t n_bytes;

		results_begin(&packer, 1, &buffer);
		do {
			n_bytes = buffer.n_bytes;
			n_added++;
		} while (results_add(&packer, &outcomes[i]) == 0);
		assert_int_equal(buffer.n_bytes, n_bytes);
		assert_int_equal(packer.n_outcomes, n_added - 1);
		assert_in_range(n_bytes, PROTOCOL_MAX_MESSAGE_BYTES - 64,
				PROTOCOL_MAX_MESSAGE_BYTES);
		results_end(&packer);

		unpack(*state, MESSAGE_RESULTS, &message);
		assert_int_equal(message.n_outcomes, n_added - 1);
		while (message_next_outcome(*state, &outcome) == 1) {
			assert_outcome_equal(&outcome, &outcomes[i]);
			n_added--;
		}
		assert_int_equal(n_added, 1);
	}
}

static void results_of_none_are_empty(void **state) {
	struct results_packer packer;
	struct message message;
	struct outcome outcome;

	results_begin(&packer, 1, &buffer);
	results_end(&packer);
	unpack(*state, MESSAGE_RESULTS, &message);
	assert_int_equal(message.n_outcomes, 0);
	assert_int_equal(message_next_outcome(*state, &outcome), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(response_true_comes_back),
		TEST(response_fault_comes_back),
		TEST(response_fault_with_limit_comes_back),
		TEST(response_hello_comes_back),
		TEST(response_stats_comes_back),
		TEST(sent_and_done_come_back),
		TEST(closing_comes_back),
		TEST(results_of_every_kind_come_back),
		TEST(results_have_the_stated_bytes),
		TEST(results_take_back_what_does_not_fit),
		TEST(results_of_none_are_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
