/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/user.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "helper/defence.h"
#include "helper/log.h"

enum {
	UNSTAMPED_SPAN_SHIFT = 29,
	LINES_PER_SECOND = 1, /* 9 MB a day */
	LINES_BURST = 100,
	MAX_GONE = 1024, /* there are few: each has sent a packet just now */
};

void counters_add(struct counters *sum, const struct counters *counters) {
	enum { N_COUNTERS = sizeof *sum / sizeof(uint64_t) };
	const uint64_t *from = (const uint64_t *)counters;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < N_COUNTERS; i++) {
		to[i] += from[i];
	}
}

void users_init(struct users *ret_users, uint64_t n_probes, uint64_t n_request_bytes) {
	*ret_users = (struct users){
		.remaining = {[USER_CONNECTIONS] = USER_MAX_CONNECTIONS,
			      [USER_PROBES] = n_probes,
			      [USER_REQUEST_BYTES] = n_request_bytes},
	};
	token_bucket_init(&ret_users->lines, LINES_PER_SECOND, LINES_BURST);
}

/* The configured upper bound of one owner. */
static uint64_t user_limit(const struct user *user, enum user_resource resource) {
	const uint32_t limits[USER_N_RESOURCES] = {
		[USER_CONNECTIONS] = user->limits.max_connections,
		[USER_PROBES] = user->limits.max_probes_in_flight,
		[USER_REQUEST_BYTES] = CONFIG_UNLIMITED,
	};

	return limits[resource] == CONFIG_UNLIMITED ? UINT64_MAX : limits[resource];
}

/* How much more may be taken by one of @n who share @remaining and of which it holds @share: the rule above, solved for the request.
 * Who has nothing may have the last one: else a pool as small as that served nobody. */
static uint64_t fair_room(uint64_t remaining, uint64_t share, uint64_t n) {
	uint64_t most = (remaining + share) / (n + 1);

	if (!defence_is_on(FAIR_SHARES)) {
		return remaining;
	}
	if (most == 0 && remaining > 0) {
		most = 1;
	}
	return most > share ? most - share : 0;
}

static uint64_t user_room(const struct user *user, enum user_resource resource) {
	uint64_t share = user->share[resource], limit = user_limit(user, resource);
	uint64_t room = fair_room(user->users->remaining[resource], share, user->users->n_users);
	uint64_t room_to_limit = limit > share ? limit - share : 0;

	return room < room_to_limit ? room : room_to_limit;
}

int user_charge(struct user *user, struct user_part *part, enum user_resource resource,
		uint64_t n) {
	uint64_t room = user_room(user, resource);

	if (resource != USER_CONNECTIONS) { /* of which each session holds just one */
		room = fair_room(room, part->share[resource], user->n_sessions);
	}
	if (n > room) {
		return USER_E_QUOTA;
	}
	user->users->remaining[resource] -= n;
	user->share[resource] += n;
	part->share[resource] += n;
	return 0;
}

void user_release(struct user *user, struct user_part *part, enum user_resource resource,
		  uint64_t n) {
	assert(part->share[resource] >= n && user->share[resource] >= n);
	part->share[resource] -= n;
	user->share[resource] -= n;
	user->users->remaining[resource] += n;
}

static struct user *users_find(const struct users *users, const struct owner *owner) {
	struct user *user = users->first;

	/* once for each connection, 1,024 at most */
	while (user != NULL && (user->uid != owner->uid || user->realm != owner->realm)) {
		user = user->next;
	}
	return user;
}

static struct user *user_new(struct users *users, const struct owner *owner) {
	struct user *user = calloc(1, sizeof *user);

	if (user == NULL) {
		return NULL;
	}
	user->uid = owner->uid;
	user->realm = owner->realm;
	user->limits = owner->limits;
	user->users = users;
	user->next = users->first;
	token_bucket_init(&user->bucket, owner->limits.packets_per_second,
			  owner->limits.burst_packets);
	users->first = user;
	return user;
}

static void user_free(struct user *user) {
	struct user **link = &user->users->first;

	for (int i = 0; i < USER_N_RESOURCES; i++) {
		assert(user->share[i] == 0);
	}
	while (*link != user) {
		link = &(*link)->next;
	}
	*link = user->next;
	counters_add(&user->users->past, &user->past);
	free(user);
}

/* The account has no session any more. */
static void user_leave(struct user *user) {
	struct users *users = user->users;

	users->n_users--;
	if (user->bucket.full_at_ns > users->now_ns && users->n_gone < MAX_GONE) {
		users->n_gone++;
	} else {
		user_free(user);
	}
}

/* Frees the accounts without a session whose buckets are full by @now_ns. */
static void users_forget(struct users *users, int64_t now_ns) {
	for (struct user *user = users->first, *next; user != NULL; user = next) {
		next = user->next;
		if (user->n_sessions == 0 && user->bucket.full_at_ns <= now_ns) {
			user_free(user);
			users->n_gone--;
		}
	}
	users->now_ns = now_ns;
}

void users_deinit(struct users *users) {
	assert(users->n_users == 0);
	users_forget(users, INT64_MAX);
	assert(users->first == NULL && users->n_gone == 0);
}

/* The account of @owner, with his limits of now where he has no session; NULL: no memory. */
static struct user *users_come(struct users *users, const struct owner *owner) {
	struct user *user = users_find(users, owner);

