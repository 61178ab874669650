/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The requests of a session: the const table below says what is allowed when. The decoder has checked types and ranges; here the
 * state of the session and the configuration are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "helper/client_socket.h"
#include "helper/defence.h"
#include "helper/session_private.h"

enum { MESSAGES_PER_TURN = 8 }; /* of one owner, whatever the number of its sessions */

typedef int request_handler(struct session *session, const struct request *request,
			    struct fault *ret_fault);

static int handle_hello(struct session *session, const struct request *request,
			struct fault *ret_fault) {
	const struct request_hello *hello = &request->hello;
	const struct config_limits *limits = &session->user->limits;
	struct hello_result answer;

	if (session->said_hello) {
		fault_set(ret_fault, PROTOCOL_CODE_HELLO_AGAIN, "hello was said before");
		return REQUEST_E_FAULT;
	}
	if (hello->protocol != PROTOCOL_VERSION) {
		fault_set_limit(ret_fault, PROTOCOL_CODE_PROTOCOL_VERSION, "protocol",
				hello->protocol, PROTOCOL_VERSION,
				"this helper speaks protocol version %d", PROTOCOL_VERSION);
		return REQUEST_E_FAULT;
	}
	session->said_hello = true;
	strcpy(session->client, hello->client);
	answer = session->context->hello;
	answer.payload_bytes = limits->max_payload_bytes;
	answer.packets_per_second = limits->packets_per_second;
	answer.options = limits->allow_options;
	(void)response_pack_hello(request->msgid, &answer, &session->context->buffer);
	return session_answer(session);
}

/* --- ping --- */

static int check_limits(const struct session *session, const struct request_ping *ping,
			struct fault *ret_fault) {
	const struct config_limits *limits = &session->user->limits;
	uint32_t refused = ping->options & ~limits->allow_options;

	if (session->n_ping_requests >= PROTOCOL_MAX_PING_REQUESTS) {
		fault_set_limit(ret_fault, PROTOCOL_CODE_TOO_MANY_REQUESTS, "ping_requests",
				session->n_ping_requests + 1, PROTOCOL_MAX_PING_REQUESTS,
				"wait for the response of an earlier ping");
		return REQUEST_E_FAULT;
	}
	if (ping->id <= session->last_id) {
		fault_set(ret_fault, PROTOCOL_CODE_ID_NOT_GREATER,
			  "id %u is not greater than the last one, %u", ping->id, session->last_id);
		return REQUEST_E_FAULT;
	}
	if (ping->size_bytes > limits->max_payload_bytes) {
		user_note_refused(session->user, USER_REFUSED_PAYLOAD);
		fault_set_limit(ret_fault, PROTOCOL_CODE_OUT_OF_RANGE, "max_payload_bytes",
				ping->size_bytes, limits->max_payload_bytes,
				"size_bytes is over the helper's limit");
		return REQUEST_E_FAULT;
	}
	if (refused != 0 && defence_is_on(OPTION_POLICY)) {
		user_note_refused(session->user, USER_REFUSED_OPTION);
		fault_set(ret_fault, PROTOCOL_CODE_OPTION_REFUSED,
			  "the helper's configuration does not allow the option %s",
			  ping_option_name(refused & -refused));
		return REQUEST_E_FAULT;
	}
	if (ping->fwmark != 0 &&
	    !icmp_sockets_have_fwmark(session->context->prober->sockets, ping->fwmark)) {
		user_note_refused(session->user, USER_REFUSED_OPTION);
		fault_set(ret_fault, PROTOCOL_CODE_OPTION_REFUSED,
			  "the helper's configuration does not name the fwmark %u", ping->fwmark);
		return REQUEST_E_FAULT;
	}
	return 0;
}

static bool has_option(const struct request_ping *ping, enum ping_option option) {
	return ping->options & option;
}

static struct ping *ping_new(struct session *session, const struct request *request) {
	const struct request_ping *wish = &request->ping;
	struct in6_addr *targets = malloc(targets_bytes(wish->n_targets));
	struct ping *ping = malloc(sizeof *ping);

