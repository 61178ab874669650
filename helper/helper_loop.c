/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* One turn: wait; take what arrived from the network; expire timers; accept, read and write clients; send; take again what the sends
 * brought back; tell the clients. Each step has its budget, so that a turn is short whatever anybody does, and everything that
 * arrived is looked at before a timer may call it missing. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "helper/activation.h"
#include "helper/client_socket.h"
#include "helper/defence.h"
#include "helper/descriptors.h"
#include "helper/helper_private.h"
#include "helper/log.h"

enum {
	EVENTS_PER_TURN = 64,
	ACCEPTS_PER_TURN = 16,
	/* Below ICMP_SOCKETS_BATCH: on loopback one call then fetches all replies. */
	SENDS_PER_TURN = 48,
	/* While busy, outcomes are told once a millisecond; of a ping that goes on, when there are many or they have waited long. With more
	 * sessions each of them has fewer in the same time, and so waits longer; not where all is sent, as its client may now wait for a
	 * given time, nor where the slots that they hold are wanted. */
	DELIVERY_NS = 1000000,
	RIPE_NS = 10000000,
	RIPE_NS_PER_SESSION = 1000000,
	MAX_RIPE_NS = 500000000,
	RIPE_OUTCOMES = 256,
	HELLO_CHECK_NS = 1000000000,
	BUSY_TURNS = 8, /* one after the other: there will be more */
	WATCH_RETRY_NS = 1000000,
	ACCEPT_PAUSE_NS = 100000000, /* where no connection can be taken */
};

/* --- sessions coming and going --- */

