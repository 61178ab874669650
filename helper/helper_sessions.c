/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions come and go: who may begin one, what follows its use, and when it ends. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "helper/client_socket.h"
#include "helper/defence.h"
#include "helper/helper_private.h"
#include "helper/log.h"

enum {
	ACCEPTS_PER_TURN = 16,
	HELLO_CHECK_NS = 1000000000,
	ACCEPT_PAUSE_NS = 100000000, /* where no connection can be taken */
};

struct session *helper_find_session(const struct helper *helper, uint32_t number) {
	struct session *session = helper->sessions[number % USER_MAX_CONNECTIONS];

	return session != NULL && session->number == number ? session : NULL;
}

static void session_end(struct helper *helper, struct session *session) {
	struct user *user = session->user;

	if (users_may_log(&helper->users, ++user->n_closed)) {
		log_event("session_closed number=%u uid=%u realm=%s client=\"%s\" count=%llu",
			  session->number, user->uid, realm_name(user->realm), session->client,
			  (unsigned long long)user->n_closed);
	}
	helper->sessions[session->number % USER_MAX_CONNECTIONS] = NULL;
	helper->n_without_hello -= !session->said_hello;
	scheduler_deactivate(&helper->scheduler, session);
	session_free(session);
	if (helper->is_private) {
		helper->is_told_to_end = true;
	}
}

/* A number whose place in the table is free; there is one, as there are no more sessions than places. */
static uint32_t number_take(struct helper *helper) {
	while (helper->next_number == 0 ||
	       helper->sessions[helper->next_number % USER_MAX_CONNECTIONS] != NULL) {
		helper->next_number++;
	}
	return helper->next_number++;
}

/* Tells a client that gets no session why, and closes. */
__attribute__((format(__printf__, 3, 4))) static void turn_away(struct helper *helper, int fd,
								const char *format, ...) {
	struct closing closing = {.code = PROTOCOL_CODE_CONNECTIONS};
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(closing.text, sizeof closing.text, format, arguments);
	va_end(arguments);
	if (closing_pack(&closing, &helper->context.buffer) == 0) {
		(void)send(fd, helper->context.buffer.bytes, helper->context.buffer.n_bytes,
			   MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	client_socket_close(fd);
}

int helper_begin_session(struct helper *helper, int fd, const struct peer *peer, unsigned realm) {
	struct session *session;
	struct owner owner;
	struct fault fault;
	int r;

	if (peer->uid == helper->stranger) {
		if (users_may_log(&helper->users, ++helper->n_strangers)) {
			log_event("refused uid=%u limit=user_namespace count=%llu", peer->uid,
				  (unsigned long long)helper->n_strangers);
		}
		turn_away(helper, fd, "uid %u is everybody whom the helper's user namespace lacks",
			  peer->uid);
		return -EPERM;
	}
	owner_find(&helper->realms[realm], &helper->subordinates, peer, &owner);
	r = session_new(&helper->context, fd, &owner, &session);
	if (r < 0) {
		turn_away(helper, fd, "cannot serve one more connection: errno %d", -r);
		return r;
	}
	if (r == USER_E_QUOTA) {
		users_note_refused(&helper->users, &owner);
		turn_away(helper, fd, "too many connections: at most %u for one user, %d in all",
			  owner.limits.max_connections, USER_MAX_CONNECTIONS);
		return r;
	}
	session->number = number_take(helper);
	helper->sessions[session->number % USER_MAX_CONNECTIONS] = session;
	helper->n_without_hello++;
	r = helper_watch(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLRDHUP, SOURCE_SESSION, session->number);
	if (r < 0) {
		fault_set(&fault, PROTOCOL_CODE_CONNECTIONS,
			  "cannot watch one more connection: errno %d", -r);
		session_say_closing(session, &fault);
		session_end(helper, session);
	}
	return r;
}

/* Begins a session with whoever connected at @fd. */
static int begin_with_peer(struct helper *helper, int fd, unsigned realm) {
	struct ucred credentials;
	struct peer peer = {.groups = helper->groups};
	socklen_t n_bytes = sizeof credentials, n_group_bytes = sizeof helper->groups;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &n_bytes) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, helper->groups, &n_group_bytes) < 0) {
		int r = -errno;

		turn_away(helper, fd, "cannot tell who connects: errno %d", -r);
		return r;
	}
	peer.uid = credentials.uid;
	peer.gid = credentials.gid;
	peer.n_groups = n_group_bytes / sizeof *helper->groups;
	return helper_begin_session(helper, fd, &peer, realm);
}

