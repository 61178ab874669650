/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/user.h"

enum { N_PROBES = 1000, N_REQUEST_BYTES = 1 << 20, ALICE = 1000 };

static const uid_t bobs_uid = 4294967294; /* the greatest there is */

static const struct config config;
static const struct realm host = {&config, config.listeners, NULL};

struct fixture {
	struct config_limits limits; /* of owners yet to come */
	int64_t now_ns;
	struct users users;
	struct user *alice, *bob;
	struct user_part parts[4];
};

static int set_up(void **state) {
	struct fixture *fixture = calloc(1, sizeof *fixture);

	assert_non_null(fixture);
	fixture->limits = (struct config_limits){
		.packets_per_second = CONFIG_UNLIMITED,
		.burst_packets = 1,
		.max_probes_in_flight = CONFIG_UNLIMITED,
		.max_connections = CONFIG_UNLIMITED,
	};
	users_init(&fixture->users, N_PROBES, N_REQUEST_BYTES);
	*state = fixture;
	return 0;
}

static int tear_down(void **state) {
	struct fixture *fixture = *state;

	assert_int_equal(fixture->users.n_users, 0); /* else users_deinit ends the program */
	users_deinit(&fixture->users);
	free(fixture);
	return 0;
}

/* Opens a session on the host's listener. */
static int try_open(struct fixture *fixture, uid_t uid, struct user_part *part,
		    struct user **ret_user) {
	const struct owner owner = {.uid = uid, .realm = &host, .limits = fixture->limits};

	return user_open_session(&fixture->users, &owner, fixture->now_ns, part, ret_user);
}

static struct user *open_session(struct fixture *fixture, uid_t uid, int part) {
	struct user *user = NULL;

	assert_int_equal(try_open(fixture, uid, &fixture->parts[part], &user), 0);
	return user;
}

/* The most that @part can still be charged; it is charged with it. */
static uint64_t charge_all(struct user *user, struct user_part *part, enum user_resource resource) {
	uint64_t n = 0;

	while (user_charge(user, part, resource, 1) == 0) {
		n++;
	}
	return n;
}

static void release_all(struct user *user, struct user_part *part, enum user_resource resource) {
	user_release(user, part, resource, part->share[resource]);
}

/* --- the log --- */

static void users_may_log_first_second_fourth(void **state) {
	struct users users;
	uint64_t n_logged = 0;

	users_init(&users, 1, 1);
	for (uint64_t count = 1; count <= 1000; count++) {
		n_logged += users_may_log(&users, count);
	}
	assert_int_equal(n_logged, 10); /* 1, 2, 4, .. 512 */
	assert_int_equal(users.n_unlogged, 0);
}

static void users_may_log_no_more_than_one_a_second_for_long(void **state) {
	struct users users;

	users_init(&users, 1, 1);
	for (int i = 0; i < 100; i++) {
		assert_true(users_may_log(&users, 1));
	}
	for (int i = 1; i <= 5; i++) {
		assert_false(users_may_log(&users, 1));
		assert_int_equal(users.n_unlogged, i);
	}
	users.now_ns += INT64_C(1000000000);
	assert_true(users_may_log(&users, 1)); /* behind a line that tells of the five */
	assert_int_equal(users.n_unlogged, 0);
	assert_false(users_may_log(&users, 1));
}

/* --- sessions --- */

static void user_open_session_same_uid_shares_an_account(void **state) {
	struct fixture *fixture = *state;
	struct user *alice = open_session(fixture, ALICE, 0);

	assert_ptr_equal(open_session(fixture, ALICE, 1), alice);
	assert_ptr_not_equal(open_session(fixture, bobs_uid, 2), alice);
	assert_int_equal(alice->n_sessions, 2);
	assert_int_equal(fixture->users.n_users, 2);
	user_close_session(alice, &fixture->parts[0]);
	assert_int_equal(fixture->users.n_users, 2);
	user_close_session(alice, &fixture->parts[1]);
	assert_int_equal(fixture->users.n_users, 1);
	assert_int_equal(fixture->users.first->uid, bobs_uid);
	user_close_session(fixture->users.first, &fixture->parts[2]);
	assert_int_equal(fixture->users.remaining[USER_CONNECTIONS], USER_MAX_CONNECTIONS);
}

