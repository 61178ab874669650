/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: what is packed comes back, and how much fits into a message. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/request.h"

static struct message_buffer buffer;
static struct request_decoder decoder;
static struct in6_addr targets[PROTOCOL_MAX_TARGETS];

static void fill_targets(bool is_ipv4) {
	memset(targets, 0, sizeof(targets));
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		targets[i].s6_addr[0] = is_ipv4 ? 0 : 0xfd;
		targets[i].s6_addr[10] = targets[i].s6_addr[11] = is_ipv4 ? 0xff : 0;
		targets[i].s6_addr[14] = (uint8_t)(i >> 8);
		targets[i].s6_addr[15] = (uint8_t)i;
	}
}

/* A ping with every number at its greatest. */
static void fill_ping(struct request *ret_request, bool is_ipv4, uint32_t n_targets) {
	fill_targets(is_ipv4);
	*ret_request = (struct request){.msgid = UINT32_MAX, .method = REQUEST_PING};
	ret_request->ping = (struct request_ping){
		.id = UINT32_MAX,
		.n_targets = n_targets,
		.targets = targets,
		.timeout_us = PROTOCOL_MAX_TIMEOUT_US,
		.interval_us = PROTOCOL_MAX_INTERVAL_US,
		.size_bytes = PROTOCOL_MAX_DATA_BYTES,
		.pattern = -1,
		.ttl = UINT8_MAX,
		.tos = UINT8_MAX,
		.dont_fragment = true,
		.options = 63,
		.source = targets[5],
		.interface = INT32_MAX,
		.scope = INT32_MAX,
		.fwmark = UINT32_MAX,
	};
}

/* What comes back says the same: packed again, it gives the same bytes. */
static void pack_and_unpack(const struct request *request, struct request *ret_request) {
	static struct message_buffer again;
	struct fault fault;

	assert_int_equal(request_pack(request, &buffer), 0);
	assert_int_equal(
		request_unpack(&decoder, buffer.bytes, buffer.n_bytes, ret_request, &fault), 0);
	assert_int_equal(request_pack(ret_request, &again), 0);
	assert_int_equal(again.n_bytes, buffer.n_bytes);
	assert_memory_equal(again.bytes, buffer.bytes, buffer.n_bytes);
}

/* --- what is packed comes back --- */

static void hello_comes_back(void **state) {
	struct request request = {.msgid = 7, .method = REQUEST_HELLO, .hello = {1, "a client"}};
	struct request unpacked;

	pack_and_unpack(&request, &unpacked);
	assert_int_equal(unpacked.hello.protocol, 1);
	assert_string_equal(unpacked.hello.client, "a client");
}

static void ping_comes_back(void **state) {
	for (int is_ipv4 = 0; is_ipv4 < 2; is_ipv4++) {
		struct request request, unpacked;
		uint32_t n_targets = is_ipv4 ? PROTOCOL_MAX_TARGETS : 892;

		fill_ping(&request, is_ipv4 != 0, n_targets);
		pack_and_unpack(&request, &unpacked);
		assert_int_equal(unpacked.ping.n_targets, n_targets);
		assert_memory_equal(unpacked.ping.targets, targets, n_targets * sizeof(targets[0]));
		assert_int_equal(unpacked.ping.pattern, -1);
		assert_int_equal(unpacked.ping.options, 63);
	}
}

static void ping_options_each_set_their_bit(void **state) {
	for (uint32_t option = PING_OPTION_TTL; option <= PING_OPTION_FWMARK; option *= 2) {
		struct request request, unpacked;

		fill_ping(&request, true, 1);
		request.ping.options = option;
		pack_and_unpack(&request, &unpacked);
		assert_int_equal(unpacked.ping.options, option);
		assert_int_equal(
			ping_option_from_name(ping_option_name((enum ping_option)option),
					      strlen(ping_option_name((enum ping_option)option))),
			option);
	}
	assert_null(ping_option_name((enum ping_option)64));
	assert_null(ping_option_name((enum ping_option)3));
	assert_int_equal(ping_option_from_name("tt", 2), 0);
	assert_int_equal(ping_option_from_name("", 0), 0);
}

static void cancel_and_stats_come_back(void **state) {
	struct request request = {.method = REQUEST_CANCEL, .cancel = {3, false, 0}}, unpacked;

	pack_and_unpack(&request, &unpacked);
	assert_int_equal(unpacked.cancel.id, 3);
	assert_false(unpacked.cancel.has_index);

	request.cancel = (struct request_cancel){4, true, 2047};
	pack_and_unpack(&request, &unpacked);
	assert_true(unpacked.cancel.has_index);
	assert_int_equal(unpacked.cancel.index, 2047);

	request = (struct request){.msgid = 9, .method = REQUEST_STATS};
	for (int scope = STATS_SESSION; scope <= STATS_HELPER; scope++) {
		request.stats.scope = (enum stats_scope)scope;
		pack_and_unpack(&request, &unpacked);
		assert_int_equal(unpacked.stats.scope, scope);
	}
}

/* --- how much fits --- */

static void ping_overhead_is_within_its_bound(void **state) {
	for (int is_ipv4 = 0; is_ipv4 < 2; is_ipv4++) {
		struct request request;

		fill_ping(&request, is_ipv4 != 0, 800);
		assert_int_equal(request_pack(&request, &buffer), 0);
		assert_in_range(buffer.n_bytes - 800 * request_target_bytes(&targets[0]), 1,
				REQUEST_PING_OVERHEAD_BYTES);
		assert_int_equal(request_target_bytes(&targets[0]), is_ipv4 ? 6 : 18);
	}
}

static void ping_that_does_not_fit_is_not_packed(void **state) {
	struct request request;
	uint32_t n_targets = 880;
	int r;

	do {
		fill_ping(&request, false, n_targets++);
		r = request_pack(&request, &buffer);
		assert_in_range(buffer.n_bytes, r == 0 ? 880 * 18 : 0,
				r == 0 ? PROTOCOL_MAX_MESSAGE_BYTES : 0);
	} while (r == 0 && n_targets < PROTOCOL_MAX_TARGETS);
	assert_int_equal(r, -ENOSPC);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_comes_back),
		cmocka_unit_test(ping_comes_back),
		cmocka_unit_test(ping_options_each_set_their_bit),
		cmocka_unit_test(cancel_and_stats_come_back),
		cmocka_unit_test(ping_overhead_is_within_its_bound),
		cmocka_unit_test(ping_that_does_not_fit_is_not_packed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
