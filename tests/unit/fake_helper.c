/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The helper's end of the socket, by the packers of protocol/. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/fake_helper.h"

void fake_helper_start(struct fake_helper *fake) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	*fake = (struct fake_helper){
		.folder = "/tmp/multiping-fake-XXXXXX",
		.fd = -1,
		.helper_wait_us = 10000000,
		.hello = {.protocol = PROTOCOL_VERSION,
			  .helper = "fake 1",
			  .backend = "raw",
			  .targets_per_message = PROTOCOL_MAX_TARGETS,
			  .payload_bytes = PROTOCOL_MAX_DATA_BYTES,
			  .timeout_us = PROTOCOL_MAX_TIMEOUT_US,
			  .packets_per_second = UINT32_MAX,
			  .options = PING_OPTION_TTL | PING_OPTION_TOS | PING_OPTION_DONT_FRAGMENT |
				     PING_OPTION_SOURCE | PING_OPTION_INTERFACE |
				     PING_OPTION_FWMARK},
	};
	assert_non_null(mkdtemp(fake->folder));
	snprintf(fake->path, sizeof fake->path, "%s/socket", fake->folder);
	memcpy(address.sun_path, fake->path, strlen(fake->path));
	fake->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(fake->listener >= 0);
	assert_int_equal(bind(fake->listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fake->listener, 8), 0);
}

void fake_helper_hang_up(struct fake_helper *fake) {
	if (fake->fd >= 0) {
		close(fake->fd);
		fake->fd = -1;
	}
}

void fake_helper_stop(struct fake_helper *fake) {
	fake_helper_hang_up(fake);
	close(fake->listener);
	unlink(fake->path);
	rmdir(fake->folder);
}

struct multiping *fake_helper_client(const struct fake_helper *fake) {
	struct multiping_config config;
	struct multiping *multiping;

	multiping_config_init(&config);
	config.socket_path = fake->path;
	config.helper_wait_us = fake->helper_wait_us;
	assert_int_equal(multiping_new(&config, &multiping), 0);
	return multiping;
}

void fake_helper_accept(struct fake_helper *fake) {
	fake_helper_hang_up(fake);
	fake->fd = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(fake->fd >= 0);
	fake_helper_expect(fake, REQUEST_HELLO);
	assert_int_equal(response_pack_hello(fake->request.msgid, &fake->hello, &fake->output), 0);
	fake_helper_say(fake, fake->output.bytes, fake->output.n_bytes);
}

void fake_helper_expect(struct fake_helper *fake, enum request_method method) {
	uint8_t bytes[PROTOCOL_MAX_MESSAGE_BYTES];
	struct fault fault;
	ssize_t n_bytes = recv(fake->fd, bytes, sizeof bytes, 0);

	assert_true(n_bytes > 0);
	assert_int_equal(
		request_unpack(&fake->decoder, bytes, (size_t)n_bytes, &fake->request, &fault), 0);
	assert_int_equal(fake->request.method, method);
}

void fake_helper_expect_none(struct fake_helper *fake) {
	uint8_t byte;

	assert_int_equal(recv(fake->fd, &byte, sizeof byte, MSG_PEEK), -1);
}

void fake_helper_say(struct fake_helper *fake, const void *bytes, size_t n_bytes) {
	assert_int_equal(send(fake->fd, bytes, n_bytes, MSG_NOSIGNAL), n_bytes);
}

static void say_output(struct fake_helper *fake, int packed) {
	assert_int_equal(packed, 0);
	fake_helper_say(fake, fake->output.bytes, fake->output.n_bytes);
}

void fake_helper_say_true(struct fake_helper *fake, uint32_t msgid) {
	say_output(fake, response_pack_true(msgid, &fake->output));
}

void fake_helper_say_fault(struct fake_helper *fake, uint32_t msgid, enum protocol_code code,
			   const char *limit) {
	struct fault fault;

	if (limit) {
		fault_set_limit(&fault, code, limit, 2, 1, "too much");
	} else {
		fault_set(&fault, code, "not so");
	}
	say_output(fake, response_pack_fault(msgid, &fault, &fake->output));
}

void fake_helper_say_outcome(struct fake_helper *fake, uint32_t id, uint32_t index, uint8_t kind) {
	const struct outcome outcome = {
		.index = index,
		.kind = kind,
		.queued_us = 7,
		.rtt_ns = 1000 + index,
		.hop_limit = 64,
		.size_bytes = 56,
		.icmp_type = 3,
		.icmp_code = 1,
		.reporter.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1},
		.error = 101,
		.rule = "10.0.0.0/8",
	};
	struct results_packer packer;

	results_begin(&packer, id, &fake->output);
	assert_int_equal(results_add(&packer, &outcome), 0);
	results_end(&packer);
	say_output(fake, 0);
}

void fake_helper_say_sent(struct fake_helper *fake, uint32_t id) {
	say_output(fake, sent_pack(id, &fake->output));
}

void fake_helper_say_done(struct fake_helper *fake, uint32_t id) {
	say_output(fake, done_pack(id, &fake->output));
}

void fake_helper_say_stats(struct fake_helper *fake, uint32_t msgid, const char *name,
			   uint64_t value) {
	struct stats_result stats = {.n_counters = 1, .counters = {{.value = value}}};

	snprintf(stats.counters[0].name, sizeof stats.counters[0].name, "%s", name);
	say_output(fake, response_pack_stats(msgid, &stats, &fake->output));
}

void fake_helper_say_closing(struct fake_helper *fake, enum protocol_code code, const char *text) {
	struct closing closing = {
		.code = code, .n_tried = 1, .tried = {{.what = "raw socket", .error = 1}}};

	snprintf(closing.text, sizeof closing.text, "%s", text);
	say_output(fake, closing_pack(&closing, &fake->output));
}
