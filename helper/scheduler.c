/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/scheduler.h"

#include <string.h>

#include "helper/defence.h"

enum {
	QUANTUM_BYTES = 128,       /* a turn is one usual packet, */
	LONG_QUANTUM_BYTES = 1024, /* or ten where there are tokens for more than that */
	MANY_TOKENS = 16,
	PACKET_HEADER_BYTES = 48, /* IPv6 and ICMP */
	/* Of the total rate: what a helper that was held up for 50 ms may catch up. */
	TOTAL_BURST_DIVISOR = 20,
};

void scheduler_init(struct scheduler *ret_scheduler, struct prober *prober,
		    const struct config *config) {
	*ret_scheduler = (struct scheduler){.prober = prober};
	token_bucket_init(&ret_scheduler->total, config->total_packets_per_second,
			  config->total_packets_per_second / TOTAL_BURST_DIVISOR);
}

/* --- the two rings --- */

static void users_push(struct scheduler *scheduler, struct user *user) {
	user->active_next = NULL;
	*(scheduler->last != NULL ? &scheduler->last->active_next : &scheduler->first) = user;
	scheduler->last = user;
}

static struct user *users_pop(struct scheduler *scheduler) {
	struct user *user = scheduler->first;

	scheduler->first = user->active_next;
	if (scheduler->first == NULL) {
		scheduler->last = NULL;
	}
	return user;
}

static void sessions_push(struct user *user, struct session *session) {
	session->active_next = NULL;
	*(user->active_last != NULL ? &user->active_last->active_next : &user->active_first) =
		session;
	user->active_last = session;
}

static struct session *sessions_pop(struct user *user) {
	struct session *session = user->active_first;

	user->active_first = session->active_next;
	if (user->active_first == NULL) {
		user->active_last = NULL;
	}
	return session;
}

/* --- deficit round robin --- */

/* Whoever takes a place in a ring gets a quantum of bytes to send when its turn comes. A target may overdraw it, which is paid back in later
 * turns; what is not used for want of targets is lost. A turn that was cut short goes on where it ended, before anybody else's: if another
 * one followed, with the next quantum, what is left would add up while tokens come one by one, to a burst when many are there. */

static bool has_tokens(const struct scheduler *scheduler, const struct user *user, int64_t n) {
	int64_t now_ns = scheduler->prober->clock.now_ns;

	return token_bucket_has(&scheduler->total, n, now_ns) &&
	       token_bucket_has(&user->bucket, n, now_ns);
}

/* Long turns cost less, as what one session needs is then at hand; but where tokens are few everybody wants the next one. */
static int64_t quantum_bytes(const struct scheduler *scheduler, const struct user *user) {
	if (!defence_is_on(FAIR_TURNS)) {
		return INT32_MAX;
	}
	return has_tokens(scheduler, user, MANY_TOKENS) ? LONG_QUANTUM_BYTES : QUANTUM_BYTES;
}

static void queue_session(const struct scheduler *scheduler, struct session *session) {
	session->deficit_bytes += quantum_bytes(scheduler, session->user);
	sessions_push(session->user, session);
}

static void queue_user(struct scheduler *scheduler, struct user *user) {
	user->deficit_bytes += quantum_bytes(scheduler, user);
	users_push(scheduler, user);
}

static void end_turn(int64_t *deficit_bytes) {
	if (*deficit_bytes > 0) {
		*deficit_bytes = 0;
	}
}

void scheduler_activate(struct scheduler *scheduler, struct session *session) {
	if (session->is_active) {
		return;
	}
	session->is_active = true;
	queue_session(scheduler, session);
	if (!session->user->is_active) {
		session->user->is_active = true;
		queue_user(scheduler, session->user);
		scheduler->n_active++;
	}
}

void scheduler_deactivate(struct scheduler *scheduler, struct session *session) {
	struct user *user = session->user;
	uint32_t n_users = scheduler->n_active;
	struct session *last = user->active_last;

	if (!session->is_active) {
		return;
	}
	session->is_active = false;
	for (bool seen_last = false; !seen_last;) { /* once round, without it */
		struct session *other = sessions_pop(user);

		seen_last = other == last;
		if (other != session) {
			sessions_push(user, other);
		}
	}
	for (uint32_t i = 0; user->active_first == NULL && i < n_users; i++) {
		struct user *other = users_pop(scheduler);

		if (other != user) {
			users_push(scheduler, other);
		}
	}
	if (user->active_first == NULL) {
		user->is_active = false;
		scheduler->n_active--;
		end_turn(&user->deficit_bytes);
	}
}

/* --- admission --- */

static void count_rate_delay(struct session *session) {
	session->part.counters.delayed_by_rate += !session->is_delayed;
	session->is_delayed = true;
}

/* When the owner may send: its rate, its socket. */
static int64_t user_ready_ns(const struct scheduler *scheduler, struct user *user) {
	int64_t now_ns = scheduler->prober->clock.now_ns;
	int64_t rate_ns = token_bucket_ready_ns(&user->bucket);
	int64_t socket_ns = prober_ready_ns(scheduler->prober, user, now_ns);

	user->waits_for = socket_ns > now_ns ? USER_WAIT_NEIGHBOURS : USER_WAIT_NONE;
	if (rate_ns > now_ns) {
		user->waits_for = USER_WAIT_RATE;
		count_rate_delay(user->active_first);
	}
	return clock_later(rate_ns, socket_ns);
}

static int64_t session_ready_ns(const struct session *session) {
	int64_t interval_us = session->admitting->interval_us;

	return interval_us == 0 ? INT64_MIN : session->part.last_send_ns + interval_us * 1000;
}

