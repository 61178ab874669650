/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A helper whose every word the test says itself, step by step, in the test's own thread. What it
 * says may be wrong. */

#include "client/include/multiping.h"
#include "protocol/message.h"
#include "protocol/request.h"

struct fake_helper {
	char folder[32], path[64];
	int listener, fd;
	int64_t helper_wait_us;    /* of its clients */
	struct hello_result hello; /* what it will answer */
	struct request request;    /* the last that was read; borrows from decoder */
	struct request_decoder decoder;
	struct message_buffer output;
};

/* Listens at fake->path. Every option is allowed, no limit is set. */
void fake_helper_start(struct fake_helper *fake);
void fake_helper_stop(struct fake_helper *fake);

/* A new object whose config names the socket of the fake. */
struct multiping *fake_helper_client(const struct fake_helper *fake);

/* Accepts, reads `hello`, and answers it. The client must have dispatched. */
void fake_helper_accept(struct fake_helper *fake);

/* The next request is there, and of this method; it stands in fake->request. */
void fake_helper_expect(struct fake_helper *fake, enum request_method method);
/* No request is there. */
void fake_helper_expect_none(struct fake_helper *fake);

/* Say one thing each. */
void fake_helper_say_true(struct fake_helper *fake, uint32_t msgid);
void fake_helper_say_fault(struct fake_helper *fake, uint32_t msgid, enum protocol_code code,
			   const char *limit);
void fake_helper_say_outcome(struct fake_helper *fake, uint32_t id, uint32_t index, uint8_t kind);
void fake_helper_say_sent(struct fake_helper *fake, uint32_t id);
void fake_helper_say_done(struct fake_helper *fake, uint32_t id);
void fake_helper_say_stats(struct fake_helper *fake, uint32_t msgid, const char *name,
			   uint64_t value);
void fake_helper_say_closing(struct fake_helper *fake, enum protocol_code code, const char *text);
void fake_helper_say(struct fake_helper *fake, const void *bytes, size_t n_bytes);

/* Closes the connection. */
void fake_helper_hang_up(struct fake_helper *fake);
