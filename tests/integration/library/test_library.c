/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The library as a program uses it, with a real helper: test_library PATTERN runs the tests whose names match. MULTIPING_SOCKET names the
 * helper. test_library.py makes the network: all of 127.0.0.0/8 answers, but for
 *
 *	127.8.0.0/16  every second request only, beginning with the second
 *	127.9.0.0/16  never
 */

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "multiping.h"

enum { SECOND_US = 1000000, N_MANY = 300 };

static struct multiping *new_with_times(int64_t probe_timeout_us, int64_t helper_wait_us) {
	struct multiping_config config;
	struct multiping *multiping;

	multiping_config_init(&config);
	config.probe_timeout_us = probe_timeout_us;
	config.helper_wait_us = helper_wait_us;
	assert_int_equal(multiping_new(&config, &multiping), 0);
	return multiping;
}

static struct multiping *new_with_timeout(int64_t probe_timeout_us) {
	return new_with_times(probe_timeout_us, 10 * SECOND_US);
}

/* Adds @n hosts of @network, "127.1" say. */
static void add_many(struct multiping *multiping, const char *network, size_t n) {
	char host[32];

	for (size_t i = 0; i < n; ++i) {
		snprintf(host, sizeof host, "%s.%zu.%zu", network, i / 250, i % 250 + 1);
		assert_int_equal(multiping_add(multiping, host, NULL, NULL), 0);
	}
}

static struct multiping_result get(const struct multiping *multiping, size_t target) {
	struct multiping_result result;

	assert_int_equal(multiping_get(multiping, target, &result), 0);
	return result;
}

static size_t count(const struct multiping *multiping, enum multiping_outcome outcome) {
	size_t n = 0;

	for (size_t i = 0; i < multiping_n_targets(multiping); ++i) {
		n += get(multiping, i).outcome == outcome;
	}
	return n;
}

static void alive_run_tells_of_each_host_in_its_place(void **state) {
	const char *const hosts[] = {"127.0.0.1", "127.9.0.1", "no..such", "::1",
				     "127.0.0.1", "localhost", "localhost"};
	const enum multiping_outcome expected[] = {
		MULTIPING_REPLY, MULTIPING_TIMEOUT, MULTIPING_NAME_ERROR, MULTIPING_REPLY,
		MULTIPING_REPLY, MULTIPING_REPLY,   MULTIPING_REPLY};
	struct multiping_result *results;
	char message[256];

	assert_int_equal(
		multiping_run(hosts, 7, SECOND_US / 10, 2, NULL, &results, message, sizeof message),
		0);
	for (size_t i = 0; i < 7; ++i) {
		assert_ptr_equal(results[i].name, hosts[i]);
		assert_int_equal(results[i].target, i);
		assert_int_equal(results[i].outcome, expected[i]);
		assert_int_equal(results[i].rtt_ns >= 0, expected[i] == MULTIPING_REPLY);
		assert_int_equal(results[i].n_replies, expected[i] == MULTIPING_REPLY);
	}
	assert_int_equal(results[1].n_sent, 3); /* once, and twice again */
	assert_int_not_equal(results[0].probe,
			     results[4].probe); /* equal addresses are two targets, */
	assert_int_not_equal(results[5].probe, results[6].probe); /* and so are equal names */
	assert_string_equal(results[6].address, "127.0.0.1");
	assert_string_equal(results[2].address, "");
	assert_non_null(strstr(message, "no..such"));
	free(results);
}

static void alive_run_of_nothing_is_nothing(void **state) {
	struct multiping_result *results = NULL;
	char message[8] = "before";

	assert_int_equal(
		multiping_run(NULL, 0, SECOND_US, 0, NULL, &results, message, sizeof message), 0);
	assert_string_equal(message, "");
	free(results);
}

static void alive_run_asks_again_whoever_did_not_answer(void **state) {
	const char *hosts[N_MANY];
	char text[N_MANY][32];
	struct multiping_result *results;

	for (size_t i = 0; i < N_MANY; ++i) {
		snprintf(text[i], sizeof text[i], "127.8.%zu.%zu", i / 250, i % 250 + 1);
		hosts[i] = text[i];
	}
	/* each round halves those left, and one alone is lost once at most: 300 are done after nine or ten */
	assert_int_equal(multiping_run(hosts, N_MANY, SECOND_US / 10, 12, NULL, &results, NULL, 0),
			 0);
	for (size_t i = 0; i < N_MANY; ++i) {
		assert_int_equal(results[i].outcome, MULTIPING_REPLY);
	}
	free(results);
}

