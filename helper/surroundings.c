/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/surroundings.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "helper/defence.h"
#include "helper/descriptors.h"
#include "helper/log.h"

bool surroundings_have_client(void) {
	struct sockaddr_storage peer;
	socklen_t n_bytes = sizeof peer;

	return descriptor_is_seqpacket(DESCRIPTOR_PARENT) &&
	       getpeername(DESCRIPTOR_PARENT, (struct sockaddr *)&peer, &n_bytes) == 0;
}

/* Handlers do not survive execve(2), but what is ignored or blocked does. */
static int reset_signals(void) {
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int i = 1; i < NSIG; i++) {
		/* A reader of the log who goes away, or a limit on its size, must not end the helper. */
		action.sa_handler = i == SIGPIPE || i == SIGXFSZ ? SIG_IGN : SIG_DFL;
		/* refused for SIGKILL, SIGSTOP, the C library's own */
		(void)sigaction(i, &action, NULL);
	}
	(void)sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? -errno : 0;
}

static int reset_timers(void) {
	static const int timers[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};
	const struct itimerval never = {0};

	for (size_t i = 0; i < sizeof timers / sizeof *timers; i++) {
		if (setitimer(timers[i], &never, NULL) < 0) {
			return -errno;
		}
	}
	return 0;
}

static int reset_limits(rlim_t n_descriptors) {
	struct rlimit limit = {0};

	if (setrlimit(RLIMIT_CORE, &limit) < 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0) {
		return -errno;
	}
	if (limit.rlim_cur < n_descriptors) {
		limit.rlim_cur = n_descriptors;
	}
	if (limit.rlim_max < n_descriptors) {
		limit.rlim_max = n_descriptors; /* only root may */
	}
	return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

/* Opens /dev/null at 0, 1 and DESCRIPTOR_LOG; the last one stays where it @has_log. */
static int open_null(bool has_log) {
	for (int number = 0; number <= DESCRIPTOR_LOG; number++) {
		int r;

		if ((number == DESCRIPTOR_LOG && has_log) || !defence_is_on(STANDARD_DESCRIPTORS)) {
			continue;
		}
		r = descriptor_place(open("/dev/null", O_RDWR | O_CLOEXEC), number);
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

/* The @n_kept first ones that were handed down move to @first and on: up, so the last goes first. */
static int move_descriptors(int n_kept, int first) {
	for (int i = n_kept - 1; i >= 0; i--) {
		int r = descriptor_place(DESCRIPTOR_FIRST_INHERITED + i, first + i);

		if (r < 0) {
			return r;
		}
	}
	return 0;
}

static int reset_descriptors(bool is_private, int n_kept) {
	int r;

	if (defence_is_on(CLOSE_DESCRIPTORS)) {
		closefrom(DESCRIPTOR_FIRST_INHERITED + n_kept);
	}
	r = open_null(!is_private && fcntl(DESCRIPTOR_LOG, F_GETFD) >= 0);
	if (r == 0 && !is_private) {
		r = log_open();
	}
	/* last: until then what goes wrong is said where the client was */
	return r == 0 ? move_descriptors(n_kept, is_private ? DESCRIPTOR_FIRST_CLIENT
							    : DESCRIPTOR_FIRST_LISTENER)
		      : r;
}

int surroundings_clean(bool is_private, int n_listeners, struct reason *ret_reason) {
	int r;

	if (defence_is_on(CLEAN_ENVIRONMENT) && clearenv() != 0) {
		return reason_set(ret_reason, -ENOMEM, NULL, "emptying the environment");
	}
	if ((defence_is_on(RESET_SIGNALS) && (r = reset_signals()) < 0) ||
	    (defence_is_on(RESET_TIMERS) && (r = reset_timers()) < 0)) {
		return reason_set(ret_reason, r, NULL, "resetting signals and timers");
	}
	if (defence_is_on(RESET_LIMITS) && (r = reset_limits(descriptor_limit(is_private))) < 0) {
		return reason_set(ret_reason, r, "raise RLIMIT_NOFILE (ulimit -n)",
				  "having %d descriptors", descriptor_limit(is_private));
	}
	if (defence_is_on(RESET_UMASK)) {
		(void)umask(077);
	}
	if (defence_is_on(LEAVE_FOLDER) && chdir("/") < 0) {
		return reason_set(ret_reason, -errno, NULL, "changing to /");
	}
	r = reset_descriptors(is_private, is_private ? 1 : n_listeners);
	return reason_set(ret_reason, r, NULL, "what was handed down, /dev/null and the log");
}

int surroundings_take_signals(void) {
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0) {
		return -errno;
	}
	return descriptor_place(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC),
				DESCRIPTOR_SIGNAL);
}
