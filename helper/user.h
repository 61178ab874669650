/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Accounts: what each owner and each of its sessions holds of the helper's shared pools.
 *
 * A pool is never given out whole. An owner that holds `share` of it may take `request` more only if
 *     (share + request) * (owners + 1) - share <= remaining
 * so that another owner always finds room (dbus-broker's rule). Inside an owner the same holds between its sessions. What is
 * charged here is released here; an account that is freed must be at zero. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "helper/owner.h"
#include "helper/token_bucket.h"

enum user_resource { USER_CONNECTIONS, USER_PROBES, USER_REQUEST_BYTES, USER_N_RESOURCES };

enum {
	USER_E_QUOTA = 1, /* not now; nothing was charged */
	/* of which the rule gives out half and more: 1,000 to 50 owners */
	USER_MAX_CONNECTIONS = 2048,
	/* of 2^29 ns each: 4.3 s, longer than a packet waits for a neighbour */
	USER_UNSTAMPED_SPANS = 8,
};

/* What is refused, rather than delayed. */
enum user_refusal {
	USER_REFUSED_CONNECTION,
	USER_REFUSED_PAYLOAD,
	USER_REFUSED_OPTION,
	USER_REFUSED_MEMORY,
	USER_REFUSED_DESTINATION,
	USER_N_REFUSALS,
};

/* Counters that `stats` answers, by these names, for a session, an owner and the helper. A session counts; what has ended is kept as a
 * sum. The last four tell how many there are now: none of a session that has ended. */
/* clang-format off */
#define COUNTERS(X) \
	X(probes_sent) X(replies) X(timeouts) X(icmp_errors) X(send_errors) X(denied) X(cancelled) \
	X(late) X(duplicates) X(unverified_errors) X(events_dropped) \
	X(delayed_by_rate) X(delayed_by_in_flight) X(delayed_by_destination) \
	X(targets_queued) X(waiting_for_destination) X(waiting_for_neighbour) X(outcomes_unread)
/* clang-format on */

struct counters {
#define COUNTER_FIELD(name) uint64_t name;
	COUNTERS(COUNTER_FIELD)
};

/* What an owner's targets were last found to wait for, but for an interval or their turn. */
enum user_wait { USER_WAIT_NONE, USER_WAIT_RATE, USER_WAIT_SLOTS, USER_WAIT_NEIGHBOURS };

void counters_add(struct counters *sum, const struct counters *counters);

struct users {
	uint64_t remaining[USER_N_RESOURCES];
	uint32_t n_users; /* with a session */
	/* without, kept until their buckets are full: who comes again finds them as they were */
	uint32_t n_gone;
	int64_t now_ns; /* of the latest turn, or session's opening */
	struct user *first;
	bool is_over_total;        /* all wait for the rate of all */
	uint64_t n_refused;        /* connections of owners without an account */
	struct token_bucket lines; /* of what clients provoke in the log */
	uint64_t n_unlogged;       /* events since the last line, for want of a token */
	struct counters past;      /* of owners without a session */
};

struct user {
	uid_t uid;
	const struct realm *realm; /* borrowed */
	struct config_limits limits;
	uint32_t n_sessions;
	struct users *users;
	struct user *next;
	struct user_part *parts;
	uint64_t share[USER_N_RESOURCES];
	struct token_bucket bucket;
	uint64_t unstamped_bytes[USER_UNSTAMPED_SPANS];
	int64_t unstamped_span; /* number of the latest span */
	uint32_t n_held_up;     /* probes that wait for their destination's queue or neighbour */
	struct counters past;   /* of closed sessions */
	uint64_t n_refused[USER_N_REFUSALS], n_closed;
	/* its messages in the latest turn of the loop that had any */
	uint64_t read_turn;
	uint32_t n_reads;
	/* the scheduler's */
	struct session *active_first, *active_last; /* sessions that have targets to admit */
	struct user *active_next;
	enum user_wait waits_for;
	int64_t deficit_bytes; /* may be sent in this turn; negative: sent ahead of later ones */
	bool is_active;
};

/* The account of one session inside its owner's. */
struct user_part {
	uint64_t share[USER_N_RESOURCES];
	struct counters counters;
	int64_t last_send_ns;   /* may be to come: a parked probe has its time by interval_us */
	struct user_part *next; /* of the same owner */
};

/* @n_probes, @n_request_bytes: the pools' sizes. */
void users_init(struct users *ret_users, uint64_t n_probes, uint64_t n_request_bytes);

/* Asserts that every account was given back. */
void users_deinit(struct users *users);

/* Opens a session of @owner, whose account is made if it has none; charges one connection to it and to @part (zeroed
 * here). USER_E_QUOTA: too many connections. -ENOMEM. */
int user_open_session(struct users *users, const struct owner *owner, int64_t now_ns,
		      struct user_part *part, struct user **ret_user);

/* Gives the connection back and asserts that @part is at zero. With its last session the account goes, as soon as its bucket is
 * full: connecting anew brings nobody new tokens. */
void user_close_session(struct user *user, struct user_part *part);

/* All that the owner's sessions have counted. */
struct counters user_counters(const struct user *user);

/* Whether the @count-th event of its kind gets a line in the log, which clients cannot flood: the first, the second, the fourth and so on
 * of an owner, and one a second of all, since an account that comes and goes begins to count anew. */
bool users_may_log(struct users *users, uint64_t count);

/* Counts a refusal, and logs it as above. */
void user_note_refused(struct user *user, enum user_refusal refusal);

/* The same for a connection of @owner, who may have no account. */
void users_note_refused(struct users *users, const struct owner *owner);

/* Charges @n of @resource, or USER_E_QUOTA. */
int user_charge(struct user *user, struct user_part *part, enum user_resource resource, uint64_t n);
void user_release(struct user *user, struct user_part *part, enum user_resource resource,
		  uint64_t n);

/* Bytes in the send buffer: sent, and not yet handed to the driver as far as transmit stamps tell. A packet whose stamp never
 * comes is forgotten after 4.3 s, when the kernel has given up its neighbour. */
void user_add_unstamped(struct user *user, int64_t sent_ns, uint32_t n_bytes);
void user_remove_unstamped(struct user *user, int64_t sent_ns, uint32_t n_bytes);
uint64_t user_unstamped_bytes(struct user *user, int64_t now_ns);