/* Pays for a target. One that was cancelled costs its owner's token, but none of what all share; it did not wait for that token, and
 * what is owed is bounded: else who gives a million targets up would be silent for a minute. */
static void pay(struct scheduler *scheduler, struct session *session, bool is_cancelled) {
	int64_t now_ns = scheduler->prober->clock.now_ns;

	if (is_cancelled) {
		token_bucket_take_ahead(&session->user->bucket, now_ns);
		return;
	}
	session->part.last_send_ns = clock_later(session->part.last_send_ns, now_ns);
	token_bucket_take(&session->user->bucket, now_ns);
	token_bucket_take(&scheduler->total, now_ns);
}

/* Admits one target and returns 0; or returns when to try again, INT64_MAX for want of a slot. One that was cancelled waits for no
 * interval. */
static int64_t admit_one(struct scheduler *scheduler, struct session *session) {
	struct ping *ping = session->admitting;
	bool is_cancelled = ping_next_is_cancelled(ping);
	int64_t now_ns = scheduler->prober->clock.now_ns;
	int64_t at_ns = is_cancelled ? now_ns : session_ready_ns(session);

	if (at_ns > now_ns) {
		return at_ns;
	}
	if (user_charge(session->user, &session->part, USER_PROBES, 1) != 0) {
		session->part.counters.delayed_by_in_flight += !session->is_delayed;
		session->is_delayed = true;
		session->user->waits_for = USER_WAIT_SLOTS;
		return INT64_MAX;
	}
	prober_start(scheduler->prober, ping);
	session->is_delayed = false;
	pay(scheduler, session, is_cancelled);
	if (ping->n_admitted == ping->n_targets) {
		session->admitting = ping->next;
		prober_push_news(scheduler->prober, ping); /* its response is due */
	}
	return 0;
}

void scheduler_end_cancelled(struct scheduler *scheduler, struct session *session) {
	while (session->admitting != NULL && ping_next_is_cancelled(session->admitting) &&
	       admit_one(scheduler, session) == 0) {
	}
}

/* --- turns --- */

enum turn {
	TURN_BLOCKED, /* nothing can be admitted now */
	TURN_TAKEN,   /* it was used, or paid for earlier ones */
	TURN_CUT,     /* for want of tokens, or by the budget: it goes on */
};

/* One turn of a session; lowers *wake_ns to when it wants its next one where it is blocked. */
static enum turn session_turn(struct scheduler *scheduler, struct session *session,
			      int64_t *wake_ns) {
	while (session->deficit_bytes > 0 && session->admitting != NULL && scheduler->budget > 0 &&
	       has_tokens(scheduler, session->user, 1)) {
		int64_t cost = PACKET_HEADER_BYTES + (int64_t)session->admitting->size_bytes;
		int64_t at_ns = admit_one(scheduler, session);

		if (at_ns != 0) {
			*wake_ns = clock_earlier(*wake_ns, at_ns);
			end_turn(&session->deficit_bytes);
			return TURN_BLOCKED;
		}
		session->deficit_bytes -= cost;
		session->user->deficit_bytes -= cost;
		scheduler->budget--;
	}
	return session->deficit_bytes > 0 && session->admitting != NULL ? TURN_CUT : TURN_TAKEN;
}

/* One turn of an owner: of its next session that can use it. */
static enum turn user_turn(struct scheduler *scheduler, struct user *user, int64_t *wake_ns) {
	int64_t at_ns = user_ready_ns(scheduler, user);
	struct session *last = user->active_last, *session = NULL;
	enum turn turn = TURN_BLOCKED;

	if (at_ns > scheduler->prober->clock.now_ns) {
		*wake_ns = clock_earlier(*wake_ns, at_ns);
		end_turn(&user->deficit_bytes);
		return TURN_BLOCKED;
	}
	if (user->deficit_bytes <= 0) {
		return TURN_TAKEN;
	}
	while (turn == TURN_BLOCKED && session != last) {
		session = user->active_first;
		turn = session_turn(scheduler, session, wake_ns);
		if (turn == TURN_CUT) {
			return TURN_CUT;
		}
		(void)sessions_pop(user);
		if (session->admitting != NULL) {
			queue_session(scheduler, session);
		} else {
			session->is_active = false;
			end_turn(&session->deficit_bytes);
		}
	}
	if (turn == TURN_BLOCKED || user->active_first == NULL) {
		end_turn(&user->deficit_bytes);
	}
	return turn;
}

int64_t scheduler_run(struct scheduler *scheduler, uint32_t budget) {
	int64_t now_ns = scheduler->prober->clock.now_ns, wake_ns = INT64_MAX;
	uint32_t n_blocked = 0; /* owners in a row */

	scheduler->budget = budget;
	while (scheduler->budget > 0 && n_blocked < scheduler->n_active) {
		struct user *user = scheduler->first;
		int64_t total_ns = token_bucket_ready_ns(&scheduler->total);
		enum turn turn;

		user->users->is_over_total = total_ns > now_ns;
		if (total_ns > now_ns) {
			count_rate_delay(user->active_first);
			return total_ns;
		}
		turn = user_turn(scheduler, user, &wake_ns);
		n_blocked = turn == TURN_BLOCKED ? n_blocked + 1 : 0;
		if (turn == TURN_CUT) {
			continue; /* in its place */
		}
		(void)users_pop(scheduler);
		if (user->active_first != NULL) {
			queue_user(scheduler, user);
		} else {
			user->is_active = false;
			scheduler->n_active--;
		}
	}
	return scheduler->budget == 0 && scheduler->n_active > 0 ? now_ns : wake_ns;
}
