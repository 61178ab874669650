/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The other end of a client's socket: says what the input tells it to, well formed or not, and holds the client to the protocol. */

#include <stdbool.h>
#include <stdint.h>

#include "protocol/message.h"
#include "protocol/request.h"
#include "tests/fuzz/input.h"

enum { HOSTILE_HELPER_MAX_REQUESTS = 64, HOSTILE_HELPER_MAX_IDS = 256 };

struct hostile_helper {
	int listener, fd; /* @fd: -1 while there is no client */
	bool said_hello;
	bool lied; /* or may have: what the client counts need not be right any more */
	struct hello_result hello; /* as told last */
	uint32_t last_msgid, last_id;
	struct {
		uint32_t msgid;
		enum request_method method;
	} open[HOSTILE_HELPER_MAX_REQUESTS]; /* not answered */
	unsigned n_open;
	uint32_t n_targets[HOSTILE_HELPER_MAX_IDS]; /* of each ping's id */
};

/* Listens at a socket that has no name; a client finds it at @ret_path (of 32 bytes). */
void hostile_helper_listen(struct hostile_helper *ret_helper, char *ret_path);

/* Takes the client that waits, if there is none yet. */
void hostile_helper_accept(struct hostile_helper *helper);

/* Closes, and turns away whoever waits. */
void hostile_helper_hang_up(struct hostile_helper *helper);

/* Says one thing. */
void hostile_helper_speak(struct hostile_helper *helper, struct input *input);

/* Reads and checks what the client wrote. */
void hostile_helper_read(struct hostile_helper *helper);