	if (targets == NULL || ping == NULL) {
		free(targets);
		free(ping);
		return NULL;
	}
	*ping = (struct ping){
		.session = session->number,
		.id = wish->id,
		.msgid = request->msgid,
		.user = session->user,
		.part = &session->part,
		.arrived_ns = clock_monotonic_ns(&session->context->prober->clock),
		.n_targets = wish->n_targets,
		.timeout_us = wish->timeout_us,
		.interval_us = wish->interval_us,
		.size_bytes = wish->size_bytes,
		.pattern = wish->pattern,
		.ttl = has_option(wish, PING_OPTION_TTL) ? wish->ttl : -1,
		.tos = has_option(wish, PING_OPTION_TOS) ? wish->tos : -1,
		.dont_fragment = wish->dont_fragment,
		.interface = wish->interface,
		.scope = wish->scope,
		.fwmark = wish->fwmark,
		.targets = targets,
		.n_unsent = wish->n_targets,
		.n_undelivered = wish->n_targets,
		.open_first = PROBE_NONE,
		.finished_first = PROBE_NONE,
		.previous = session->pings_last,
	};
	if (has_option(wish, PING_OPTION_SOURCE)) {
		ping->source = wish->source;
	}
	for (uint32_t i = 0; i < wish->n_targets; i++) {
		targets[i] = destination_canonical(&wish->targets[i]);
	}
	return ping;
}

static int handle_ping(struct session *session, const struct request *request,
		       struct fault *ret_fault) {
	size_t n_bytes = sizeof(struct ping) + targets_bytes(request->ping.n_targets);
	struct ping *ping;
	int r = check_limits(session, &request->ping, ret_fault);

	if (r != 0) {
		return r;
	}
	if (user_charge(session->user, &session->part, USER_REQUEST_BYTES, n_bytes) != 0) {
		ping = NULL;
	} else {
		ping = ping_new(session, request);
		if (ping == NULL) {
			user_release(session->user, &session->part, USER_REQUEST_BYTES, n_bytes);
		}
	}
	if (ping == NULL) {
		user_note_refused(session->user, USER_REFUSED_MEMORY);
		fault_set_limit(ret_fault, PROTOCOL_CODE_TOO_MANY_REQUESTS, "request_bytes",
				(int64_t)n_bytes, 0,
				"the helper has no memory left for this request now");
		return REQUEST_E_FAULT;
	}
	*(session->pings_last != NULL ? &session->pings_last->next : &session->pings_first) = ping;
	session->pings_last = ping;
	session->part.counters.targets_queued += ping->n_targets;
	session->last_id = ping->id;
	session->n_ping_requests++;
	if (session->admitting == NULL) {
		session->admitting = ping;
	}
	return 0;
}

/* --- cancel --- */

static struct ping *pings_find(const struct session *session, uint32_t id) {
	struct ping *ping = session->pings_last; /* ids ascend: young ones are likelier */

	while (ping != NULL && ping->id != id) {
		ping = ping->previous;
	}
	return ping;
}

static int handle_cancel(struct session *session, const struct request *request,
			 struct fault *ret_fault) {
	const struct request_cancel *cancel = &request->cancel;
	struct ping *ping = pings_find(session, cancel->id);

	if (ping != NULL && !cancel->has_index) {
		ping->is_cancelled = true;
		prober_cancel_all(session->context->prober, ping);
	} else if (ping != NULL && cancel->index < ping->n_targets) {
		if (cancel->index >= ping->n_admitted) {
			ping->targets[cancel->index] = in6addr_any;
		} else {
			prober_cancel(session->context->prober, ping, cancel->index);
		}
	}
	(void)response_pack_true(request->msgid, &session->context->buffer);
	return session_answer(session);
}

/* --- stats --- */