static void alive_send_again_asks_only_the_missing(void **state) {
	struct multiping *multiping = new_with_timeout(60 * SECOND_US);

	add_many(multiping, "127.1", N_MANY);
	add_many(multiping, "127.9", N_MANY);
	assert_int_equal(multiping_send(multiping), 2 * N_MANY);
	assert_int_equal(multiping_receive(multiping, SECOND_US / 2), N_MANY);
	assert_int_equal(count(multiping, MULTIPING_SENT), N_MANY);
	assert_int_equal(multiping_send(multiping), N_MANY);
	assert_int_equal(multiping_receive(multiping, SECOND_US / 2), N_MANY);
	for (size_t i = 0; i < N_MANY; ++i) {
		assert_int_equal(get(multiping, i).n_sent, 1);
		assert_int_equal(get(multiping, i).outcome, MULTIPING_REPLY);
		assert_int_equal(get(multiping, N_MANY + i).n_sent, 2);
		assert_int_equal(get(multiping, N_MANY + i).outcome, MULTIPING_SENT);
	}
	multiping_free(multiping);
}

static void alive_reset_begins_a_new_round(void **state) {
	struct multiping *multiping = new_with_timeout(60 * SECOND_US);

	add_many(multiping, "127.1", N_MANY);
	for (int round = 0; round < 5; ++round) {
		assert_int_equal(multiping_send(multiping), N_MANY);
		assert_int_equal(multiping_receive(multiping, -1), 0);
		assert_int_equal(multiping_send(multiping), 0);
		assert_int_equal(multiping_reset(multiping), 0);
		assert_int_equal(count(multiping, MULTIPING_PENDING), N_MANY);
	}
	multiping_free(multiping);
}

/* A program's own loop: a timer of its own beside the library's descriptor, a probe of each of three hosts at each tick. */
struct own_loop {
	struct multiping *multiping;
	int epoll_fd, timer_fd;
	unsigned n_ticks, n_asked, n_outcomes[3];
	uint64_t last_probe;
};

enum { N_TICKS = 20 };

static void own_loop_tick(struct own_loop *loop) {
	uint64_t ticks, probe;

	assert_int_equal(read(loop->timer_fd, &ticks, sizeof ticks), sizeof ticks);
	for (size_t target = 0; target < 3 && loop->n_ticks < N_TICKS; ++target) {
		assert_int_equal(multiping_ping(loop->multiping, target, 0, &probe), 0);
		assert_true(probe > loop->last_probe);
		loop->last_probe = probe;
		++loop->n_asked;
	}
	++loop->n_ticks;
}

static void own_loop_dispatch(struct own_loop *loop) {
	struct multiping_event event;

	assert_int_equal(multiping_dispatch(loop->multiping), 0);
	while (multiping_next_event(loop->multiping, &event)) {
		if (event.type == MULTIPING_EVENT_OUTCOME) {
			assert_int_equal(event.result.outcome, MULTIPING_REPLY);
			assert_ptr_equal(event.context, &loop->n_outcomes[event.result.target]);
			++*(unsigned *)event.context;
		}
	}
}

static void own_loop_turn(struct own_loop *loop) {
	struct epoll_event ready[2];
	int n = epoll_wait(loop->epoll_fd, ready, 2, 60000);

	assert_true(n > 0);
	for (int i = 0; i < n; ++i) {
		if (ready[i].data.fd == loop->timer_fd) {
			own_loop_tick(loop);
		} else {
			own_loop_dispatch(loop);
		}
	}
}

static void own_loop_watch(struct own_loop *loop, int fd) {
	struct epoll_event interest = {.events = EPOLLIN, .data.fd = fd};

	assert_int_equal(epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &interest), 0);
}

