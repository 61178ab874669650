/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What helper.c (making it), helper_loop.c (running it) and helper_sessions.c (whom it serves) share. */

#include "helper/descriptors.h"
#include "helper/helper.h"
#include "helper/host_addresses.h"
#include "helper/owner.h"
#include "helper/prober.h"
#include "helper/scheduler.h"
#include "helper/session.h"

/* What an epoll event is about: the upper half of its data, with a number in the lower one. */
enum source { SOURCE_LISTENER, SOURCE_SIGNAL, SOURCE_ROUTES, SOURCE_ICMP, SOURCE_SESSION };

enum { MAX_GROUPS = 65536 }; /* NGROUPS_MAX of Linux; musl says 32 */

struct helper {
	struct config config;
	struct icmp_sockets *sockets;
	struct prober prober;
	struct users users;
	struct realm realms[CONFIG_MAX_LISTENERS];       /* as the configuration's listeners */
	unsigned listener_realms[DESCRIPTOR_FIRST_SEND]; /* by descriptor */
	bool has_routes;                                 /* host is followed */
	struct host_addresses host;
	struct subordinates subordinates;
	uid_t stranger;           /* whom nobody knows: not served; (uid_t)-1 */
	uint64_t n_strangers;     /* who came nevertheless */
	gid_t groups[MAX_GROUPS]; /* of a peer */
	struct scheduler scheduler;
	struct session_context context;
	struct session *sessions[USER_MAX_CONNECTIONS]; /* by number modulo that */
	uint32_t next_number;
	uint32_t n_without_hello;
	int64_t hello_check_ns;  /* when to look next for sessions without hello */
	int64_t delivered_ns;    /* when outcomes were told last */
	int64_t send_ns;         /* when the scheduler wants to run again */
	int64_t watchdog_ns;     /* how often to tell the service manager that the loop turns */
	int64_t accept_ns;       /* when to listen again; INT64_MAX: listens */
	int64_t alive_ns;        /* when to tell it next; INT64_MAX: never */
	uint64_t turn;           /* counts them */
	uint32_t n_busy_turns;   /* without a sleep between them */
	bool is_network_watched; /* by epoll */
	bool is_private, is_told_to_end;
};

/* Asks epoll for @events of @fd, by EPOLL_CTL_ADD or another @operation. -errno. */
int helper_watch(int operation, int fd, uint32_t events, enum source source, uint32_t number);

/* Begins a session at @fd (taken, whatever happens) for @peer, who came to the configuration's listener @realm. USER_E_QUOTA: too many
 * connections, which the client is told; -errno. */
int helper_begin_session(struct helper *helper, int fd, const struct peer *peer, unsigned realm);

/* Takes connections at @listener, a few at a time. */
void helper_accept(struct helper *helper, int listener);

/* Watches all listeners for @events, from @accept_ns on for connections again. */
void helper_watch_listeners(struct helper *helper, uint32_t events, int64_t accept_ns);

/* NULL where it was closed. */
struct session *helper_find_session(const struct helper *helper, uint32_t number);

/* Does what epoll's @events of a session ask for; it may have been closed since. */
void helper_handle_session(struct helper *helper, uint32_t number, uint32_t events);

/* What follows every use of a session, which said @r: it is closed, or its wishes are passed on. */
void helper_settle_session(struct helper *helper, struct session *session, int r);

/* Closes sessions that have not said hello in time. */
void helper_check_hellos(struct helper *helper, int64_t now_ns);

/* Tells all clients that the helper ends. */
void helper_say_goodbye(struct helper *helper);

/* Sleeps until there is something to do, at most @most_ns, and does it. -errno where epoll fails. */
int helper_turn(struct helper *helper, int64_t most_ns);
