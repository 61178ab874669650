/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/hostile_helper.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

enum { N_WORDS = 8 };

/* --- the socket --- */

void hostile_helper_listen(struct hostile_helper *ret_helper, char *ret_path) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char folder[] = "/tmp/multiping-fuzz-XXXXXX";
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), file;

	FUZZ_CHECK(mkdtemp(folder) != NULL);
	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", folder);
	FUZZ_CHECK(bind(listener, (const struct sockaddr *)&address, sizeof address) == 0);
	FUZZ_CHECK(listen(listener, 8) == 0);
	file = open(address.sun_path, O_PATH | O_CLOEXEC); /* which is enough to connect to it */
	FUZZ_CHECK(file >= 0);
	FUZZ_CHECK(unlink(address.sun_path) == 0 && rmdir(folder) == 0);
	(void)sprintf(ret_path, "/proc/self/fd/%d", file);
	*ret_helper = (struct hostile_helper){.listener = listener, .fd = -1};
}

void hostile_helper_accept(struct hostile_helper *helper) {
	if (helper->fd < 0) {
		*helper = (struct hostile_helper){.listener = helper->listener};
		helper->fd = accept4(helper->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	}
}

void hostile_helper_hang_up(struct hostile_helper *helper) {
	do {
		if (helper->fd >= 0) {
			(void)close(helper->fd);
		}
		helper->fd = -1;
		hostile_helper_accept(helper);
	} while (helper->fd >= 0);
}

static void say(struct hostile_helper *helper, const void *bytes, size_t n_bytes) {
	if (helper->fd >= 0) { /* what finds no room is lost */
		(void)send(helper->fd, bytes, n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

/* --- saying --- */

static void say_raw(struct hostile_helper *helper, struct input *input) {
	size_t n_bytes = input_take32(input) % (PROTOCOL_MAX_MESSAGE_BYTES + 2);

	n_bytes = n_bytes < input->n_bytes ? n_bytes : input->n_bytes;
	say(helper, input_take(input, n_bytes), n_bytes);
	helper->lied = true;
}

/* The msgid of a request that is open, or any at all. */
static uint32_t take_msgid(struct hostile_helper *helper, struct input *input) {
	uint8_t which = input_take8(input);
	uint32_t msgid;

	if (which >= helper->n_open) {
		helper->lied = true;
		return helper->last_msgid - which;
	}
	msgid = helper->open[which].msgid;
	helper->lied |= !helper->said_hello;
	helper->open[which] = helper->open[--helper->n_open];
	return msgid;
}

static void pack_hello(struct hostile_helper *helper, struct input *input,
		       struct message_buffer *buffer) {
	struct hello_result *hello = &helper->hello;
	struct stat ours = {0};
	uint8_t flags = input_take8(input);
	uint32_t msgid = helper->n_open > 0 ? helper->open[0].msgid : 1;

	helper->lied |= helper->said_hello || helper->n_open != 1;
	helper->n_open = 0;
	helper->said_hello = true;
	(void)stat("/proc/self/ns/net", &ours);
	*hello = (struct hello_result){
		.protocol = PROTOCOL_VERSION,
		.helper = "fuzz",
		.backend = "raw",
		.namespace_inode = flags & 1 ? ours.st_ino : 7,
		.targets_per_message = flags & 2 ? 1 + input_take8(input) : PROTOCOL_MAX_TARGETS,
		.payload_bytes = flags & 4 ? input_take8(input) : PROTOCOL_MAX_DATA_BYTES,
		.timeout_us = flags & 8 ? input_take32(input) : PROTOCOL_MAX_TIMEOUT_US,
		.packets_per_second = UINT32_MAX,
		.options = flags & 16 ? input_take8(input) % 64 : 63,
	};
	(void)response_pack_hello(msgid, hello, buffer);
}

static void pack_fault(struct hostile_helper *helper, struct input *input,
		       struct message_buffer *buffer) {
	static const char *const limits[] = {"", "request_bytes", "payload_bytes", "timeout_us"};
	struct fault fault = {.message = "no"};

	fault.code = (enum protocol_code)(1 + input_take8(input) % (PROTOCOL_N_CODES - 1));
	(void)strcpy(fault.limit, limits[input_take8(input) % 4]);
	(void)response_pack_fault(take_msgid(helper, input), &fault, buffer);
}

static void pack_stats(struct hostile_helper *helper, struct input *input,
		       struct message_buffer *buffer) {
	static struct stats_result stats;

	stats.n_counters = input_take8(input) % (PROTOCOL_MAX_COUNTERS + 1);
	for (size_t i = 0; i < stats.n_counters; i++) {
		(void)sprintf(stats.counters[i].name, "c%zu", i);
	}
	(void)response_pack_stats(take_msgid(helper, input), &stats, buffer);
}

static uint32_t take_id(const struct hostile_helper *helper, struct input *input) {
	return helper->last_id - (uint32_t)(int8_t)input_take8(input);
}

static void pack_results(struct hostile_helper *helper, struct input *input,
			 struct message_buffer *buffer) {
	uint32_t id = take_id(helper, input), index = input_take8(input);
	struct results_packer packer;
	uint8_t n_outcomes = input_take8(input);

	results_begin(&packer, id, buffer);
	for (; n_outcomes > 0; n_outcomes--) {
		uint8_t kind = input_take8(input);
		struct outcome outcome = {.index = index++, .kind = kind & 31, .rule = "deny ::/0"};

		if (kind & 32) {
			outcome.index = input_take8(input);
		}
		if (kind & 64) {
			outcome.flags = input_take8(input);
			outcome.queued_us = input_take32(input);
			outcome.rtt_ns = input_take32(input);
			outcome.error = input_take8(input);
			outcome.reporter.s6_addr[15] = input_take8(input);
		}
		if (results_add(&packer, &outcome) != 0) {
			break;
		}
	}
	results_end(&packer);
}

static void pack_closing(struct input *input, struct message_buffer *buffer) {
	struct closing closing = {.text = "goodbye", .tried = {{"this", 1}, {"that", 2}}};

	closing.code = (enum protocol_code)(1 + input_take8(input) % (PROTOCOL_N_CODES - 1));
	closing.n_tried = input_take8(input) % 3;
	(void)closing_pack(&closing, buffer);
}

void hostile_helper_speak(struct hostile_helper *helper, struct input *input) {
	static struct message_buffer buffer;

	switch (input_take8(input) % N_WORDS) {
	case 0:
		say_raw(helper, input);
		return;
	case 1:
		pack_hello(helper, input, &buffer);
		break;
	case 2:
		(void)response_pack_true(take_msgid(helper, input), &buffer);
		break;
	case 3:
		pack_fault(helper, input, &buffer);
		break;
	case 4:
		pack_stats(helper, input, &buffer);
		break;
	case 5:
		pack_results(helper, input, &buffer);
		break;
	case 6:
		if (input_take8(input) & 1) {
			(void)sent_pack(take_id(helper, input), &buffer);
		} else {
			(void)done_pack(take_id(helper, input), &buffer);
		}
		break;
	default:
		pack_closing(input, &buffer);
		break;
	}
	say(helper, buffer.bytes, buffer.n_bytes);
}

/* --- reading --- */

static void check_ping(struct hostile_helper *helper, const struct request_ping *ping) {
	const struct hello_result *hello = &helper->hello;

	FUZZ_CHECK(ping->id > helper->last_id);
	helper->last_id = ping->id;
	if (ping->id < HOSTILE_HELPER_MAX_IDS) {
		helper->n_targets[ping->id] = ping->n_targets;
	}
	if (!helper->lied) {
		FUZZ_CHECK(ping->n_targets <= hello->targets_per_message);
		FUZZ_CHECK(ping->size_bytes <= hello->payload_bytes);
		FUZZ_CHECK(ping->timeout_us <= hello->timeout_us);
		FUZZ_CHECK((ping->options & ~hello->options) == 0);
	}
}

static void check_cancel(const struct hostile_helper *helper, const struct request_cancel *cancel) {
	FUZZ_CHECK(cancel->id >= 1 && cancel->id <= helper->last_id);
	FUZZ_CHECK(cancel->id >= HOSTILE_HELPER_MAX_IDS || !cancel->has_index ||
		   cancel->index < helper->n_targets[cancel->id]);
}

static void check_counts(const struct hostile_helper *helper) {
	unsigned n_pings = 0;

	for (unsigned i = 0; i < helper->n_open; i++) {
		n_pings += helper->open[i].method == REQUEST_PING;
	}
	FUZZ_CHECK(n_pings <= PROTOCOL_MAX_PING_REQUESTS);
	FUZZ_CHECK(helper->n_open - n_pings <= PROTOCOL_MAX_OTHER_REQUESTS);
}

static void check_request(struct hostile_helper *helper, const struct request *request) {
	bool is_first = helper->last_msgid == 0;

	FUZZ_CHECK(request->msgid > helper->last_msgid);
	FUZZ_CHECK((request->method == REQUEST_HELLO) == is_first);
	helper->last_msgid = request->msgid;
	if (request->method == REQUEST_PING) {
		check_ping(helper, &request->ping);
	} else if (request->method == REQUEST_CANCEL) {
		check_cancel(helper, &request->cancel);
	}
	if (!helper->lied) {
		FUZZ_CHECK(helper->n_open < HOSTILE_HELPER_MAX_REQUESTS);
		helper->open[helper->n_open].msgid = request->msgid;
		helper->open[helper->n_open++].method = request->method;
		check_counts(helper);
	}
}

void hostile_helper_read(struct hostile_helper *helper) {
	static uint8_t bytes[PROTOCOL_MAX_MESSAGE_BYTES + 1];
	static struct request_decoder decoder;
	struct request request;
	struct fault fault;
	ssize_t n_bytes;

	while (helper->fd >= 0 &&
	       (n_bytes = recv(helper->fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
		FUZZ_CHECK(request_unpack(&decoder, bytes, (size_t)n_bytes, &request, &fault) == 0);
		check_request(helper, &request);
	}
}
