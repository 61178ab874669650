/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/scheduler.h"

#include <string.h>

enum {
	TARGETS_PER_TURN = 8,
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

void scheduler_activate(struct scheduler *scheduler, struct session *session) {
	if (session->is_active) {
		return;
	}
	session->is_active = true;
	sessions_push(session->user, session);
	if (!session->user->is_active) {
		session->user->is_active = true;
		users_push(scheduler, session->user);
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
	}
}

/* --- admission --- */

static int64_t later(int64_t a_ns, int64_t b_ns) {
	return a_ns > b_ns ? a_ns : b_ns;
}

static int64_t earlier(int64_t a_ns, int64_t b_ns) {
	return a_ns < b_ns ? a_ns : b_ns;
}

/* When the session's next target may go: its own interval, its owner's rate, the total rate, the socket. */
static int64_t ready_ns(struct scheduler *scheduler, struct session *session, int64_t now_ns) {
	struct user *user = session->user;
	int64_t rate_ns = later(token_bucket_ready_ns(&user->bucket),
				token_bucket_ready_ns(&scheduler->total));
	int64_t at_ns = prober_ready_ns(scheduler->prober, user, now_ns);

	if (rate_ns > now_ns && !session->is_delayed) {
		session->is_delayed = true;
		session->part.counters.delayed_by_rate++;
	}
	if (session->admitting->interval_us > 0) {
		at_ns = later(at_ns, session->last_send_ns +
					     session->admitting->interval_us * INT64_C(1000));
	}
	return later(at_ns, rate_ns);
}

/* Admits one target and returns 0; or returns when to try again, INT64_MAX for want of a slot. One that was cancelled waits for no
 * rate and costs its owner's token, but none of what all share. */
static int64_t admit_one(struct scheduler *scheduler, struct session *session) {
	struct ping *ping = session->admitting;
	bool is_cancelled = ping_next_is_cancelled(ping);
	int64_t now_ns = scheduler->prober->clock.now_ns;
	int64_t at_ns = is_cancelled ? now_ns : ready_ns(scheduler, session, now_ns);

	if (at_ns > now_ns) {
		return at_ns;
	}
	if (user_charge(session->user, &session->part, USER_PROBES, 1) != 0) {
		session->part.counters.delayed_by_in_flight += !session->is_delayed;
		session->is_delayed = true;
		return INT64_MAX;
	}
	at_ns = prober_start(scheduler->prober, ping);
	if (at_ns != 0) {
		user_release(session->user, &session->part, USER_PROBES, 1);
		return at_ns;
	}
	session->is_delayed = false;
	token_bucket_take(&session->user->bucket, now_ns);
	if (!is_cancelled) {
		session->last_send_ns = now_ns;
		token_bucket_take(&scheduler->total, now_ns);
	}
	if (ping->n_admitted == ping->n_targets) {
		session->admitting = ping->next;
		prober_push_news(scheduler->prober, ping); /* its response is due */
	}
	return 0;
}

/* One turn of a session. Returns how many targets were admitted; lowers *wake_ns to when it wants its next turn. */
static uint32_t session_turn(struct scheduler *scheduler, struct session *session, uint32_t budget,
			     int64_t *wake_ns) {
	uint32_t n = 0;

	while (n < budget && session->admitting != NULL) {
		int64_t at_ns = admit_one(scheduler, session);

		if (at_ns != 0) {
			*wake_ns = earlier(*wake_ns, at_ns);
			break;
		}
		n++;
	}
	return n;
}

/* One turn of an owner: of its first session that can admit something. */
static uint32_t user_turn(struct scheduler *scheduler, struct user *user, uint32_t budget,
			  int64_t *wake_ns) {
	struct session *last = user->active_last;
	uint32_t n = 0;

	for (bool seen_last = false; n == 0 && !seen_last;) {
		struct session *session = sessions_pop(user);

		seen_last = session == last;
		n = session_turn(scheduler, session, budget, wake_ns);
		if (session->admitting != NULL) {
			sessions_push(user, session);
		} else {
			session->is_active = false;
		}
		if (user->active_first == NULL) {
			break;
		}
	}
	return n;
}

int64_t scheduler_run(struct scheduler *scheduler, uint32_t budget) {
	int64_t wake_ns = INT64_MAX;
	uint32_t n_idle = 0; /* owners in a row that could not admit anything */

	while (budget > 0 && n_idle < scheduler->n_active) {
		struct user *user = users_pop(scheduler);
		uint32_t n =
			user_turn(scheduler, user,
				  budget < TARGETS_PER_TURN ? budget : TARGETS_PER_TURN, &wake_ns);

		budget -= n;
		n_idle = n > 0 ? 0 : n_idle + 1;
		if (user->active_first != NULL) {
			users_push(scheduler, user);
		} else {
			user->is_active = false;
			scheduler->n_active--;
		}
	}
	return budget == 0 && scheduler->n_active > 0 ? scheduler->prober->clock.now_ns : wake_ns;
}