static void user_open_session_other_realm_is_another_account(void **state) {
	static const struct realm realm = {&config, config.listeners + 1, NULL};
	struct fixture *fixture = *state;
	struct user *alice = open_session(fixture, ALICE, 0), *other;
	const struct owner owner = {
		.uid = ALICE, .realm = &realm, .limits = {.max_connections = 7}};

	assert_int_equal(user_open_session(&fixture->users, &owner, 0, &fixture->parts[1], &other),
			 0);
	assert_ptr_not_equal(alice, other);
	assert_int_equal(other->limits.max_connections, 7);
	assert_ptr_equal(other->realm, &realm);
	user_close_session(alice, &fixture->parts[0]);
	user_close_session(other, &fixture->parts[1]);
}

static void user_open_session_again_finds_the_bucket_as_it_was(void **state) {
	struct fixture *fixture = *state;
	struct user *alice;
	int64_t full_at_ns;

	fixture->limits.packets_per_second = 1000;
	fixture->limits.burst_packets = 10;
	fixture->now_ns = 5000000;
	alice = open_session(fixture, ALICE, 0);
	token_bucket_take(&alice->bucket, fixture->now_ns);
	token_bucket_take(&alice->bucket, fixture->now_ns);
	full_at_ns = alice->bucket.full_at_ns;
	assert_int_equal(full_at_ns, 7000000);
	user_close_session(alice, &fixture->parts[0]);
	assert_int_equal(fixture->users.n_users, 0); /* takes no share of the pools */
	assert_int_equal(fixture->users.n_gone, 1);

	fixture->now_ns = full_at_ns - 1;
	fixture->limits.max_connections = 1;
	alice = open_session(fixture, ALICE, 0);
	assert_int_equal(alice->bucket.full_at_ns, full_at_ns);
	assert_int_equal(alice->limits.max_connections, 1);
	assert_int_equal(fixture->users.n_users, 1);
	assert_int_equal(fixture->users.n_gone, 0);
	user_close_session(alice, &fixture->parts[0]);

	fixture->now_ns = full_at_ns;
	user_close_session(open_session(fixture, bobs_uid, 0), &fixture->parts[0]);
	assert_null(fixture->users.first);
}

static void user_open_session_over_the_limit_is_refused(void **state) {
	struct fixture *fixture = *state;
	struct user *alice, *user = NULL;

	fixture->limits.max_connections = 2;
	alice = open_session(fixture, ALICE, 0);
	(void)open_session(fixture, ALICE, 1);
	assert_int_equal(try_open(fixture, ALICE, &fixture->parts[2], &user), USER_E_QUOTA);
	assert_null(user);
	user_close_session(alice, &fixture->parts[1]);
	(void)open_session(fixture, ALICE, 1);
	user_close_session(alice, &fixture->parts[0]);
	user_close_session(alice, &fixture->parts[1]);
}

static void user_open_session_new_owner_refused_leaves_no_account(void **state) {
	struct fixture *fixture = *state;
	struct user *user = NULL;

	fixture->limits.max_connections = 0;
	assert_int_equal(try_open(fixture, ALICE, &fixture->parts[0], &user), USER_E_QUOTA);
	assert_int_equal(fixture->users.n_users, 0);
	assert_null(fixture->users.first);
}

static void user_open_session_one_owner_never_takes_the_last_connection(void **state) {
	struct fixture *fixture = *state;
	struct user_part *parts = calloc(USER_MAX_CONNECTIONS, sizeof *parts);
	struct user *alice = NULL, *bob = NULL;
	size_t n = 0;

	while (try_open(fixture, ALICE, &parts[n], &alice) == 0) {
		n++;
	}
	assert_int_equal(n, USER_MAX_CONNECTIONS / 2);
	assert_int_equal(try_open(fixture, bobs_uid, &parts[n], &bob), 0);
	user_close_session(bob, &parts[n]);
	while (n > 0) {
		user_close_session(alice, &parts[--n]);
	}
	free(parts);
}

