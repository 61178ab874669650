/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Each test makes a child whose surroundings a hostile parent has prepared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/descriptors.h"
#include "helper/surroundings.h"

extern char **environ;

/* In a child, ends it with the line of a condition that does not hold; zero is success. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			_exit(__LINE__ % 255 + 1);                                                 \
		}                                                                                  \
	} while (0)

static void assert_child_succeeds(void (*work)(void)) {
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		work();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != 0) {
		fail_msg("MUST() of line %d, modulo 255", WEXITSTATUS(status) - 1);
	}
}

static bool is_null(int fd) {
	struct stat null, status;

	return stat("/dev/null", &null) == 0 && fstat(fd, &status) == 0 &&
	       null.st_rdev == status.st_rdev && S_ISCHR(status.st_mode);
}

static bool is_open(int fd) {
	return fcntl(fd, F_GETFD) >= 0;
}

/* --- what is inherited --- */

static void child_with_state(void) {
	const struct itimerval soon = {.it_value.tv_sec = 3600};
	struct itimerval timer;
	struct sigaction action;
	struct reason reason;
	struct rlimit limit;
	sigset_t all;

	MUST(setenv("LD_PRELOAD", "evil.so", 1) == 0 && chdir("/tmp") == 0);
	MUST(sigfillset(&all) == 0 && sigprocmask(SIG_BLOCK, &all, NULL) == 0);
	MUST(signal(SIGTERM, SIG_IGN) != SIG_ERR && signal(SIGSEGV, SIG_IGN) != SIG_ERR);
	MUST(setitimer(ITIMER_REAL, &soon, NULL) == 0);
	(void)umask(0);

	MUST(surroundings_clean(false, 0, &reason) == 0);
	MUST(!environ || !*environ);
	MUST(sigprocmask(SIG_SETMASK, NULL, &all) == 0 && sigisemptyset(&all));
	MUST(sigaction(SIGTERM, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
	MUST(sigaction(SIGSEGV, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
	MUST(getitimer(ITIMER_REAL, &timer) == 0 && timer.it_value.tv_sec == 0);
	MUST(umask(0) == 077);
	MUST(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0);
	MUST(strcmp(getcwd((char[100]){0}, 100), "/") == 0);
}

static void clean_resets_state(void **state) {
	assert_child_succeeds(child_with_state);
}

static void child_with_few_descriptors(void) {
	struct rlimit limit = {10, 4096};
	struct reason reason;

	MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	MUST(surroundings_clean(false, 0, &reason) == 0);
	MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == DESCRIPTOR_LIMIT);
}

static void clean_raises_number_of_descriptors(void **state) {
	assert_child_succeeds(child_with_few_descriptors);
}

static void child_with_too_few_descriptors(void) {
	const struct rlimit limit = {10, DESCRIPTOR_LIMIT - 1};
	struct reason reason;

	MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	if (geteuid() == 0) {
		MUST(setresuid(61999, 61999, 61999) == 0); /* root may raise it */
	}
	MUST(surroundings_clean(false, 0, &reason) == -EPERM);
	MUST(strstr(reason.text, "RLIMIT_NOFILE"));
}

static void clean_without_enough_descriptors_fails(void **state) {
	assert_child_succeeds(child_with_too_few_descriptors);
}

/* --- descriptors --- */

static void child_shared_with_descriptors(void) {
	struct reason reason;

	MUST(dup2(2, 3) == 3 && dup2(2, 40) == 40 && dup2(2, 500) == 500);
	(void)close(0);
	MUST(surroundings_clean(false, 0, &reason) == 0);
	MUST(is_null(0) && is_null(1) && is_open(2));
	MUST(!is_open(3) && !is_open(40) && !is_open(500));
}

static void clean_shared_keeps_the_log_alone(void **state) {
	assert_child_succeeds(child_shared_with_descriptors);
}

static void child_with_listeners(void) {
	struct reason reason;
	int ends[2];
	char byte;

	for (int fd = 3; fd < 12; fd++) { /* one more than is told */
		MUST(pipe2(ends, O_NONBLOCK) == 0 && write(ends[1], &fd, 1) == 1);
		MUST(dup2(ends[0], 100 + fd) == 100 + fd);
		(void)close(ends[0]);
		(void)close(ends[1]);
	}
	for (int fd = 3; fd < 12; fd++) {
		MUST(dup2(100 + fd, fd) == fd);
	}
	MUST(surroundings_clean(false, 8, &reason) == 0);
	for (int fd = 3; fd < 600; fd++) {
		MUST(is_open(fd) ==
		     (fd >= DESCRIPTOR_FIRST_LISTENER && fd <= DESCRIPTOR_LAST_LISTENER));
	}
	for (int fd = DESCRIPTOR_FIRST_LISTENER; fd <= DESCRIPTOR_LAST_LISTENER; fd++) {
		MUST(read(fd, &byte, 1) == 1 && byte == fd - DESCRIPTOR_FIRST_LISTENER + 3);
		MUST(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	}
}

static void clean_shared_moves_what_was_handed_down(void **state) {
	assert_child_succeeds(child_with_listeners);
}

static void child_without_log(void) {
	struct reason reason;

	(void)close(0);
	(void)close(1);
	(void)close(2);
	MUST(surroundings_clean(false, 0, &reason) == 0);
	MUST(is_null(0) && is_null(1) && is_null(2) && !is_open(3));
}

static void clean_closed_standard_descriptors_are_filled(void **state) {
	assert_child_succeeds(child_without_log);
}

static void child_log_is_pipe(void) {
	int ends[2];
	struct reason reason;

	MUST(pipe(ends) == 0 && dup2(ends[1], 2) == 2 && dup2(ends[1], 7) == 7);
	MUST(surroundings_clean(false, 0, &reason) == 0);
	MUST(fcntl(2, F_GETFL) & O_NONBLOCK);
}

static void clean_log_on_a_pipe_never_waits(void **state) {
	int ends[2];

	assert_child_succeeds(child_log_is_pipe);
	assert_int_equal(pipe(ends),
			 0); /* nor do others who write to the same pipe lose their waiting */
	if (fork() == 0) {
		struct reason reason;

		(void)dup2(ends[1], 2);
		_exit(surroundings_clean(false, 0, &reason) == 0 ? 0 : 1);
	}
	assert_true(wait(NULL) > 0);
	assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void child_private(void) {
	int ends[2];
	struct reason reason;
	char byte;

	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
	MUST(dup2(ends[0], 9) == 9 && dup2(ends[1], DESCRIPTOR_PARENT) == DESCRIPTOR_PARENT);
	MUST(dup2(2, 64) == 64 && dup2(2, 65) == 65 && write(9, "x", 1) == 1);
	MUST(surroundings_have_client());
	MUST(surroundings_clean(true, 0, &reason) == 0);
	MUST(is_null(0) && is_null(1) && is_null(2));
	for (int fd = DESCRIPTOR_PARENT; fd < 600; fd++) {
		MUST(is_open(fd) == (fd == DESCRIPTOR_FIRST_CLIENT));
	}
	MUST(recv(DESCRIPTOR_FIRST_CLIENT, &byte, 1, 0) == 1 && byte == 'x');
}

static void clean_private_keeps_the_client_alone(void **state) {
	assert_child_succeeds(child_private);
}

static void child_with_wrong_clients(void) {
	int ends[2];

	(void)close(DESCRIPTOR_PARENT);
	MUST(!surroundings_have_client());
	MUST(dup2(open("/dev/null", O_RDWR), DESCRIPTOR_PARENT) >= 0 &&
	     !surroundings_have_client());
	MUST(pipe(ends) == 0 && dup2(ends[1], DESCRIPTOR_PARENT) >= 0 &&
	     !surroundings_have_client());
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	MUST(dup2(ends[1], DESCRIPTOR_PARENT) >= 0 && !surroundings_have_client());
	MUST(dup2(socket(AF_INET, SOCK_STREAM, 0), DESCRIPTOR_PARENT) >= 0);
	MUST(!surroundings_have_client());
	MUST(dup2(socket(AF_UNIX, SOCK_SEQPACKET, 0), DESCRIPTOR_PARENT) >= 0); /* not connected */
	MUST(!surroundings_have_client());
}

static void have_client_of_another_kind_is_false(void **state) {
	assert_child_succeeds(child_with_wrong_clients);
}

static void child_takes_signal(void) {
	struct reason reason;

	MUST(surroundings_clean(false, 0, &reason) == 0 && surroundings_take_signals() == 0);
	MUST(raise(SIGTERM) == 0); /* would end it */
	MUST(read(DESCRIPTOR_SIGNAL, (char[128]){0}, 128) == 128);
}

static void take_signals_can_be_read(void **state) {
	assert_child_succeeds(child_takes_signal);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_resets_state),
		cmocka_unit_test(clean_raises_number_of_descriptors),
		cmocka_unit_test(clean_without_enough_descriptors_fails),
		cmocka_unit_test(clean_shared_keeps_the_log_alone),
		cmocka_unit_test(clean_shared_moves_what_was_handed_down),
		cmocka_unit_test(clean_closed_standard_descriptors_are_filled),
		cmocka_unit_test(clean_log_on_a_pipe_never_waits),
		cmocka_unit_test(clean_private_keeps_the_client_alone),
		cmocka_unit_test(have_client_of_another_kind_is_false),
		cmocka_unit_test(take_signals_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
