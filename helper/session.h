/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One client: its requests, what is to be said to it, and what it has asked for that is not done.
 *
 * A session never holds up the helper. What it cannot take now waits: outcomes in their probes' slots, answers to its few other
 * requests in a short queue; `sent`, `done` and a ping's response are flags of the ping until they are written. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/config.h"
#include "helper/prober.h"
#include "helper/user.h"
#include "protocol/buffer.h"
#include "protocol/message.h"
#include "protocol/request.h"

/* What all sessions share. */
struct session_context {
	struct prober *prober;
	struct users *users;
	struct hello_result hello;
	struct request_decoder decoder;
	struct message_buffer buffer;
	uint8_t input[PROTOCOL_MAX_MESSAGE_BYTES + 1];
};

struct answer; /* a packed response that waits for room */

struct session {
	int fd;
	uint32_t number; /* unique, the loop's to give; not 0 */
	struct session_context *context;
	struct user *user;
	struct user_part part;
	int64_t opened_ns;
	char client[PROTOCOL_MAX_CLIENT_BYTES + 1];
	bool takes_descriptors; /* see client_socket.h */
	bool said_hello;
	bool is_blocked;   /* its socket takes no more for now */
	bool asks_output;  /* the loop's: EPOLLOUT is asked for */
	bool peer_is_gone; /* the kernel says that nothing more will come */
	uint32_t last_id;
	unsigned n_faults, n_ping_requests, n_answers;
	struct answer *answers_first, *answers_last;
	struct ping *pings_first, *pings_last;     /* not done, in order of arrival */
	struct ping *pending_first, *pending_last; /* with news that found no room, by next_news */

	/* the scheduler's */
	struct ping *admitting; /* the first ping with targets to admit */
	int64_t deficit_bytes;  /* may be sent in this turn; negative: sent ahead of later ones */
	bool is_active, is_delayed;
	struct session *active_next;
};

enum {
	SESSION_E_CLOSED = 8, /* the peer is gone, or was told why and is to be closed */
};

/* Takes @fd over (closed by session_free) for @owner. USER_E_QUOTA: too many connections; -ENOMEM. */
int session_new(struct session_context *context, int fd, const struct owner *owner,
		struct session **ret_session);

/* Frees everything: its probes, requests, answers, its charge, its socket. NULL is fine; returns NULL. */
struct session *session_free(struct session *session);

/* Reads and carries out a few messages, as long as its owner has had few in the turn @turn of the loop; more may wait.
 * SESSION_E_CLOSED. */
int session_read(struct session *session, uint64_t turn);

/* Tells the client what is new of @ping, which may then be done and gone. SESSION_E_CLOSED. */
int session_deliver(struct session *session, struct ping *ping);

/* Goes on with what found no room, now that the socket is writable. SESSION_E_CLOSED. */
int session_resume(struct session *session);

/* Tells a duplicate, late answer or unverified error, if there is room; counts it. */
void session_tell_event(struct session *session, const struct probe_event *event);

/* Says `closing`, if there is room. */
void session_say_closing(struct session *session, const struct fault *fault);