/* --- the shared pools --- */

static void user_charge_lone_owner_gets_half(void **state) {
	struct fixture *fixture = *state;
	struct user *alice = open_session(fixture, ALICE, 0);

	/* half of the pool for the owner, and of that half for its session */
	assert_int_equal(charge_all(alice, &fixture->parts[0], USER_PROBES), N_PROBES / 4);
	(void)open_session(fixture, ALICE, 1);
	assert_true(charge_all(alice, &fixture->parts[1], USER_PROBES) > 0);
	release_all(alice, &fixture->parts[0], USER_PROBES);
	release_all(alice, &fixture->parts[1], USER_PROBES);
	user_close_session(alice, &fixture->parts[0]);
	user_close_session(alice, &fixture->parts[1]);
	assert_int_equal(fixture->users.remaining[USER_PROBES], N_PROBES);
}

static void user_charge_limit_is_the_upper_bound(void **state) {
	struct fixture *fixture = *state;
	struct user *alice = open_session(fixture, ALICE, 0);
	struct user_part *part = &fixture->parts[0];

	alice->limits.max_probes_in_flight = 20;
	assert_int_equal(user_charge(alice, part, USER_PROBES, 11), USER_E_QUOTA);
	assert_int_equal(user_charge(alice, part, USER_PROBES, 10), 0); /* its session's half */
	assert_int_equal(user_charge(alice, part, USER_PROBES, 1), USER_E_QUOTA);
	alice->limits.max_probes_in_flight = 5; /* less than it has */
	assert_int_equal(user_charge(alice, part, USER_PROBES, 1), USER_E_QUOTA);
	assert_int_equal(user_charge(alice, part, USER_REQUEST_BYTES, 1), 0); /* another pool */
	release_all(alice, part, USER_REQUEST_BYTES);
	release_all(alice, part, USER_PROBES);
	user_close_session(alice, part);
}

static void user_charge_smallest_pool_and_limit_serve_one(void **state) {
	struct fixture *fixture = *state;
	struct user *alice, *bob;

	users_init(&fixture->users, 1, N_REQUEST_BYTES);
	alice = open_session(fixture, ALICE, 0);
	bob = open_session(fixture, bobs_uid, 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(charge_all(alice, &fixture->parts[0], USER_PROBES), 1);
		assert_int_equal(charge_all(bob, &fixture->parts[1], USER_PROBES), 0);
		release_all(alice, &fixture->parts[0], USER_PROBES);
	}
	user_close_session(bob, &fixture->parts[1]);
	user_close_session(alice, &fixture->parts[0]);

	users_init(&fixture->users, N_PROBES, N_REQUEST_BYTES);
	fixture->limits.max_probes_in_flight = 1;
	alice = open_session(fixture, ALICE, 0);
	assert_ptr_equal(open_session(fixture, ALICE, 1), alice);
	assert_int_equal(charge_all(alice, &fixture->parts[0], USER_PROBES), 1);
	assert_int_equal(charge_all(alice, &fixture->parts[1], USER_PROBES), 0);
	release_all(alice, &fixture->parts[0], USER_PROBES);
	assert_int_equal(charge_all(alice, &fixture->parts[1], USER_PROBES), 1);
	release_all(alice, &fixture->parts[1], USER_PROBES);
	user_close_session(alice, &fixture->parts[0]);
	user_close_session(alice, &fixture->parts[1]);
}

static void user_charge_refused_changes_nothing(void **state) {
	struct fixture *fixture = *state;
	struct user *alice = open_session(fixture, ALICE, 0);

	assert_int_equal(user_charge(alice, &fixture->parts[0], USER_PROBES, N_PROBES),
			 USER_E_QUOTA);
	assert_int_equal(user_charge(alice, &fixture->parts[0], USER_PROBES, UINT64_MAX),
			 USER_E_QUOTA);
	assert_int_equal(fixture->users.remaining[USER_PROBES], N_PROBES);
	assert_int_equal(alice->share[USER_PROBES], 0);
	user_close_session(alice, &fixture->parts[0]);
}