static struct session *session_find(const struct helper *helper, uint32_t number) {
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

/* Watches all listeners for @events, from @accept_ns on for connections again. */
static void watch_listeners(struct helper *helper, uint32_t events, int64_t accept_ns) {
	for (uint32_t fd = DESCRIPTOR_FIRST_LISTENER; fd <= DESCRIPTOR_LAST_LISTENER; fd++) {
		/* if it is one */
		(void)helper_watch(EPOLL_CTL_MOD, (int)fd, events, SOURCE_LISTENER, fd);
	}
	helper->accept_ns = accept_ns;
}

static void accept_some(struct helper *helper, int listener) {
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && errno != EAGAIN &&
		    defence_is_on(PAUSED_ACCEPT)) { /* who waits there would wake us for ever */
			log_event("accept errno=%d", errno);
			watch_listeners(helper, 0, helper->prober.clock.now_ns + ACCEPT_PAUSE_NS);
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

/* What follows every use of a session: it is closed, or its wishes are passed on. */
static void session_used(struct helper *helper, struct session *session, int r) {
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

static void handle_session(struct helper *helper, uint32_t number, uint32_t events) {
	struct session *session = session_find(helper, number);
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
	session_used(helper, session, r);
}

/* Closes sessions that have not said hello in time. */
static void check_hellos(struct helper *helper, int64_t now_ns) {
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

/* --- telling --- */

static void tell_events(struct helper *helper) {
	struct prober *prober = &helper->prober;

	for (uint32_t i = 0; i < prober->n_events; i++) {
		struct session *session = session_find(helper, prober->events[i].session);

		if (session != NULL) {
			session_tell_event(session, &prober->events[i]);
			session_used(helper, session, 0);
		}
	}
	prober->n_events = 0;
}

/* Whether the scheduler will run again so soon that what is told later is told more cheaply. */
static bool is_busy(const struct helper *helper) {
	return helper->scheduler.n_active > 0 &&
	       helper->send_ns < helper->prober.clock.now_ns + DELIVERY_NS;
}

/* How long news of @ping may wait. */
static int64_t ripe_ns(const struct helper *helper, const struct ping *ping) {
	const struct user *user = ping->user;
	int64_t wait_ns =
		(int64_t)helper->scheduler.n_active * user->n_sessions * RIPE_NS_PER_SESSION;

	if (ping->n_unsent == 0 || user->waits_for == USER_WAIT_SLOTS || wait_ns < RIPE_NS) {
		return RIPE_NS;
	}
	return wait_ns < MAX_RIPE_NS ? wait_ns : MAX_RIPE_NS;
}

/* Whether to tell the news of @ping though the helper is busy. A message costs its reader a wake-up, whatever is in it. */
static bool is_ripe(const struct helper *helper, const struct ping *ping) {
	bool response_is_due = ping->n_admitted == ping->n_targets && !ping->response_sent;

	return response_is_due || ping->n_finished >= RIPE_OUTCOMES ||
	       ping->n_finished == ping->n_undelivered ||
	       helper->prober.clock.now_ns - ping->news_ns >= ripe_ns(helper, ping);
}

/* Tells what is new; what is not yet ripe goes back. */
static void deliver(struct helper *helper) {
	struct prober *prober = &helper->prober;
	bool busy = is_busy(helper);
	struct ping *ping;

	tell_events(helper);
	if (busy && prober->clock.now_ns < helper->delivered_ns + DELIVERY_NS) {
		return;
	}
	helper->delivered_ns = prober->clock.now_ns;
	while ((ping = prober->news_first) != NULL && ping->looked_at != helper->turn) {
		int64_t news_ns = ping->news_ns;

		(void)prober_pop_news(prober);
		ping->looked_at = helper->turn;
		if (busy && !is_ripe(helper, ping)) {
			prober_push_news(prober, ping);
			ping->news_ns = news_ns;
		} else {
			struct session *session = session_find(helper, ping->session);

			session_used(helper, session, session_deliver(session, ping));
			helper->send_ns = prober->clock.now_ns; /* slots came free */
		}
	}
}

/* --- the loop --- */

static void handle_event(struct helper *helper, const struct epoll_event *event) {
	uint32_t number = (uint32_t)event->data.u64;

	switch ((enum source)(event->data.u64 >> 32)) {
	case SOURCE_LISTENER:
		accept_some(helper, (int)number);
		break;
	case SOURCE_SIGNAL:
		helper->is_told_to_end = true;
		break;
	case SOURCE_ROUTES:
		host_addresses_read(&helper->host);
		break;
	case SOURCE_ICMP: /* the network was looked at first */
		break;
	case SOURCE_SESSION:
		handle_session(helper, number, event->events);
		break;
	}
}

/* How long to sleep, at most @most_ns. */
static struct timespec time_to_sleep(const struct helper *helper, int64_t most_ns) {
	int64_t at_ns = clock_earlier(timing_wheel_next_ns(&helper->prober.wheel),
				      clock_earlier(helper->alive_ns, helper->accept_ns));
	int64_t wait_ns;

	if (helper->n_without_hello > 0) {
		at_ns = clock_earlier(at_ns, helper->hello_check_ns);
	}
	if (helper->scheduler.n_active > 0) {
		at_ns = clock_earlier(at_ns, helper->send_ns);
	}
	if (helper->prober.news_first != NULL) {
		at_ns = clock_earlier(at_ns, helper->delivered_ns + DELIVERY_NS);
	}
	wait_ns = at_ns - clock_monotonic_ns(&helper->prober.clock);
	wait_ns = clock_earlier(clock_later(wait_ns, 0), most_ns);
	return (struct timespec){wait_ns / 1000000000, wait_ns % 1000000000};
}

/* Lets epoll watch the network (EPOLL_CTL_ADD), or no more (EPOLL_CTL_DEL). Raw send sockets never are: their stamps are of use when an
 * answer comes, and telling of each would cost more than reading it. */
static int change_watching(const struct helper *helper, int operation) {
	uint64_t set = icmp_sockets_facts(helper->sockets)->receivers;

	for (uint32_t fd = 0; set != 0; fd++, set >>= 1) {
		int r = set & 1 ? helper_watch(operation, (int)fd, EPOLLIN, SOURCE_ICMP, fd) : 0;

		if (r < 0 && r != -EEXIST) { /* an earlier try ended half-way */
			return r;
		}
	}
	return 0;
}

/* Epoll hears of every packet as it arrives, for which the kernel takes 0.2 us. While turn follows turn, and each looks at the network,
 * nobody need hear; before a sleep somebody must. Where that cannot be had now, it is tried again after a short one. */
static void choose_watching(struct helper *helper, struct timespec *wait) {
	bool sleeps = wait->tv_sec > 0 || wait->tv_nsec > 0;

	helper->n_busy_turns = sleeps ? 0 : helper->n_busy_turns + 1;
	if (helper->is_network_watched && helper->n_busy_turns >= BUSY_TURNS) {
		helper->is_network_watched = change_watching(helper, EPOLL_CTL_DEL) != 0;
	} else if (!helper->is_network_watched && sleeps) {
		helper->is_network_watched = change_watching(helper, EPOLL_CTL_ADD) == 0;
		if (!helper->is_network_watched) {
			*wait = (struct timespec){.tv_nsec = WATCH_RETRY_NS};
		}
	}
}

static void tell_alive(struct helper *helper, int64_t now_ns) {
	if (now_ns >= helper->alive_ns) {
		activation_tell("WATCHDOG=1");
		helper->alive_ns = now_ns + helper->watchdog_ns;
	}
}

static void work(struct helper *helper, const struct epoll_event *events, int n_events) {
	struct prober *prober = &helper->prober;

	helper->turn++;
	for (int i = 0; i < n_events; i++) {
		if (events[i].data.u64 >> 32 == SOURCE_ICMP) {
			icmp_sockets_note(helper->sockets, (int)(uint32_t)events[i].data.u64);
		}
	}
	prober_receive(prober, true);
	helper->users.now_ns = prober->clock.now_ns;
	prober_expire(prober);
	/* epoll's order stays the same: who is read first is not */
	for (int i = 0; i < n_events; i++) {
		handle_event(helper, &events[(helper->turn + (uint64_t)i) % (uint64_t)n_events]);
	}
	if (prober->clock.now_ns >= helper->accept_ns) {
		watch_listeners(helper, EPOLLIN, INT64_MAX);
	}
	check_hellos(helper, prober->clock.now_ns);
	helper->send_ns = scheduler_run(&helper->scheduler, SENDS_PER_TURN);
	prober_receive(prober, false);
	deliver(helper);
	tell_alive(helper, prober->clock.now_ns);
}

static void say_goodbye(struct helper *helper) {
	struct fault fault;

	fault_set(&fault, PROTOCOL_CODE_SHUTDOWN, "the helper was told to end");
	for (size_t i = 0; i < USER_MAX_CONNECTIONS; i++) {
		if (helper->sessions[i] != NULL) {
			session_say_closing(helper->sessions[i], &fault);
		}
	}
}

int helper_turn(struct helper *helper, int64_t most_ns) {
	struct timespec wait = time_to_sleep(helper, most_ns);
	struct epoll_event events[EVENTS_PER_TURN];
	int n;

	choose_watching(helper, &wait);
	n = epoll_pwait2(DESCRIPTOR_EPOLL, events, EVENTS_PER_TURN, &wait, NULL);
	if (n < 0 && errno != EINTR) {
		return -errno;
	}
	work(helper, events, n);
	return 0;
}

int helper_run(struct helper *helper) {
	const int64_t day_ns = INT64_C(86400000000000);

	while (!helper->is_told_to_end) {
		int r = helper_turn(helper, day_ns);

		if (r < 0) {
			return r;
		}
	}
	say_goodbye(helper);
	return 0;
}
