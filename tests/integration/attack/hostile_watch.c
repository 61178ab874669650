/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/attack/hostile_watch.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	EXIT_NOT_STARTED = 125,
	FIRST_STOLEN = 3,
	LAST_STOLEN = 40,   /* all numbers of the helper's own sockets */
	EAGER_ROUNDS = 400, /* stop and go without a break: more than a start takes */
	BREAK_US = 5000,    /* afterwards */
};

/* Returns when the child has become the helper: its end of a pipe closes in the execve. */
static pid_t start_helper(const struct helper_start *start, bool is_traced) {
	int became[2];
	char byte;
	pid_t child;

	if (pipe2(became, O_CLOEXEC) < 0 || (child = fork()) < 0) {
		err(EXIT_NOT_STARTED, "fork");
	}
	if (child == 0) {
		if (is_traced && ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0) {
			_exit(EXIT_NOT_STARTED);
		}
		execve(start->program, start->arguments, start->environment);
		_exit(EXIT_NOT_STARTED);
	}
	(void)close(became[1]);
	(void)close(FIRST_STOLEN); /* the client shall see the helper's end as its own */
	(void)!read(became[0], &byte, 1);
	(void)close(became[0]);
	return child;
}

static int status_of(int status) {
	if (WIFSIGNALED(status) && WCOREDUMP(status)) {
		(void)printf("a core\n");
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* --- theft --- */

static unsigned n_thefts, n_tries;

static void count(const char *what, bool got_it) {
	n_tries++;
	if (got_it) {
		n_thefts++;
		(void)printf("stolen: %s\n", what);
	}
}

static void steal_descriptors(pid_t helper, int pidfd) {
	char path[64];

	for (int number = FIRST_STOLEN; number <= LAST_STOLEN; number++) {
		int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);

		count("descriptor", fd >= 0);
		if (fd >= 0) {
			(void)close(fd);
		}
		(void)snprintf(path, sizeof path, "/proc/%d/fd/%d", helper, number);
		count("link to a descriptor", readlink(path, (char[64]){0}, 64) >= 0);
	}
}

/* At what is memory in us: where there is none in the helper, the kernel says EIO. Of one that has ended it says nothing, and gives
 * nothing. */
static bool can_read(const char *path) {
	int fd = open(path, O_RDONLY);
	char byte;
	ssize_t n = pread(fd, &byte, 1, strstr(path, "/mem") ? (off_t)(uintptr_t)&n_tries : 0);
	bool got_it = n > 0 || (n < 0 && errno == EIO);

	(void)close(fd);
	return got_it;
}

static void steal_memory(pid_t helper) {
	static const char *const files[] = {"mem", "maps", "environ", "auxv", "stack"};
	char path[64], here = 0;
	const struct iovec ours = {&here, 1}, theirs = {&n_tries, 1};

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		(void)snprintf(path, sizeof path, "/proc/%d/%s", helper, files[i]);
		count(files[i], can_read(path));
	}
	count("memory", process_vm_readv(helper, &ours, 1, &theirs, 1, 0) >= 0 || errno == EFAULT);
}

static void steal_control(pid_t helper) {
	bool got_it = ptrace(PTRACE_SEIZE, helper, NULL, NULL) == 0;

	count("control", got_it);
	if (got_it) {
		(void)ptrace(PTRACE_INTERRUPT, helper, NULL, NULL);
		(void)waitpid(helper, NULL, __WALL);
		(void)ptrace(PTRACE_DETACH, helper, NULL, NULL);
	}
}

/* A thief who has the capability himself needs not steal. */
static void drop_capabilities(void) {
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    syscall(SYS_capset, &header, none) < 0) {
		err(EXIT_NOT_STARTED, "capset");
	}
}

int watch_and_steal(const struct helper_start *start) {
	pid_t helper = start_helper(start, false);
	int pidfd = (int)syscall(SYS_pidfd_open, helper, 0);
	int status;

	drop_capabilities();
	if (pidfd < 0) {
		err(EXIT_NOT_STARTED, "pidfd_open");
	}
	for (unsigned round = 0; waitpid(helper, &status, WNOHANG) == 0; round++) {
		(void)kill(helper, SIGSTOP);
		steal_descriptors(helper, pidfd);
		steal_memory(helper);
		steal_control(helper);
		(void)kill(helper, SIGCONT);
		(void)usleep(round < EAGER_ROUNDS ? round % 64 : BREAK_US);
	}
	(void)printf("tries %u thefts %u\n", n_tries, n_thefts);
	return status_of(status);
}

/* --- the others --- */

/* Who is traced when it becomes the helper may be made to do anything: the kernel must give it nothing. */
int watch_and_trace(const struct helper_start *start) {
	pid_t helper = start_helper(start, true);
	unsigned n_stops = 0;
	int status = 0;

	while (waitpid(helper, &status, 0) == helper && WIFSTOPPED(status)) {
		int number = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);

		n_stops++;
		(void)ptrace(PTRACE_CONT, helper, NULL, number);
	}
	(void)printf("stops %u\n", n_stops);
	return status_of(status);
}

int watch_and_wait(const struct helper_start *start) {
	pid_t helper = start_helper(start, false);
	int status = 0;

	(void)waitpid(helper, &status, 0);
	return status_of(status);
}

int watch_and_kill(const struct helper_start *start) {
	unsigned after_us = (unsigned)strtoul(start->value ? start->value : "0", NULL, 10);
	pid_t helper = start_helper(start, false);
	int status;

	(void)usleep(after_us);
	(void)kill(helper, SIGKILL);
	(void)waitpid(helper, &status, 0);
	return status_of(status);
}
