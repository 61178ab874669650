/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The helper's loop in this process, turn by turn, with clients over socket pairs: no sandbox, any owner, raw sockets in a namespace of
 * the test's own. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper/helper_private.h"
#include "protocol/message.h"
#include "protocol/request.h"

enum { CLIENT_MAX_OUTCOMES = 8192 };

/* One message or outcome that a client got, in order. */
struct told {
	enum message_type type;
	uint32_t
		id; /* of results (one entry for each outcome), sent, done; of a response, the msgid */
	struct outcome outcome;  /* results */
	enum protocol_code code; /* of a response that is a fault, or closing; else NONE */
	char limit[PROTOCOL_MAX_NAME_BYTES + 1];
};

struct client {
	int fd;
	uint32_t next_msgid;
	struct message_decoder *decoder;
	struct stats_result stats; /* of the last response that was stats */
	bool is_closed;            /* by the helper */
	size_t n_told;
	struct told told[CLIENT_MAX_OUTCOMES];
};

/* No limit of rate. */
void rig_config(struct config *ret_config);

struct helper *rig_open(const struct config *config);

/* Ends all sessions, and asserts that nothing is charged, open or timed any more. */
void rig_close(struct helper *helper);

/* Connects as the owner @uid, and says hello where it @says_hello. */
struct client *client_new(struct helper *helper, uid_t uid, bool says_hello);

/* Closes the client's end. */
void client_free(struct client *client);

/* Sends; returns the msgid. */
uint32_t client_send(struct client *client, struct request *request);

/* @n_targets times @target. */
uint32_t client_ping(struct client *client, uint32_t id, const char *target, uint32_t n_targets,
		     uint32_t timeout_us, uint32_t interval_us);
uint32_t client_cancel(struct client *client, uint32_t id);
uint32_t client_ask_stats(struct client *client, enum stats_scope scope);

/* Reads all that is there. */
void client_read(struct client *client);

/* How many entries of @type and @id the client was told; of results, those of @kind. */
size_t client_n_told(const struct client *client, enum message_type type, uint32_t id);
size_t client_n_outcomes(const struct client *client, uint32_t id, enum outcome_kind kind);

/* The answer to @msgid; NULL: none yet. */
const struct told *client_answer(const struct client *client, uint32_t msgid);

/* It was answered, with a fault of @code or NONE. */
void assert_answered(const struct client *client, uint32_t msgid, enum protocol_code code);

/* A counter of the last stats. */
uint64_t client_counter(const struct client *client, const char *name);

/* The helper's side of @client, which must be the only one of its owner. */
struct session *rig_session(const struct helper *helper, uid_t uid);

/* Takes turns, for @ms at least. */
void rig_turns(struct helper *helper, int64_t ms);

/* Takes turns until the helper has nothing more to do at once. */
void rig_settle(struct helper *helper);

/* Fills the socket of @client, who does not read, until the helper waits. */
void rig_block(struct helper *helper, struct client *client, uid_t uid);

/* Takes turns, the client reading what it is told, until @id is done; fails after some seconds. */
void rig_finish(struct helper *helper, struct client *client, uint32_t id);