static void alive_own_loop_gets_each_outcome_once(void **state) {
	const struct itimerspec period = {.it_value.tv_nsec = 1, .it_interval.tv_nsec = 5000000};
	const char *const hosts[] = {"127.0.0.1", "::1", "localhost"};
	struct own_loop loop = {.multiping = new_with_timeout(60 * SECOND_US)};

	loop.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	assert_int_equal(timerfd_settime(loop.timer_fd, 0, &period, NULL), 0);
	own_loop_watch(&loop, loop.timer_fd);
	own_loop_watch(&loop, multiping_fd(loop.multiping));
	for (size_t i = 0; i < 3; ++i) {
		assert_int_equal(multiping_add(loop.multiping, hosts[i], &loop.n_outcomes[i], NULL),
				 0);
	}
	while (loop.n_outcomes[0] + loop.n_outcomes[1] + loop.n_outcomes[2] < 3 * N_TICKS) {
		own_loop_turn(&loop);
	}
	for (size_t i = 0; i < 3; ++i) {
		assert_int_equal(loop.n_outcomes[i], N_TICKS);
	}
	multiping_free(loop.multiping);
	close(loop.timer_fd);
	close(loop.epoll_fd);
}

static void alive_cancel_ends_a_probe_early(void **state) {
	struct multiping *multiping = new_with_timeout(60 * SECOND_US);
	struct pollfd poll_for = {.fd = multiping_fd(multiping), .events = POLLIN};
	struct multiping_event event = {0};
	uint64_t probe;

	assert_int_equal(multiping_add(multiping, "127.9.0.1", NULL, NULL), 0);
	assert_int_equal(multiping_ping(multiping, 0, 0, &probe), 0);
	while (event.type != MULTIPING_EVENT_OUTCOME) {
		assert_int_equal(poll(&poll_for, 1, 60000), 1);
		assert_int_equal(multiping_dispatch(multiping), 0);
		while (event.type != MULTIPING_EVENT_OUTCOME &&
		       multiping_next_event(multiping, &event)) {
			if (event.type == MULTIPING_EVENT_HELPER_UP) {
				assert_int_equal(multiping_cancel(multiping, probe), 0);
			}
		}
	}
	assert_int_equal(event.result.outcome, MULTIPING_CANCELLED);
	assert_int_equal(event.result.probe, probe);
	multiping_free(multiping);
}

static size_t count_entries(const char *path) {
	DIR *folder = opendir(path);
	size_t n = 0;

	assert_non_null(folder);
	while (readdir(folder)) {
		++n;
	}
	closedir(folder);
	return n;
}

/* Once no thread is left: one that resolves names ends after its object, and closes a descriptor then. */
static size_t count_descriptors(void) {
	for (int i = 0; i < 1000 && count_entries("/proc/self/task") > 2 + 1; ++i) {
		usleep(10000);
	}
	return count_entries("/proc/self/fd");
}

