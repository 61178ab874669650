/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A library must not give its program a child: a SIGCHLD it does not expect, a wait(2) that returns
 * a stranger, a zombie. So the helper is started by a go-between that ends at once, and the
 * go-between is made by clone(2) with no signal to send at its end, which hides it from wait(2)
 * too. Between clone and execve only system calls are made: other threads may hold any lock. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "client/lib/cleanup.h"
#include "client/lib/spawn.h"

enum {
	SPAWN_SOCKET = 3, /* where the helper looks for it */
	SPAWN_STATUS = 4, /* closed by a successful execve */
	SPAWN_ABOVE = 16, /* out of the way while 0 to 4 are filled */
};

/* A fork without handlers of pthread_atfork(3) and without a signal at the end. All arguments are
 * zero, so that the order in which an architecture takes them does not matter. */
static pid_t spawn_fork(void) {
	return (pid_t)syscall(SYS_clone, 0UL, 0UL, 0UL, 0UL, 0UL);
}

/* Default actions and an empty mask: whatever the program ignores or blocks is no business of the
 * helper's. */
static void spawn_reset_signals(void) {
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number < NSIG; ++number) {
		sigaction(number, &action, NULL); /* fails for SIGKILL, SIGSTOP and two of libc's */
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int spawn_place_descriptors(int socket_fd, int status_fd) {
	int null_fd;

	socket_fd = fcntl(socket_fd, F_DUPFD_CLOEXEC, SPAWN_ABOVE);
	status_fd = fcntl(status_fd, F_DUPFD_CLOEXEC, SPAWN_ABOVE);
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (socket_fd < 0 || status_fd < 0 || null_fd < 0) {
		return -errno;
	}
	for (int fd = 0; fd < 3; ++fd) {
		if (dup2(null_fd, fd) < 0) {
			return -errno;
		}
	}
	if (null_fd < 3) {
		fcntl(null_fd, F_SETFD, 0); /* dup2 onto itself kept the flag */
	}
	if (dup2(socket_fd, SPAWN_SOCKET) < 0 || dup3(status_fd, SPAWN_STATUS, O_CLOEXEC) < 0) {
		return -errno;
	}
	close_range(SPAWN_STATUS + 1, ~0U, 0); /* Linux 5.9; on older ones the helper does it */
	return 0;
}

/* In the helper to be: never returns. What fails is written to the status pipe as an errno. */
_Noreturn static void spawn_exec(const char *path, int socket_fd, int status_fd) {
	char *const arguments[] = {(char *)(uintptr_t)path, NULL};
	char *const environment[] = {NULL};
	int error;

	setsid();
	error = -spawn_place_descriptors(socket_fd, status_fd);
	if (error == 0) {
		status_fd = SPAWN_STATUS;
		spawn_reset_signals();
		execve(path, arguments, environment);
		error = errno;
	}
	(void)!write(status_fd, &error, sizeof error);
	_exit(127);
}

/* In the go-between: never returns. */
_Noreturn static void spawn_go_between(const char *path, int socket_fd, int status_fd) {
	pid_t helper = spawn_fork();
	int error = errno;

	if (helper == 0) {
		spawn_exec(path, socket_fd, status_fd);
	}
	if (helper < 0) {
		(void)!write(status_fd, &error, sizeof error);
	}
	_exit(0);
}

/* Starts the go-between with all signals blocked, so that no handler of the program's ever runs in
 * it, and waits for its end. */
static int spawn_start(const char *path, int socket_fd, int status_fd) {
	sigset_t all, before;
	pid_t child;
	int r = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	child = spawn_fork();
	if (child == 0) {
		spawn_go_between(path, socket_fd, status_fd);
	}
	if (child < 0) {
		r = -errno;
	} else {
		waitpid(child, NULL, __WCLONE);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int spawn_helper(const char *path, int *ret_fd) {
	int pair[2], status[2];
	int error = 0;
	ssize_t n_bytes;
	int r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		return -errno;
	}
	CLEANUP(cleanup_fd) int ours = pair[0];
	CLEANUP(cleanup_fd) int theirs = pair[1];
	if (pipe2(status, O_CLOEXEC) < 0) {
		return -errno;
	}
	CLEANUP(cleanup_fd) int status_read = status[0];
	CLEANUP(cleanup_fd) int status_write = status[1];
	r = spawn_start(path, theirs, status_write);
	if (r < 0) {
		return r;
	}
	close(status_write);
	status_write = -1;
	do {
		n_bytes =
			read(status_read, &error, sizeof error); /* the end of file is the execve */
	} while (n_bytes < 0 && errno == EINTR);
	if (n_bytes != 0) {
		return n_bytes == sizeof error && error > 0 ? -error : -EIO;
	}
	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0) {
		return -errno;
	}
	*ret_fd = ours;
	ours = -1;
	return 0;
}