/* The rule as design and header state it, in numbers too small to overflow. */
static bool rule_allows(uint64_t remaining, uint64_t share, uint64_t request, uint64_t n) {
	return (share + request) * (n + 1) - share <= remaining;
}

static bool model_allows(const struct user *user, const struct user_part *part, uint64_t request) {
	const struct users *users = user->users;
	uint64_t room = 0;

	while (rule_allows(users->remaining[USER_PROBES], user->share[USER_PROBES], room + 1,
			   users->n_users)) {
		room++;
	}
	return request <= room &&
	       rule_allows(room, part->share[USER_PROBES], request, user->n_sessions);
}

static void user_charge_random_requests_follow_the_rule(void **state) {
	const uid_t uids[4] = {ALICE, ALICE, bobs_uid, 0};
	struct fixture *fixture = *state;
	struct user *users[4];
	unsigned n_refused = 0;

	srandom(1);
	for (int i = 0; i < 4; i++) {
		users[i] = open_session(fixture, uids[i], i);
	}
	for (int i = 0; i < 20000; i++) {
		int who = (int)(random() % 4);
		struct user_part *part = &fixture->parts[who];
		uint64_t n = 1 + (uint64_t)random() % 60;
		bool allowed = model_allows(users[who], part, n);

		if (random() % 3 == 0) {
			n = part->share[USER_PROBES] < n ? part->share[USER_PROBES] : n;
			user_release(users[who], part, USER_PROBES, n);
			continue;
		}
		n_refused += !allowed;
		assert_int_equal(user_charge(users[who], part, USER_PROBES, n),
				 allowed ? 0 : USER_E_QUOTA);
	}
	assert_in_range(n_refused, 1000, 19000);
	for (int i = 0; i < 4; i++) {
		release_all(users[i], &fixture->parts[i], USER_PROBES);
		user_close_session(users[i], &fixture->parts[i]);
	}
	assert_int_equal(fixture->users.remaining[USER_PROBES], N_PROBES);
}

/* However many owners come one after the other and take all they get, the next one gets something. */
static void user_charge_late_owner_finds_room(void **state) {
	enum { N_OWNERS = 15 };
	struct fixture *fixture = *state;
	struct user_part parts[N_OWNERS];
	struct user *users[N_OWNERS];

	for (uid_t i = 0; i < N_OWNERS; i++) {
		assert_int_equal(try_open(fixture, i, &parts[i], &users[i]), 0);
		assert_true(charge_all(users[i], &parts[i], USER_PROBES) > 0);
	}
	for (uid_t i = 0; i < N_OWNERS; i++) {
		release_all(users[i], &parts[i], USER_PROBES);
		user_close_session(users[i], &parts[i]);
	}
}

/* --- counters --- */

static void user_counters_outlive_session_and_owner(void **state) {
	struct fixture *fixture = *state;
	struct user *alice = open_session(fixture, ALICE, 0);

	(void)open_session(fixture, ALICE, 1);
	fixture->parts[0].counters.replies = 3;
	fixture->parts[1].counters.replies = 4;
	fixture->parts[1].counters.delayed_by_in_flight = 1; /* the last of the struct */
	assert_int_equal(user_counters(alice).replies, 7);
	user_close_session(alice, &fixture->parts[0]);
	assert_int_equal(user_counters(alice).replies, 7);
	assert_int_equal(fixture->users.past.replies, 0);
	user_close_session(alice, &fixture->parts[1]);
	assert_int_equal(fixture->users.past.replies, 7);
	assert_int_equal(fixture->users.past.delayed_by_in_flight, 1);
}

/* --- packets without a stamp --- */

static const int64_t span_ns = INT64_C(1) << 29;

