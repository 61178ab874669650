/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Which helper is tried, what stands in the way, and how a private one is started. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/lib/object.h"
#include "client/lib/spawn.h"
#include "tests/unit/fake_helper.h"

struct fixture {
	struct fake_helper fake;
	struct multiping *multiping;
	uint64_t probe;
};

static struct fixture fixture;

/* One target, one probe of it asked for, nothing connected. */
static int setup(void **state) {
	fake_helper_start(&fixture.fake);
	fixture.multiping = fake_helper_client(&fixture.fake);
	assert_int_equal(multiping_add(fixture.multiping, "127.0.0.1", NULL, NULL), 0);
	assert_int_equal(multiping_ping(fixture.multiping, 0, 0, &fixture.probe), 0);
	*state = &fixture;
	return 0;
}

static int teardown(void **state) {
	unsetenv("MULTIPING_HELPER");
	multiping_free(fixture.multiping);
	fake_helper_stop(&fixture.fake);
	return 0;
}

/* The call fails with -@error and with words, and the probe is lost; both once. */
static void expect_failure(struct fixture *f, int error, const char *words) {
	struct multiping_event event;

	assert_int_equal(multiping_dispatch(f->multiping), -error);
	assert_non_null(strstr(multiping_message(f->multiping), words));
	assert_int_equal(multiping_next_event(f->multiping, &event), 1);
	assert_int_equal(event.type, MULTIPING_EVENT_HELPER_DOWN);
	assert_int_equal(event.result.error, error);
	assert_int_equal(multiping_next_event(f->multiping, &event), 1);
	assert_int_equal(event.result.outcome, MULTIPING_HELPER_LOST);
	assert_int_equal(event.result.probe, f->probe);
	assert_int_equal(multiping_dispatch(f->multiping), 0);
	assert_int_equal(multiping_next_event(f->multiping, &event), 0);
}

static void socket_that_is_not_there_is_an_error(void **state) {
	struct fixture *f = *state;

	unlink(f->fake.path);
	expect_failure(f, ENOENT, f->fake.path);
}

static void socket_where_nobody_listens_is_an_error(void **state) {
	struct fixture *f = *state;

	close(f->fake.listener);
	f->fake.listener = -1;
	expect_failure(f, ECONNREFUSED, "running");
}

