/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A helper that was taken over, to be linked in front of its main(): where it would begin to serve it makes whatever system calls
 * its client orders, and tells what the kernel answered. Never installed.
 *
 * What the filter forbids ends the process, so there is a fresh one for each client. The start is the real one, once: as far as
 * the limits on resources, which forbid to fork. There it stops and makes a child for each client, which goes the rest of the way by
 * itself: limits, filter, and then here. Whether the child is ended, and how, the one that stayed behind tells the client.
 *
 * Messages are 64-bit numbers, as the client's machine is ours (taken_over.py):
 *     any bytes                                       -> HELLO, process id, address of `memory`, the client's own descriptor
 *     way, number, 6 arguments, n_back, n bytes, bytes -> ANSWER, result or -errno, n_back bytes of `memory`
 *                                                     -> ENDED, status as of wait(2) */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "helper/descriptors.h"
#include "helper/helper.h"
#include "helper/sandbox.h"

enum answer { HELLO = 1, ANSWER, ENDED };
enum way { WAY_NATIVE, WAY_INT80 };
enum { MAX_SECONDS = 60, N_MEMORY = 32768 };

struct order {
	uint64_t way, number, arguments[6], n_back, n_bytes;
};

static _Alignas(16) uint8_t memory[N_MEMORY]; /* for what arguments point at */
static int client_fd = DESCRIPTOR_FIRST_CLIENT;

/* --- where it would serve --- */

static int64_t make_call(const struct order *order) {
	const uint64_t *a = order->arguments;
	const pid_t self = getpid();
	long r;

#ifdef __x86_64__
	if (order->way == WAY_INT80) {
		r = (long)order->number;
		__asm__ volatile("int $0x80"
				 : "+a"(r)
				 : "b"(a[0]), "c"(a[1]), "d"(a[2])
				 : "memory");
		return r;
	}
#endif
	r = syscall((long)order->number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (getpid() != self) { /* a child that should not be */
		_exit(EX_OK);
	}
	return r < 0 ? -errno : r;
}

static bool obey(const uint8_t *message, size_t n_message) {
	struct {
		int64_t kind, result;
		uint8_t back[N_MEMORY];
	} answer = {.kind = ANSWER};
	struct order order;

	if (n_message < sizeof order) {
		return false;
	}
	memcpy(&order, message, sizeof order);
	if (order.n_bytes != n_message - sizeof order || order.n_bytes > N_MEMORY ||
	    order.n_back > N_MEMORY) {
		return false;
	}
	memcpy(memory, message + sizeof order, order.n_bytes);
	answer.result = make_call(&order);
	memcpy(answer.back, memory, order.n_back);
	return send(client_fd, &answer, sizeof answer - N_MEMORY + order.n_back, MSG_NOSIGNAL) >= 0;
}

int __wrap_helper_run(struct helper *helper);
int __wrap_helper_run(struct helper *helper) {
	const int64_t hello[] = {HELLO, getpid(), (int64_t)(intptr_t)memory, client_fd};
	uint8_t message[sizeof(struct order) + N_MEMORY];
	ssize_t n = recv(client_fd, message, sizeof message, 0);

	if (n > 0 && send(client_fd, hello, sizeof hello, MSG_NOSIGNAL) > 0) {
		do {
			n = recv(client_fd, message, sizeof message, 0);
		} while (n > 0 && obey(message, (size_t)n));
	}
	return 0;
}

/* --- where there can still be children --- */

/* Whether @fd became readable before somebody asked for the end. */
static bool wait_for(int fd) {
	struct pollfd fds[] = {{fd, POLLIN, 0}, {DESCRIPTOR_SIGNAL, POLLIN, 0}};
	uint8_t byte;

	if (poll(fds, 2, -1) < 0) {
		_exit(EX_OSERR);
	}
	return fds[1].revents == 0 &&
	       (fd != client_fd || recv(fd, &byte, 1, MSG_PEEK) > 0); /* not its end */
}

static void nurse(pid_t child) {
	int64_t ended[2] = {ENDED};
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child) {
		_exit(EX_OSERR);
	}
	ended[1] = status;
	(void)send(client_fd, ended, sizeof ended, MSG_NOSIGNAL);
}

int __real_sandbox_limit_resources(bool is_private, const struct config *config);
int __wrap_sandbox_limit_resources(bool is_private, const struct config *config);
int __wrap_sandbox_limit_resources(bool is_private, const struct config *config) {
	client_fd = is_private ? DESCRIPTOR_FIRST_CLIENT : -1;
	while (wait_for(is_private ? client_fd : DESCRIPTOR_FIRST_LISTENER)) {
		pid_t child;

		if (!is_private) {
			client_fd = accept4(DESCRIPTOR_FIRST_LISTENER, NULL, NULL, SOCK_CLOEXEC);
		}
		child = fork();
		if (child == 0) {
			(void)alarm(MAX_SECONDS);
			return __real_sandbox_limit_resources(is_private, config);
		}
		nurse(child);
		if (!is_private) {
			(void)close(client_fd);
			client_fd = -1;
		}
	}
	_exit(EX_OK);
}
