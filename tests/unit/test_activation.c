/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/activation.h"

static const char *const variables[] = {"LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES",
					"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};

static int forget(void **state) {
	for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
		assert_int_equal(unsetenv(variables[i]), 0);
	}
	return 0;
}

static void say(const char *variable, const char *value) {
	assert_int_equal(setenv(variable, value, 1), 0);
}

static void say_pid(const char *variable, pid_t pid) {
	char text[16];

	(void)snprintf(text, sizeof text, "%d", pid);
	say(variable, text);
}

static struct activation read_well(void) {
	struct activation activation;
	struct reason reason;

	assert_int_equal(activation_read(&activation, &reason), 0);
	return activation;
}

static void assert_refused(const char *words) {
	struct activation activation;
	struct reason reason;

	assert_int_equal(activation_read(&activation, &reason), ACTIVATION_E_REFUSED);
	assert_non_null(strstr(reason.text, words));
}

static void read_nothing_is_nothing(void **state) {
	struct activation activation = read_well();

	assert_int_equal(activation.n_listeners, 0);
	assert_int_equal(activation.n_manager_bytes, 0);
	assert_int_equal(activation.watchdog_ns, 0);
}

/* --- sockets --- */

static void listeners_as_many_as_there_is_room_for(void **state) {
	static const struct {
		const char *value;
		int n_listeners;
	} cases[] = {{"0", 0}, {"1", 1}, {"7", 7}, {"8", 8}};

	say_pid("LISTEN_PID", getpid());
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		say("LISTEN_FDS", cases[i].value);
		assert_int_equal(read_well().n_listeners, cases[i].n_listeners);
	}
	say("LISTEN_FDS", "9");
	assert_refused("LISTEN_FDS=9: at most 8");
}

static void listeners_of_another_process_are_none(void **state) {
	say("LISTEN_FDS", "1");
	assert_int_equal(read_well().n_listeners, 0); /* whose, nobody says */
	say_pid("LISTEN_PID", getppid());
	assert_int_equal(read_well().n_listeners, 0);
	say("LISTEN_PID", "");
	assert_int_equal(read_well().n_listeners, 0);
	say_pid("LISTEN_PID", getpid());
	assert_int_equal(read_well().n_listeners, 1);
}

static void listeners_have_their_names(void **state) {
	struct activation activation;

	say_pid("LISTEN_PID", getpid());
	say("LISTEN_FDS", "3");
	say("LISTEN_FDNAMES", "helper::container");
	activation = read_well();
	assert_string_equal(activation.names[0], "helper");
	assert_string_equal(activation.names[1], "");
	assert_string_equal(activation.names[2], "container");

	say("LISTEN_FDNAMES", "helper:container");
	assert_refused("each of 3");
	say("LISTEN_FDNAMES", "helper::container:");
	assert_refused("each of 3");
}

static void listener_name_of_greatest_length(void **state) {
	char name[ACTIVATION_NAME_BYTES + 1];

	memset(name, 'x', sizeof name);
	say_pid("LISTEN_PID", getpid());
	say("LISTEN_FDS", "1");
	name[ACTIVATION_NAME_BYTES] = '\0';
	say("LISTEN_FDNAMES", name);
	assert_refused("LISTEN_FDNAMES");
	name[ACTIVATION_NAME_BYTES - 1] = '\0';
	say("LISTEN_FDNAMES", name);
	assert_string_equal(read_well().names[0], name);
}

/* --- news --- */

static void manager_at_a_path(void **state) {
	struct activation activation;

	say("NOTIFY_SOCKET", "/run/n");
	activation = read_well();
	assert_int_equal(activation.manager.sun_family, AF_UNIX);
	assert_string_equal(activation.manager.sun_path, "/run/n");
	assert_int_equal(activation.n_manager_bytes, sizeof(sa_family_t) + sizeof "/run/n");
}

static void manager_in_the_abstract_namespace(void **state) {
	struct activation activation;

	say("NOTIFY_SOCKET", "@run/n");
	activation = read_well();
	assert_memory_equal(activation.manager.sun_path, "\0run/n", 6);
	assert_int_equal(activation.n_manager_bytes, sizeof(sa_family_t) + 6); /* no zero byte */
}

static void manager_at_the_longest_path(void **state) {
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];

	memset(path, '/', sizeof path);
	path[sizeof path - 1] = '\0'; /* its zero byte finds no room */
	say("NOTIFY_SOCKET", path);
	assert_refused("neither an absolute path");
	path[sizeof path - 2] = '\0';
	say("NOTIFY_SOCKET", path);
	assert_int_equal(read_well().n_manager_bytes, sizeof(struct sockaddr_un));
}

static void tell_reaches_the_manager(void **state) {
	struct sockaddr_un unnamed = {.sun_family = AF_UNIX}; /* the kernel finds a name */
	struct activation activation = {.n_manager_bytes = sizeof activation.manager};
	int low = socket(AF_UNIX, SOCK_DGRAM, 0), fd = fcntl(low, F_DUPFD_CLOEXEC, 10);
	char heard[16] = "";

	(void)close(low); /* which may have been DESCRIPTOR_MANAGER */
	assert_int_equal(bind(fd, (struct sockaddr *)&unnamed, sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&activation.manager,
				     &activation.n_manager_bytes),
			 0);
	assert_int_equal(activation_connect(&activation), 0);
	activation_tell("READY=1");
	assert_int_equal(recv(fd, heard, sizeof heard, MSG_DONTWAIT), 7);
	assert_string_equal(heard, "READY=1");
	(void)close(DESCRIPTOR_MANAGER);
	(void)close(fd);
}

static void connect_to_nobody_fails(void **state) {
	struct activation activation;

	say("NOTIFY_SOCKET", "/proc/self/nobody");
	activation = read_well();
	assert_int_equal(activation_connect(&activation), -ENOENT);
}

/* --- watchdog --- */

static void watchdog_in_microseconds(void **state) {
	say("WATCHDOG_USEC", "10000000");
	assert_int_equal(read_well().watchdog_ns, INT64_C(10000000000));
	say_pid("WATCHDOG_PID", getpid());
	assert_int_equal(read_well().watchdog_ns, INT64_C(10000000000));
	say_pid("WATCHDOG_PID", getppid());
	assert_int_equal(read_well().watchdog_ns, 0);
}

static void watchdog_greatest_interval(void **state) {
	say("WATCHDOG_USEC", "9223372036854775");
	assert_int_equal(read_well().watchdog_ns, INT64_C(9223372036854775000));
	say("WATCHDOG_USEC", "9223372036854776");
	assert_refused("WATCHDOG_USEC=9223372036854776");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, forget, forget)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(read_nothing_is_nothing),
		TEST(listeners_as_many_as_there_is_room_for),
		TEST(listeners_of_another_process_are_none),
		TEST(listeners_have_their_names),
		TEST(listener_name_of_greatest_length),
		TEST(manager_at_a_path),
		TEST(manager_in_the_abstract_namespace),
		TEST(manager_at_the_longest_path),
		TEST(tell_reaches_the_manager),
		TEST(connect_to_nobody_fails),
		TEST(watchdog_in_microseconds),
		TEST(watchdog_greatest_interval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