static int handle_stats(struct session *session, const struct request *request,
			struct fault *ret_fault) {
	struct stats_result stats;

	session_count(session, request->stats.scope, &stats);
	(void)response_pack_stats(request->msgid, &stats, &session->context->buffer);
	return session_answer(session);
}

/* --- any request --- */

static const struct {
	request_handler *handle;
	bool before_hello;
	bool answered_at_once; /* counts as one of the other requests */
} methods[] = {
	[REQUEST_HELLO] = {handle_hello, true, true},
	[REQUEST_PING] = {handle_ping, false, false},
	[REQUEST_CANCEL] = {handle_cancel, false, true},
	[REQUEST_STATS] = {handle_stats, false, true},
};

/* Whether the fault is of the client's making: not where we lack memory, unless its answers pile up because nobody reads them. */
static bool fault_is_clients(const struct session *session, const struct fault *fault) {
	return strcmp(fault->limit, "request_bytes") != 0 ||
	       session->n_answers > PROTOCOL_MAX_OTHER_REQUESTS;
}

static int answer_fault(struct session *session, uint32_t msgid, const struct fault *fault) {
	int r;

	(void)response_pack_fault(msgid, fault, &session->context->buffer);
	r = session_answer(session);
	if (r == 0 && fault_is_clients(session, fault) && ++session->n_faults > 1) {
		session_say_closing(session, fault);
		return SESSION_E_CLOSED;
	}
	return r;
}

static int carry_out(struct session *session, const struct request *request,
		     struct fault *ret_fault) {
	if (!session->said_hello && !methods[request->method].before_hello &&
	    defence_is_on(HELLO_BEFORE_ALL)) {
		fault_set(ret_fault, PROTOCOL_CODE_HELLO_FIRST, "say hello first");
		return REQUEST_E_FAULT;
	}
	if (methods[request->method].answered_at_once &&
	    session->n_answers >= PROTOCOL_MAX_OTHER_REQUESTS) {
		fault_set_limit(ret_fault, PROTOCOL_CODE_TOO_MANY_REQUESTS, "other_requests",
				session->n_answers + 1, PROTOCOL_MAX_OTHER_REQUESTS,
				"read the responses of earlier requests");
		return REQUEST_E_FAULT;
	}
	return methods[request->method].handle(session, request, ret_fault);
}

static int handle_message(struct session *session, size_t n_bytes) {
	struct session_context *context = session->context;
	struct request request;
	struct fault fault;
	int r = request_unpack(&context->decoder, context->input, n_bytes, &request, &fault);

	if (r == 0) {
		r = carry_out(session, &request, &fault);
	}
	if (r == REQUEST_E_FAULT) {
		return answer_fault(session, request.msgid, &fault);
	}
	if (r == -ENOMEM) { /* whose number is not even known */
		fault_set(&fault, PROTOCOL_CODE_CONNECTIONS, "no memory to read a request");
		r = REQUEST_E_UNANSWERABLE;
	}
	if (r == REQUEST_E_UNANSWERABLE) {
		session_say_closing(session, &fault);
	}
	return r == 0 ? 0 : SESSION_E_CLOSED;
}

int session_read(struct session *session, uint64_t turn) {
	struct user *user = session->user;

	if (user->read_turn != turn) {
		user->read_turn = turn;
		user->n_reads = 0;
	}
	while (user->n_reads++ < MESSAGES_PER_TURN) {
		ssize_t n;

		if (session->takes_descriptors && client_socket_brings_descriptors(session->fd)) {
			return SESSION_E_CLOSED;
		}
		n = recv(session->fd, session->context->input, sizeof session->context->input,
			 MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && errno == EAGAIN) {
			return 0;
		}
		if (n < 0 || (n == 0 && session->peer_is_gone)) {
			return defence_is_on(HANGUP) ? SESSION_E_CLOSED : 0;
		}
		if (handle_message(session, (size_t)n) !=
		    0) { /* an empty message is no MessagePack */
			return SESSION_E_CLOSED;
		}
	}
	return 0;
}