	if (user == NULL) {
		user = user_new(users, owner);
	} else if (user->n_sessions == 0) {
		users->n_gone--;
		user->limits = owner->limits;
	}
	users->n_users += user != NULL && user->n_sessions == 0;
	return user;
}

int user_open_session(struct users *users, const struct owner *owner, int64_t now_ns,
		      struct user_part *part, struct user **ret_user) {
	struct user *user;

	users_forget(users, now_ns);
	*part = (struct user_part){.last_send_ns = INT64_MIN / 2}; /* never */
	user = users_come(users, owner);
	if (user == NULL) {
		return -ENOMEM;
	}
	if (user_charge(user, part, USER_CONNECTIONS, 1) != 0) {
		if (user->n_sessions == 0) {
			user_leave(user);
		}
		return USER_E_QUOTA;
	}
	user->n_sessions++;
	part->next = user->parts;
	user->parts = part;
	*ret_user = user;
	return 0;
}

/* --- what is logged --- */

bool users_may_log(struct users *users, uint64_t count) {
	if ((count & (count - 1)) != 0) { /* no power of two */
		return false;
	}
	if (!token_bucket_has(&users->lines, 1, users->now_ns)) {
		users->n_unlogged++;
		return false;
	}
	token_bucket_take(&users->lines, users->now_ns);
	if (users->n_unlogged > 0) {
		log_event("unlogged count=%llu", (unsigned long long)users->n_unlogged);
		users->n_unlogged = 0;
	}
	return true;
}

static void note_refused(struct users *users, uint64_t *count, uid_t uid, const struct realm *realm,
			 enum user_refusal refusal) {
	static const char *const limits[] = {
		[USER_REFUSED_CONNECTION] = "max_connections",
		[USER_REFUSED_PAYLOAD] = "max_payload_bytes",
		[USER_REFUSED_OPTION] = "allow_options",
		[USER_REFUSED_MEMORY] = "request_bytes",
		[USER_REFUSED_DESTINATION] = "destinations",
	};

	if (users_may_log(users, ++*count)) {
		log_event("refused uid=%u realm=%s limit=%s count=%llu", uid, realm_name(realm),
			  limits[refusal], (unsigned long long)*count);
	}
}

void user_note_refused(struct user *user, enum user_refusal refusal) {
	note_refused(user->users, &user->n_refused[refusal], user->uid, user->realm, refusal);
}

void users_note_refused(struct users *users, const struct owner *owner) {
	struct user *user = users_find(users, owner);

	note_refused(users,
		     user != NULL ? &user->n_refused[USER_REFUSED_CONNECTION] : &users->n_refused,
		     owner->uid, owner->realm, USER_REFUSED_CONNECTION);
}

/* --- counters --- */

struct counters user_counters(const struct user *user) {
	struct counters sum = user->past;

	for (const struct user_part *part = user->parts; part != NULL; part = part->next) {
		counters_add(&sum, &part->counters);
	}
	return sum;
}

static void parts_remove(struct user *user, struct user_part *part) {
	struct user_part **link = &user->parts;

	while (*link != part) {
		link = &(*link)->next;
	}
	*link = part->next;
}

void user_close_session(struct user *user, struct user_part *part) {
	user_release(user, part, USER_CONNECTIONS, 1);
	for (int i = 0; i < USER_N_RESOURCES; i++) {
		assert(part->share[i] == 0);
	}
	assert(part->counters.targets_queued + part->counters.waiting_for_destination +
		       part->counters.waiting_for_neighbour + part->counters.outcomes_unread ==
	       0);
	counters_add(&user->past, &part->counters);
	parts_remove(user, part);
	if (--user->n_sessions == 0) {
		user_leave(user);
	}
}

/* Forgets the spans that are too old by the time of @span. */
static void unstamped_advance(struct user *user, int64_t span) {
	int64_t n_new = span - user->unstamped_span;

	for (int64_t i = 1; i <= n_new && i <= USER_UNSTAMPED_SPANS; i++) {
		user->unstamped_bytes[(user->unstamped_span + i) % USER_UNSTAMPED_SPANS] = 0;
	}
	if (n_new > 0) {
		user->unstamped_span = span;
	}
}

void user_add_unstamped(struct user *user, int64_t sent_ns, uint32_t n_bytes) {
	int64_t span = sent_ns >> UNSTAMPED_SPAN_SHIFT;

	unstamped_advance(user, span);
	user->unstamped_bytes[span % USER_UNSTAMPED_SPANS] += n_bytes;
}

void user_remove_unstamped(struct user *user, int64_t sent_ns, uint32_t n_bytes) {
	int64_t span = sent_ns >> UNSTAMPED_SPAN_SHIFT;
	uint64_t *bytes = &user->unstamped_bytes[span % USER_UNSTAMPED_SPANS];

	if (span > user->unstamped_span - USER_UNSTAMPED_SPANS && *bytes >= n_bytes) {
		*bytes -= n_bytes;
	}
}

uint64_t user_unstamped_bytes(struct user *user, int64_t now_ns) {
	uint64_t n_bytes = 0;

	unstamped_advance(user, now_ns >> UNSTAMPED_SPAN_SHIFT);
	for (int i = 0; i < USER_UNSTAMPED_SPANS; i++) {
		n_bytes += user->unstamped_bytes[i];
	}
	return n_bytes;
}