int helper_add_session(struct helper *helper, int fd, const struct peer *starter) {
	helper->is_private = true;
	return defence_is_on(STARTERS_LIMITS) ? helper_begin_session(helper, fd, starter, 0)
					      : begin_with_peer(helper, fd, 0);
}

void helper_watch_listeners(struct helper *helper, uint32_t events, int64_t accept_ns) {
	for (uint32_t fd = DESCRIPTOR_FIRST_LISTENER; fd <= DESCRIPTOR_LAST_LISTENER; fd++) {
		/* if it is one */
		(void)helper_watch(EPOLL_CTL_MOD, (int)fd, events, SOURCE_LISTENER, fd);
	}
	helper->accept_ns = accept_ns;
}

void helper_accept(struct helper *helper, int listener) {
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && errno != EAGAIN &&
		    defence_is_on(PAUSED_ACCEPT)) { /* who waits there would wake us for ever */
			log_event("accept errno=%d", errno);
			helper_watch_listeners(helper, 0,
					       helper->prober.clock.now_ns + ACCEPT_PAUSE_NS);
		}
		if (fd < 0) {
			return;
		}
		(void)begin_with_peer(helper, fd, helper->listener_realms[listener]);
	}
}

/* Asks for EPOLLOUT just as long as the session's socket is full. */
static int update_output(struct session *session) {
	uint32_t output = session->is_blocked ? EPOLLOUT : 0;

	if (session->is_blocked == session->asks_output) {
		return 0;
	}
	session->asks_output = session->is_blocked;
	return helper_watch(EPOLL_CTL_MOD, session->fd, EPOLLIN | EPOLLRDHUP | output,
			    SOURCE_SESSION, session->number);
}

void helper_settle_session(struct helper *helper, struct session *session, int r) {
	if (r == 0) {
		scheduler_end_cancelled(&helper->scheduler, session);
		if (session->admitting != NULL) {
			scheduler_activate(&helper->scheduler, session);
		}
		r = update_output(session);
	}
	if (r != 0) {
		session_end(helper, session);
	}
}

void helper_handle_session(struct helper *helper, uint32_t number, uint32_t events) {
	struct session *session = helper_find_session(helper, number);
	bool had_hello;
	int r = 0;

	if (session == NULL) { /* closed earlier in this turn */
		return;
	}
	session->peer_is_gone = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
	had_hello = session->said_hello;
	if (events & EPOLLOUT) {
		r = session_resume(session);
	}
	if (r == 0 && events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		r = session_read(session, helper->turn);
	}
	helper->n_without_hello -= session->said_hello && !had_hello;
	helper_settle_session(helper, session, r);
}

void helper_check_hellos(struct helper *helper, int64_t now_ns) {
	const int64_t limit_ns = PROTOCOL_HELLO_SECONDS * INT64_C(1000000000);
	struct fault fault;

	if (helper->n_without_hello == 0 || now_ns < helper->hello_check_ns) {
		return;
	}
	helper->hello_check_ns = now_ns + HELLO_CHECK_NS;
	for (size_t i = 0; i < USER_MAX_CONNECTIONS; i++) {
		struct session *session = helper->sessions[i];

		if (session != NULL && !session->said_hello && defence_is_on(HELLO_TIMER) &&
		    now_ns - session->opened_ns >= limit_ns) {
			fault_set(&fault, PROTOCOL_CODE_SLOW_START, "no hello within %d seconds",
				  PROTOCOL_HELLO_SECONDS);
			session_say_closing(session, &fault);
			session_end(helper, session);
		}
	}
}

void helper_say_goodbye(struct helper *helper) {
	struct fault fault;

	fault_set(&fault, PROTOCOL_CODE_SHUTDOWN, "the helper was told to end");
	for (size_t i = 0; i < USER_MAX_CONNECTIONS; i++) {
		if (helper->sessions[i] != NULL) {
			session_say_closing(helper->sessions[i], &fault);
		}
	}
}
