/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What helper.c (making it) and helper_loop.c (running it) share. */

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

/* Sleeps until there is something to do, at most @most_ns, and does it. -errno where epoll fails. */
int helper_turn(struct helper *helper, int64_t most_ns);