static void user_unstamped_bytes_are_forgotten_when_old(void **state) {
	struct user user = {0};
	int64_t sent_ns = 1000 * span_ns;

	user_add_unstamped(&user, sent_ns, 100);
	assert_int_equal(user_unstamped_bytes(&user, sent_ns), 100);
	user_add_unstamped(&user, sent_ns + span_ns, 10);
	assert_int_equal(user_unstamped_bytes(&user, sent_ns + 8 * span_ns - 1), 110);
	assert_int_equal(user_unstamped_bytes(&user, sent_ns + 8 * span_ns), 10);
	assert_int_equal(user_unstamped_bytes(&user, sent_ns + 9 * span_ns), 0);
	user_add_unstamped(&user, sent_ns + 10 * span_ns, 7);
	assert_int_equal(user_unstamped_bytes(&user, sent_ns + 100000 * span_ns), 0);
}

static void user_remove_unstamped_takes_from_its_own_span(void **state) {
	struct user user = {0};
	int64_t sent_ns = 1000 * span_ns;

	user_add_unstamped(&user, sent_ns, 100);
	user_add_unstamped(&user, sent_ns + span_ns, 10);
	user_remove_unstamped(&user, sent_ns, 100);
	assert_int_equal(user_unstamped_bytes(&user, sent_ns + span_ns), 10);
	user_remove_unstamped(&user, sent_ns, 100); /* a second time */
	assert_int_equal(user_unstamped_bytes(&user, sent_ns + span_ns), 10);
}

static void user_remove_unstamped_too_late_takes_nothing(void **state) {
	struct user user = {0};
	int64_t sent_ns = 1000 * span_ns;

	user_add_unstamped(&user, sent_ns, 100);
	user_add_unstamped(&user, sent_ns + 8 * span_ns, 100); /* in the same place */
	user_remove_unstamped(&user, sent_ns, 100);
	assert_int_equal(user_unstamped_bytes(&user, sent_ns + 8 * span_ns), 100);
}

/* --- what must not happen --- */

/* Whether @function ends the process by an assertion. */
static bool dies(void (*function)(struct fixture *), struct fixture *fixture) {
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		const struct rlimit no_core = {0};

		(void)setrlimit(RLIMIT_CORE, &no_core);
		(void)close(STDERR_FILENO);
		function(fixture);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void close_with_a_charge(struct fixture *fixture) {
	struct user *alice = open_session(fixture, ALICE, 0);

	(void)user_charge(alice, &fixture->parts[0], USER_PROBES, 1);
	user_close_session(alice, &fixture->parts[0]);
}

static void release_too_much(struct fixture *fixture) {
	struct user *alice = open_session(fixture, ALICE, 0);

	(void)user_charge(alice, &fixture->parts[0], USER_PROBES, 1);
	user_release(alice, &fixture->parts[0], USER_PROBES, 2);
}

static void end_with_an_owner(struct fixture *fixture) {
	(void)open_session(fixture, ALICE, 0);
	users_deinit(&fixture->users);
}

static void user_account_not_at_zero_is_asserted(void **state) {
	assert_true(dies(close_with_a_charge, *state));
	assert_true(dies(release_too_much, *state));
	assert_true(dies(end_with_an_owner, *state));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_may_log_first_second_fourth),
		cmocka_unit_test(users_may_log_no_more_than_one_a_second_for_long),
		TEST(user_open_session_same_uid_shares_an_account),
		TEST(user_open_session_other_realm_is_another_account),
		TEST(user_open_session_again_finds_the_bucket_as_it_was),
		TEST(user_open_session_over_the_limit_is_refused),
		TEST(user_open_session_new_owner_refused_leaves_no_account),
		TEST(user_open_session_one_owner_never_takes_the_last_connection),
		TEST(user_charge_lone_owner_gets_half),
		TEST(user_charge_limit_is_the_upper_bound),
		TEST(user_charge_smallest_pool_and_limit_serve_one),
		TEST(user_charge_refused_changes_nothing),
		TEST(user_charge_random_requests_follow_the_rule),
		TEST(user_charge_late_owner_finds_room),
		TEST(user_counters_outlive_session_and_owner),
		cmocka_unit_test(user_unstamped_bytes_are_forgotten_when_old),
		cmocka_unit_test(user_remove_unstamped_takes_from_its_own_span),
		cmocka_unit_test(user_remove_unstamped_too_late_takes_nothing),
		TEST(user_account_not_at_zero_is_asserted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
