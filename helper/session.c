/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a session, and its output. What it asks is in session_request.c. */
#include "helper/session.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "helper/client_socket.h"
#include "helper/session_private.h"

int session_new(struct session_context *context, int fd, const struct owner *owner,
		struct session **ret_session) {
	struct session *session = calloc(1, sizeof *session);
	int r;

	if (session == NULL) {
		return -ENOMEM;
	}
	r = user_open_session(context->users, owner, context->prober->clock.now_ns, &session->part,
			      &session->user);
	if (r != 0) {
		free(session);
		return r;
	}
	session->fd = fd;
	session->context = context;
	session->takes_descriptors = client_socket_takes_descriptors(fd);
	session->opened_ns = context->prober->clock.now_ns;
	*ret_session = session;
	return 0;
}

static void targets_free(struct session *session, struct ping *ping) {
	if (ping->targets != NULL) {
		user_release(session->user, &session->part, USER_REQUEST_BYTES,
			     targets_bytes(ping->n_targets));
		free(ping->targets);
		ping->targets = NULL;
	}
}

static void ping_free(struct session *session, struct ping *ping) {
	session->part.counters.targets_queued -= ping->n_targets - ping->n_admitted;
	targets_free(session, ping);
	user_release(session->user, &session->part, USER_REQUEST_BYTES, sizeof *ping);
	free(ping);
}

static void pings_free(struct session *session) {
	struct prober *prober = session->context->prober;

	for (struct ping *ping = session->pings_first; ping != NULL; ping = ping->next) {
		uint32_t n_slots = prober_forget(prober, ping);

		user_release(session->user, &session->part, USER_PROBES, n_slots);
	}
	prober_forget_news(prober, session->number);
	while (session->pings_first != NULL) {
		struct ping *ping = session->pings_first;

		session->pings_first = ping->next;
		ping_free(session, ping);
	}
}

struct session *session_free(struct session *session) {
	if (session == NULL) {
		return NULL;
	}
	pings_free(session);
	while (session->answers_first != NULL) {
		struct answer *answer = session->answers_first;

		session->answers_first = answer->next;
		free(answer);
	}
	user_close_session(session->user, &session->part);
	client_socket_close(session->fd);
	free(session);
	return NULL;
}

/* --- output --- */

/* Whether the client has read enough of what was sent for more: the kernel reports a Unix socket as writable, which is what we are
 * woken by, while at most a quarter of its send buffer is unread. */
static bool session_has_room(struct session *session) {
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t n_bytes = sizeof info;

	if (session->is_blocked ||
	    getsockopt(session->fd, SOL_SOCKET, SO_MEMINFO, info, &n_bytes) < 0 ||
	    info[SK_MEMINFO_WMEM_ALLOC] > info[SK_MEMINFO_SNDBUF] / 4) {
		session->is_blocked = true;
	}
	return !session->is_blocked;
}

/* Sends a packed message. SESSION_E_WAIT: there is no room; SESSION_E_CLOSED. */
static int session_write(struct session *session, const void *bytes, size_t n_bytes) {
	if (!session_has_room(session)) {
		return SESSION_E_WAIT;
	}
	if (send(session->fd, bytes, n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
		return 0;
	}
	if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
		session->is_blocked = true;
		return SESSION_E_WAIT;
	}
	return SESSION_E_CLOSED;
}

static int session_write_buffer(struct session *session) {
	const struct message_buffer *buffer = &session->context->buffer;

	return session_write(session, buffer->bytes, buffer->n_bytes);
}

static int answer_queue(struct session *session, const struct message_buffer *buffer) {
	struct answer *answer = malloc(sizeof *answer + buffer->n_bytes);
	struct fault fault;

	if (answer == NULL) {
		fault_set(&fault, PROTOCOL_CODE_CONNECTIONS, "no memory to keep an answer");
		session_say_closing(session, &fault);
		return SESSION_E_CLOSED;
	}
	answer->next = NULL;
	answer->n_bytes = buffer->n_bytes;
	memcpy(answer->bytes, buffer->bytes, buffer->n_bytes);
	if (session->answers_last != NULL) {
		session->answers_last->next = answer;
	} else {
		session->answers_first = answer;
	}
	session->answers_last = answer;
	session->n_answers++;
	return 0;
}

int session_answer(struct session *session) {
	int r = session->answers_first == NULL ? session_write_buffer(session) : SESSION_E_WAIT;

	return r == SESSION_E_WAIT ? answer_queue(session, &session->context->buffer) : r;
}

