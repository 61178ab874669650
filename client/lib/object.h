/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* struct multiping from inside. From below to above: batches and targets know nothing of it;
 * probe.c decides probes; names.c and session.c bring about what decides them; multiping.c,
 * rounds.c and run.c are the public face. */

#include "client/include/multiping.h"
#include "client/lib/batch.h"
#include "client/lib/connection.h"
#include "client/lib/events.h"
#include "client/lib/options.h"
#include "client/lib/resolver.h"
#include "client/lib/target.h"
#include "client/lib/words.h"
#include "protocol/message.h"
#include "protocol/request.h"

struct round {                  /* what multiping_send() asked since the last multiping_reset() */
	uint32_t round, send;   /* how many of the two there were */
	uint64_t previous_send; /* number of the first batch of the last send, */
	uint64_t send_before;   /* and of the one before */
	size_t n_replied;       /* targets */
	size_t n_undecided;     /* targets without reply that may yet get one */
	size_t n_wanted;        /* targets to be asked as soon as their names are known */
	size_t n_unsent;        /* probes not known to have been sent */
	int64_t all_sent_ns;    /* when the last of them was, by the monotonic clock */
	uint32_t max_asked;     /* a target is asked again by itself until it was asked so often */
};

struct stats_query { /* of a caller that waits for it */
	enum stats_scope scope;
	uint32_t msgid; /* once written; 0: is to be */
	bool is_over;
	int error; /* then; 0: the result is there */
	struct stats_result result;
};

struct session { /* with the helper: requests under way, and what a lost helper leaves to be told */
	struct {
		uint32_t msgid;
		uint64_t batch;
	} pings[PROTOCOL_MAX_PING_REQUESTS]; /* without response */
	unsigned n_pings;
	unsigned n_others;         /* cancels and stats without response */
	struct stats_query *query; /* NULL: none; borrowed */
	int64_t up_ns;             /* since when */
	int64_t retry_ns; /* no ping before that: the helper was out of memory; 0: at once */
	uint64_t losing_next, losing_end; /* batches whose open probes are to end as lost */
	int losing_error;
	bool loses_all; /* of those; else the BATCH_LOST */
};

struct multiping {
	struct options options;
	struct words words;
	int epoll_fd, timer_fd;
	int64_t armed_ns; /* what the timer is set to; INT64_MAX: to nothing */
	struct connection connection;
	struct session session;
	struct batches batches;
	struct targets targets;
	struct round round;
	struct resolver *resolver; /* NULL: no name was seen yet */
	size_t next_name;          /* targets below were passed to the resolver, or need not be */
	struct events events;
	bool has_events;                                 /* the program uses level 3 */
	struct in6_addr addresses[PROTOCOL_MAX_TARGETS]; /* of the request being written */
};

/* One event for the program, where it uses level 3. -ENOMEM. */
int object_push_event(struct multiping *multiping, enum multiping_event_type type, size_t target,
		      const struct record *record);

/* Frees all but the targets. */
void object_deinit(struct multiping *multiping);