/* Dispatches, when it is time, until the client has connected, and turns it away as a full helper does. */
static void turn_away(struct fixture *f) {
	struct pollfd poll_for = {.fd = multiping_fd(f->multiping), .events = POLLIN};
	struct multiping_event event;

	while (f->multiping->connection.state != CONNECTION_GREETING) {
		assert_int_equal(poll(&poll_for, 1, 60000), 1);
		assert_int_equal(multiping_dispatch(f->multiping), 0);
	}
	f->fake.fd = accept4(f->fake.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	fake_helper_say_closing(&f->fake, PROTOCOL_CODE_CONNECTIONS, "32 are open");
	fake_helper_hang_up(&f->fake);
	assert_int_equal(multiping_dispatch(f->multiping), 0);
	assert_int_equal(multiping_next_event(f->multiping, &event), 0);
}

static void helper_that_is_full_is_tried_until_it_has_room(void **state) {
	struct fixture *f = *state;

	for (int i = 0; i < 4; ++i) {
		turn_away(f);
		assert_int_equal(f->multiping->connection.state, CONNECTION_RETRYING);
	}
	while (f->multiping->connection.state != CONNECTION_GREETING) {
		assert_int_equal(multiping_dispatch(f->multiping), 0);
	}
	fake_helper_accept(&f->fake);
	assert_int_equal(multiping_dispatch(f->multiping), 0);
	fake_helper_expect(&f->fake, REQUEST_PING);
}

static void helper_that_stays_full_is_an_error(void **state) {
	struct fixture *f = *state;
	struct pollfd poll_for = {.fd = multiping_fd(f->multiping), .events = POLLIN};

	turn_away(f);
	f->multiping->connection.wait_us = 1;
	assert_int_equal(poll(&poll_for, 1, 60000), 1);
	expect_failure(f, EBUSY, "max_connections in helper.conf");
	assert_int_equal(f->multiping->connection.state, CONNECTION_CLOSED);
}

/* The waiting tries come ever less often, and yet often enough to be there when a place is. */
static void helper_that_is_full_is_tried_ever_less_often(void **state) {
	struct fixture *f = *state;
	int64_t previous_ns = 0;

	for (int i = 0; i < 8; ++i) {
		struct connection *connection = &f->multiping->connection;

		turn_away(f);
		assert_true(connection->backoff_ns >= previous_ns);
		assert_true(connection->backoff_ns <= INT64_C(500000000));
		previous_ns = connection->backoff_ns;
		connection->retry_ns = 0; /* its time has come */
		assert_int_equal(multiping_dispatch(f->multiping), 0);
	}
	assert_int_equal(previous_ns, INT64_C(500000000));
}

static void helper_that_just_ends_is_an_error(void **state) {
	struct fixture *f = *state;

	assert_int_equal(multiping_dispatch(f->multiping), 0);
	f->fake.fd = accept4(f->fake.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	fake_helper_hang_up(&f->fake);
	expect_failure(f, ECONNRESET, "before it had answered");
}

static void helper_that_refuses_hello_is_an_error(void **state) {
	struct fixture *f = *state;

	assert_int_equal(multiping_dispatch(f->multiping), 0);
	f->fake.fd = accept4(f->fake.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	fake_helper_expect(&f->fake, REQUEST_HELLO);
	fake_helper_say_fault(&f->fake, f->fake.request.msgid, PROTOCOL_CODE_PROTOCOL_VERSION,
			      NULL);
	expect_failure(f, EPROTONOSUPPORT, "not so");
}

static void helper_that_does_not_answer_is_not_waited_for_longer(void **state) {
	struct fixture *f = *state;
	struct multiping_config config;
	struct multiping *multiping;

	multiping_config_init(&config);
	config.socket_path = f->fake.path;
	config.helper_wait_us = 1000;
	assert_int_equal(multiping_new(&config, &multiping), 0);
	assert_int_equal(multiping_add(multiping, "127.0.0.1", NULL, NULL), 0);
	assert_int_equal(multiping_send(multiping), 1);
	assert_int_equal(multiping_receive(multiping, -1), -ETIMEDOUT);
	multiping_free(multiping);
}

static void socket_path_too_long_is_refused(void **state) {
	struct multiping_config config;
	struct multiping *multiping;
	char path[CONNECTION_PATH_BYTES + 1];

	memset(path, 'x', sizeof path);
	path[sizeof path - 1] = '\0';
	multiping_config_init(&config);
	config.socket_path = path;
	assert_int_equal(multiping_new(&config, &multiping), -ENAMETOOLONG);
	path[sizeof path - 2] = '\0';
	assert_int_equal(multiping_new(&config, &multiping), 0);
	multiping_free(multiping);
}

static void socket_named_by_the_environment_is_the_only_one(void **state) {
	struct fixture *f = *state;

	assert_int_equal(setenv("MULTIPING_SOCKET", "/nonexistent/of/environment", 1), 0);
	assert_int_equal(setenv("MULTIPING_HELPER", "/bin/false", 1), 0);
	multiping_free(f->multiping);
	assert_int_equal(multiping_new(NULL, &f->multiping), 0);
	unsetenv("MULTIPING_SOCKET");
	unsetenv("MULTIPING_HELPER");
	assert_int_equal(multiping_add(f->multiping, "127.0.0.1", NULL, NULL), 0);
	assert_int_equal(multiping_send(f->multiping), -ENOENT);
	assert_non_null(strstr(multiping_message(f->multiping), "/nonexistent/of/environment"));
	assert_null(strstr(multiping_message(f->multiping), "private"));
}

/* From here on the fixture's socket stands for the default one, and MULTIPING_HELPER for the private helper's path. */
static void take_as_default(struct fixture *f, const char *private_helper) {
	f->multiping->connection.is_named = false;
	assert_int_equal(setenv("MULTIPING_HELPER", private_helper, 1), 0);
}

static void default_socket_not_there_leads_to_the_private_helper(void **state) {
	struct fixture *f = *state;

	take_as_default(f, "/nonexistent/private");
	unlink(f->fake.path);
	expect_failure(f, ENOENT, "/nonexistent/private");
	assert_non_null(
		strstr(multiping_message(f->multiping), f->fake.path)); /* all that was tried */
}

static void default_socket_without_listener_is_waited_for_a_second(void **state) {
	struct fixture *f = *state;
	struct pollfd poll_for = {.fd = multiping_fd(f->multiping), .events = POLLIN};
	int n_tries = 0, r;

	take_as_default(f, "/nonexistent/private");
	close(f->fake.listener);
	f->fake.listener = -1;
	do {
		assert_int_equal(poll(&poll_for, 1, 60000), 1);
		r = multiping_dispatch(f->multiping);
		++n_tries;
	} while (r == 0);
	assert_int_equal(r, -ENOENT); /* of the private helper */
	assert_true(n_tries > 2);
	assert_non_null(strstr(multiping_message(f->multiping), "refused"));
}

static void default_socket_of_this_user_is_trusted(void **state) {
	struct fixture *f = *state;

	take_as_default(f, "/nonexistent/private");
	assert_int_equal(multiping_dispatch(f->multiping), 0);
	fake_helper_accept(&f->fake);
	assert_int_equal(multiping_dispatch(f->multiping), 0);
	fake_helper_expect(&f->fake, REQUEST_PING);
}

static void default_socket_that_was_lost_is_waited_for(void **state) {
	struct fixture *f = *state;

	take_as_default(f, "/bin/false");
	assert_int_equal(multiping_dispatch(f->multiping), 0);
	fake_helper_accept(&f->fake);
	assert_int_equal(multiping_dispatch(f->multiping), 0);
	unlink(f->fake.path);
	fake_helper_hang_up(&f->fake);
	for (int i = 0; i < 10; ++i) { /* however long it takes, there is no private helper */
		assert_int_equal(multiping_dispatch(f->multiping), 0);
		assert_int_equal(f->multiping->connection.state, CONNECTION_RETRYING);
		f->multiping->connection.retry_ns = 1;
	}
	assert_int_equal(f->multiping->connection.n_spawned, 0);
	assert_non_null(strstr(multiping_message(f->multiping), "No such file"));
}

static void default_socket_of_a_stranger_is_not_trusted(void **state) {
	struct fixture *f = *state;

	if (geteuid() != 0) {
		print_message("needs root, to be somebody else for a moment\n");
		skip();
	}
	take_as_default(f, "/nonexistent/private");
	assert_int_equal(seteuid(20001), 0);
	assert_int_equal(listen(f->fake.listener, 8),
			 0); /* whose socket it is shows who listened last */
	assert_int_equal(seteuid(0), 0);
	expect_failure(f, EPERM, "MULTIPING_SOCKET");
}

/* Dispatches until that fails. */
static int await_failure(struct fixture *f) {
	struct pollfd poll_for = {.fd = multiping_fd(f->multiping), .events = POLLIN};
	int r;

	do {
		assert_int_equal(poll(&poll_for, 1, 60000), 1);
		r = multiping_dispatch(f->multiping);
	} while (r == 0);
	return r;
}

static void private_helper_that_ends_at_once_is_an_error(void **state) {
	struct fixture *f = *state;

	take_as_default(f, "/bin/false");
	unlink(f->fake.path);
	assert_int_equal(await_failure(f), -ECONNRESET);
	assert_non_null(strstr(multiping_message(f->multiping), "private helper"));
}

static void private_helper_is_started_anew_three_times_a_minute(void **state) {
	struct fixture *f = *state;
	int64_t *respawned_ns = f->multiping->connection.respawned_ns;

	take_as_default(f, "/bin/false");
	unlink(f->fake.path);
	for (int i = 0; i <= CONNECTION_MAX_RESPAWNS; ++i) {
		assert_int_equal(await_failure(f), -ECONNRESET);
		assert_non_null(strstr(multiping_message(f->multiping), "before it had answered"));
		assert_int_equal(multiping_ping(f->multiping, 0, 0, NULL), 0);
	}
	assert_int_equal(await_failure(f), -ECONNRESET);
	assert_non_null(strstr(multiping_message(f->multiping), "keeps ending"));
	for (int i = 0; i < CONNECTION_MAX_RESPAWNS; ++i) {
		respawned_ns[i] -= INT64_C(60000000000); /* a minute later */
	}
	assert_int_equal(multiping_ping(f->multiping, 0, 0, NULL), 0);
	assert_int_equal(await_failure(f), -ECONNRESET);
	assert_non_null(strstr(multiping_message(f->multiping), "before it had answered"));
}

/* A script that plays a private helper: tells over descriptor 3 what it finds itself with. */
static void write_script(const char *path) {
	static const char script[] =
		"#!/usr/bin/python3 -IB\n"
		"import os, signal, socket\n"
		"fds = [n for n in range(64) if os.path.exists(f'/proc/self/fd/{n}')]\n"
		"nulls = [os.readlink(f'/proc/self/fd/{n}') for n in range(3)]\n"
		"print_to = socket.socket(fileno=3)\n"
		"masked = sorted(int(n) for n in signal.pthread_sigmask(signal.SIG_BLOCK, []))\n"
		"own = {'LC_CTYPE'}\n" /* python sets it by itself */
		"print_to.send(f'{fds} {set(nulls)} {os.getsid(0) == os.getpid()} {masked} '\n"
		"    f'{signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL} '\n"
		"    f'{sorted(set(os.environ) - own)} {os.getppid()}'.encode())\n";
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, script, sizeof script - 1), sizeof script - 1);
	assert_int_equal(close(fd), 0);
}

static void private_helper_gets_nothing_of_ours(void **state) {
	struct fixture *f = *state;
	char path[80], told[512] = "", expected[512];
	int fd, inherited = dup(STDOUT_FILENO); /* without close-on-exec */
	sigset_t usr2, before;

	snprintf(path, sizeof path, "%s/script", f->fake.folder);
	write_script(path);
	signal(SIGUSR1, SIG_IGN);
	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	sigprocmask(SIG_BLOCK, &usr2, &before);
	assert_int_equal(spawn_helper(path, &fd), 0);
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	fcntl(fd, F_SETFL, 0);
	assert_true(recv(fd, told, sizeof told - 1, 0) > 0);
	/* the script's own look into /proc opens none that stays; its parent is whoever takes orphans */
	snprintf(expected, sizeof expected, "[0, 1, 2, 3] {'/dev/null'} True [] True [] ");
	assert_memory_equal(told, expected, strlen(expected));
	assert_int_not_equal(atoi(told + strlen(expected)), getpid());
	assert_int_equal(wait(NULL), -1); /* we have no child */
	assert_int_equal(errno, ECHILD);
	signal(SIGUSR1, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(inherited);
	close(fd);
	unlink(path);
}

static void private_helper_that_cannot_be_started_says_why(void **state) {
	struct fixture *f = *state;
	int fd = -1;

	assert_int_equal(spawn_helper("/nonexistent/helper", &fd), -ENOENT);
	assert_int_equal(spawn_helper(f->fake.folder, &fd), -EACCES);
	assert_int_equal(spawn_helper("sh", &fd), -ENOENT); /* no search of any path */
	assert_int_equal(fd, -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(socket_that_is_not_there_is_an_error),
		TEST(socket_where_nobody_listens_is_an_error),
		TEST(helper_that_is_full_is_tried_until_it_has_room),
		TEST(helper_that_stays_full_is_an_error),
		TEST(helper_that_is_full_is_tried_ever_less_often),
		TEST(helper_that_just_ends_is_an_error),
		TEST(helper_that_refuses_hello_is_an_error),
		TEST(helper_that_does_not_answer_is_not_waited_for_longer),
		TEST(socket_path_too_long_is_refused),
		TEST(socket_named_by_the_environment_is_the_only_one),
		TEST(default_socket_not_there_leads_to_the_private_helper),
		TEST(default_socket_without_listener_is_waited_for_a_second),
		TEST(default_socket_of_this_user_is_trusted),
		TEST(default_socket_that_was_lost_is_waited_for),
		TEST(default_socket_of_a_stranger_is_not_trusted),
		TEST(private_helper_that_ends_at_once_is_an_error),
		TEST(private_helper_is_started_anew_three_times_a_minute),
		TEST(private_helper_gets_nothing_of_ours),
		TEST(private_helper_that_cannot_be_started_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