void session_say_closing(struct session *session, const struct fault *fault) {
	struct message_buffer *buffer = &session->context->buffer;
	struct closing closing = {.code = fault->code};

	strcpy(closing.text, fault->message);
	if (closing_pack(&closing, buffer) ==
	    0) { /* the last word may go over what may lie unread */
		(void)send(session->fd, buffer->bytes, buffer->n_bytes,
			   MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

/* Packs as many finished outcomes as fit. Returns how many. */
static uint32_t pack_results(struct session *session, const struct ping *ping) {
	struct results_packer packer;
	struct outcome outcome;
	uint32_t slot = ping->finished_first;

	results_begin(&packer, ping->id, &session->context->buffer);
	while (slot != PROBE_NONE) {
		slot = prober_peek(session->context->prober, slot, &outcome);
		if (results_add(&packer, &outcome) != 0) {
			break;
		}
	}
	results_end(&packer);
	return packer.n_outcomes;
}

static int deliver_results(struct session *session, struct ping *ping) {
	while (ping->finished_first != PROBE_NONE) {
		uint32_t n;
		int r;

		if (!session_has_room(session)) { /* before the work of packing */
			return SESSION_E_WAIT;
		}
		n = pack_results(session, ping);
		r = session_write_buffer(session);
		if (r != 0) {
			return r;
		}
		for (uint32_t i = 0; i < n; i++) {
			prober_pop(session->context->prober, ping);
		}
		ping->n_undelivered -= n;
		user_release(session->user, &session->part, USER_PROBES, n);
	}
	return 0;
}

static int deliver_response(struct session *session, struct ping *ping) {
	int r;

	if (ping->response_sent || ping->n_admitted < ping->n_targets) {
		return 0;
	}
	targets_free(session, ping);
	(void)response_pack_true(ping->msgid, &session->context->buffer);
	r = session_write_buffer(session);
	if (r == 0) {
		ping->response_sent = true;
		session->n_ping_requests--;
	}
	return r;
}

static int deliver_sent(struct session *session, struct ping *ping) {
	int r;

	if (ping->sent_told || ping->n_unsent > 0 || ping->n_undelivered == 0) {
		return 0;
	}
	(void)sent_pack(ping->id, &session->context->buffer);
	r = session_write_buffer(session);
	ping->sent_told = r == 0;
	return r;
}

static void pings_remove(struct session *session, struct ping *ping) {
	*(ping->previous != NULL ? &ping->previous->next : &session->pings_first) = ping->next;
	*(ping->next != NULL ? &ping->next->previous : &session->pings_last) = ping->previous;
}

static int deliver_done(struct session *session, struct ping *ping) {
	int r;

	if (ping->n_undelivered > 0) {
		return 0;
	}
	(void)done_pack(ping->id, &session->context->buffer);
	r = session_write_buffer(session);
	if (r == 0) {
		pings_remove(session, ping);
		ping_free(session, ping);
	}
	return r;
}

static void pending_push(struct session *session, struct ping *ping) {
	ping->has_news = true; /* so that the prober leaves it here */
	ping->next_news = NULL;
	*(session->pending_last != NULL ? &session->pending_last->next_news
					: &session->pending_first) = ping;
	session->pending_last = ping;
}

int session_deliver(struct session *session, struct ping *ping) {
	int r = session->pending_first != NULL ? SESSION_E_WAIT : 0; /* in its turn */

	if (r == 0) {
		r = deliver_response(session, ping);
	}
	if (r == 0) {
		r = deliver_results(session, ping);
	}
	if (r == 0) {
		r = deliver_sent(session, ping);
	}
	if (r == 0) {
		r = deliver_done(session, ping);
	}
	if (r == SESSION_E_WAIT) {
		pending_push(session, ping);
		r = 0;
	}
	return r;
}

static int resume_answers(struct session *session) {
	while (session->answers_first != NULL) {
		struct answer *answer = session->answers_first;
		int r = session_write(session, answer->bytes, answer->n_bytes);

		if (r != 0) {
			return r;
		}
		session->answers_first = answer->next;
		if (session->answers_first == NULL) {
			session->answers_last = NULL;
		}
		session->n_answers--;
		free(answer);
	}
	return 0;
}

int session_resume(struct session *session) {
	struct ping *ping;
	int r;

	session->is_blocked = false;
	r = resume_answers(session);
	ping = session->pending_first;
	session->pending_first = session->pending_last = NULL;
	while (r != SESSION_E_CLOSED && ping != NULL) { /* what finds no room goes back in order */
		struct ping *next = ping->next_news;

		ping->has_news = false;
		r = session_deliver(session, ping);
		ping = next;
	}
	return r == SESSION_E_CLOSED ? r : 0;
}

void session_tell_event(struct session *session, const struct probe_event *event) {
	struct results_packer packer;

	if (event->outcome.kind == OUTCOME_DUPLICATE) {
		session->part.counters.duplicates++;
	} else if (event->outcome.kind == OUTCOME_LATE) {
		session->part.counters.late++;
	}
	results_begin(&packer, event->id, &session->context->buffer);
	(void)results_add(&packer, &event->outcome);
	results_end(&packer);
	if (session_write_buffer(session) != 0) {
		session->part.counters.events_dropped++;
	}
}