static void alive_free_leaves_no_descriptor_and_no_child(void **state) {
	size_t n_before = count_descriptors();

	for (int i = 0; i < 20; ++i) {
		struct multiping *multiping = new_with_timeout(60 * SECOND_US);

		add_many(multiping, "127.9", 10); /* open while it is freed */
		assert_int_equal(multiping_send(multiping), 10);
		assert_int_equal(multiping_receive(multiping, 1), 10);
		assert_null(multiping_free(multiping));
	}
	assert_int_equal(count_descriptors(), n_before);
	assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static int64_t now_us(void) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* The helper's limit is 200 packets a second, so that 300 take more than a second. */
static void limited_receive_never_calls_silent_who_was_not_sent(void **state) {
	struct multiping *multiping = new_with_timeout(60 * SECOND_US);
	int64_t begin_us = now_us();

	add_many(multiping, "127.1", N_MANY);
	assert_int_equal(multiping_send(multiping), N_MANY);
	assert_int_equal(multiping_receive(multiping, SECOND_US / 5), 0);
	assert_true(now_us() - begin_us > SECOND_US);
	multiping_free(multiping);
}

static void limited_run_is_longer_and_loses_nobody(void **state) {
	const char *hosts[N_MANY];
	struct multiping_result *results;

	for (size_t i = 0; i < N_MANY; ++i) {
		hosts[i] = i % 2 ? "127.0.0.1" : "::1";
	}
	assert_int_equal(multiping_run(hosts, N_MANY, SECOND_US / 2, 0, NULL, &results, NULL, 0),
			 0);
	for (size_t i = 0; i < N_MANY; ++i) {
		assert_int_equal(results[i].outcome, MULTIPING_REPLY);
		assert_true(results[i].rtt_ns < results[i].queued_us * 1000 || i < 50);
	}
	free(results);
}

static void limited_silent_hosts_are_pending_until_sent(void **state) {
	struct multiping *multiping = new_with_timeout(60 * SECOND_US);
	struct multiping_event event;
	struct pollfd poll_for = {.fd = multiping_fd(multiping), .events = POLLIN};

	add_many(multiping, "127.9", N_MANY);
	assert_int_equal(multiping_send(multiping), N_MANY);
	for (int i = 0; i < 5; ++i) { /* connected, and asked: but few can have been sent yet */
		poll(&poll_for, 1, 10);
		assert_int_equal(multiping_dispatch(multiping), 0);
		while (multiping_next_event(multiping, &event)) {
		}
	}
	assert_true(count(multiping, MULTIPING_PENDING) > 0);
	assert_int_equal(multiping_receive(multiping, SECOND_US / 5), N_MANY);
	assert_int_equal(count(multiping, MULTIPING_PENDING), 0);
	assert_int_equal(count(multiping, MULTIPING_SENT), N_MANY);
	multiping_free(multiping);
}

/* The helper dies in the middle; HELPER_PID says which. */
static void kill_helper(void) {
	const char *pid = getenv("HELPER_PID");

	assert_non_null(pid);
	assert_int_equal(kill(atoi(pid), SIGKILL), 0);
}

static void lost_events_tell_each_outcome_once(void **state) {
	struct multiping *multiping = new_with_times(60 * SECOND_US, 0);
	struct pollfd poll_for = {.fd = multiping_fd(multiping), .events = POLLIN};
	unsigned n_outcomes[2 * N_MANY] = {0}, n_replies = 0, n_lost = 0;
	struct multiping_event event;

	add_many(multiping, "127.1", N_MANY);
	add_many(multiping, "127.9", N_MANY);
	for (size_t i = 0; i < 2 * N_MANY; ++i) {
		assert_int_equal(multiping_ping(multiping, i, 0, NULL), 0);
	}
	while (n_replies + n_lost < 2 * N_MANY) {
		assert_int_equal(poll(&poll_for, 1, 60000), 1);
		assert_int_equal(multiping_dispatch(multiping), 0);
		while (multiping_next_event(multiping, &event)) {
			if (event.type != MULTIPING_EVENT_OUTCOME) {
				continue;
			}
			assert_int_equal(++n_outcomes[event.result.target], 1);
			n_lost += event.result.outcome == MULTIPING_HELPER_LOST;
			n_replies += event.result.outcome == MULTIPING_REPLY;
			if (n_replies == 10 && n_lost == 0 &&
			    event.result.outcome == MULTIPING_REPLY) {
				kill_helper();
			}
		}
	}
	assert_true(n_lost >= N_MANY);
	assert_true(n_replies >= 10);
	assert_string_not_equal(multiping_message(multiping), "");
	multiping_free(multiping);
}

static void lost_receive_returns_with_what_it_has(void **state) {
	struct multiping *multiping = new_with_times(60 * SECOND_US, 0);
	int r;

	add_many(multiping, "127.1", N_MANY);
	add_many(multiping, "127.9", N_MANY);
	assert_int_equal(multiping_send(multiping), 2 * N_MANY);
	assert_int_equal(multiping_receive(multiping, SECOND_US / 2), N_MANY);
	kill_helper();
	assert_int_equal(multiping_receive(multiping, -1), N_MANY); /* not for a minute */
	assert_int_equal(count(multiping, MULTIPING_REPLY), N_MANY);
	assert_int_equal(count(multiping, MULTIPING_HELPER_LOST), N_MANY);
	while ((r = multiping_send(multiping)) >=
	       0) { /* its listening socket goes a moment later */
		assert_int_equal(r, N_MANY);
		multiping_receive(multiping, -1);
	}
	assert_int_equal(r, -ECONNREFUSED); /* nobody listens any more */
	multiping_free(multiping);
}

static void lost_is_what_no_helper_came_back_for(void **state) {
	struct multiping *multiping = new_with_times(60 * SECOND_US, SECOND_US / 2);
	int64_t begin_us;

	add_many(multiping, "127.9", N_MANY);
	assert_int_equal(multiping_send(multiping), N_MANY);
	assert_int_equal(multiping_receive(multiping, 0), N_MANY);
	kill_helper();
	begin_us = now_us();
	assert_int_equal(multiping_receive(multiping, -1), N_MANY);
	assert_true(now_us() - begin_us >= SECOND_US / 2);
	assert_int_equal(count(multiping, MULTIPING_HELPER_LOST), N_MANY);
	assert_int_equal(get(multiping, 0).error, ECONNREFUSED);
	assert_int_equal(get(multiping, 0).n_sent, 0); /* as far as anybody knows */
	multiping_free(multiping);
}

/* The value of a counter; UINT64_MAX: there is none of that name. */
static uint64_t counter(struct multiping *multiping, enum multiping_stats_scope scope,
			const char *name) {
	struct multiping_counter *counters;
	uint64_t value = UINT64_MAX;
	size_t n;

	assert_int_equal(multiping_stats(multiping, scope, &counters, &n), 0);
	for (size_t i = 0; i < n; ++i) {
		value = strcmp(counters[i].name, name) == 0 ? counters[i].value : value;
	}
	free(counters);
	return value;
}

static void alive_stats_count_what_was_asked(void **state) {
	struct multiping *multiping = new_with_timeout(60 * SECOND_US), *other;
	struct multiping_helper helper = {.struct_bytes = sizeof helper};

	add_many(multiping, "127.1", N_MANY);
	assert_int_equal(counter(multiping, MULTIPING_STATS_SESSION, "replies"), 0);
	assert_int_equal(multiping_send(multiping), N_MANY);
	assert_int_equal(multiping_receive(multiping, -1), 0);
	assert_int_equal(counter(multiping, MULTIPING_STATS_SESSION, "replies"), N_MANY);
	other = new_with_timeout(60 * SECOND_US);
	assert_int_equal(counter(other, MULTIPING_STATS_SESSION, "replies"), 0);
	assert_true(counter(other, MULTIPING_STATS_HELPER, "replies") >= N_MANY);
	assert_true(counter(other, MULTIPING_STATS_OWNER, "connections") >= 2);
	assert_int_equal(counter(other, MULTIPING_STATS_SESSION, "no_such_counter"), UINT64_MAX);
	assert_int_equal(multiping_get_helper(other, &helper), 0);
	assert_int_equal(strncmp(helper.helper, "multiping-helper ", 17), 0);
	assert_true(helper.namespace_inode != 0 && !helper.is_private);
	multiping_free(other);
	multiping_free(multiping);
}

int main(int argc, char **argv) {
	const struct CMUnitTest tests[] = {
		/* first: a lookup of names in another test may still be closing its descriptor */
		cmocka_unit_test(alive_free_leaves_no_descriptor_and_no_child),
		cmocka_unit_test(alive_run_tells_of_each_host_in_its_place),
		cmocka_unit_test(alive_run_of_nothing_is_nothing),
		cmocka_unit_test(alive_run_asks_again_whoever_did_not_answer),
		cmocka_unit_test(alive_send_again_asks_only_the_missing),
		cmocka_unit_test(alive_reset_begins_a_new_round),
		cmocka_unit_test(alive_own_loop_gets_each_outcome_once),
		cmocka_unit_test(alive_cancel_ends_a_probe_early),
		cmocka_unit_test(alive_stats_count_what_was_asked),
		cmocka_unit_test(limited_receive_never_calls_silent_who_was_not_sent),
		cmocka_unit_test(limited_run_is_longer_and_loses_nobody),
		cmocka_unit_test(limited_silent_hosts_are_pending_until_sent),
		cmocka_unit_test(lost_events_tell_each_outcome_once),
		cmocka_unit_test(lost_receive_returns_with_what_it_has),
		cmocka_unit_test(lost_is_what_no_helper_came_back_for),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: test_library PATTERN\n");
		return 2;
	}
	cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
