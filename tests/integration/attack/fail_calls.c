/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Makes calls of a helper fail, whatever the kernel would say: a library to be preloaded. Which, when and how stands in a file of
 * struct order, named by MULTIPING_TEST_FAULTS, that the test shares with the helper for as long as it runs
 * (tests/integration/faults.py). So there is no system call of ours, and the helper's filter is the one that is installed.
 *
 * Each function below counts, and then fails or passes its arguments on. None has more than six, all integers or pointers, so
 * one signature serves all; and so no header that declares any of them may be included. */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { NAME_BYTES = 32, N_ORDERS = 64 };
enum {
	READ_WRITE = 2,
	PROTECTION_READ_WRITE = 3,
	SHARED = 1
}; /* O_RDWR, PROT_READ | PROT_WRITE, MAP_SHARED */

struct order {
	char name[NAME_BYTES];
	uint64_t n_calls;     /* so far */
	uint64_t first, last; /* which of them fail, the first being 1; 0: none */
	uint64_t error;       /* 0: says that all went well, having done nothing */
	uint64_t n_failed;
};

char *getenv(const char *name);
void *mmap(void *address, size_t n_bytes, int protection, int flags, int fd, long offset);
_Noreturn void abort(void);
int atoi(const char *text);

static volatile struct order *orders; /* NULL until the helper's own code is about to run */

static volatile struct order *find_order(const char *name) {
	for (int i = 0; orders != NULL && i < N_ORDERS; i++) {
		if (strcmp((const char *)orders[i].name, name) == 0) {
			return &orders[i];
		}
	}
	return NULL;
}

/* Whether this call is to fail; sets errno then. */
static int is_to_fail(volatile struct order *order) {
	uint64_t n;

	if (order == NULL) {
		return 0;
	}
	n = ++order->n_calls;
	if (n < order->first || n > order->last) {
		return 0;
	}
	order->n_failed++;
	errno = (int)order->error;
	return 1;
}

typedef long any_call(long, long, long, long, long, long);

static any_call *next(const char *name) {
	any_call *call;

	*(void **)&call = dlsym(RTLD_NEXT, name);
	return call;
}

#define EXPORTED __attribute__((visibility("default")))

/* What a call of each kind returns where it fails with @error. */
#define NULL_POINTER(error) 0
#define MINUS_ONE(error) ((error) == 0 ? 0 : -1)
#define MINUS_ERROR(error) (-(long)(error))

/* clang-format off */
#define CALLS(X) \
	X(malloc, NULL_POINTER) X(calloc, NULL_POINTER) X(realloc, NULL_POINTER) X(seccomp_init, NULL_POINTER) \
	X(seccomp_attr_set, MINUS_ERROR) X(seccomp_rule_add_array, MINUS_ERROR) X(seccomp_load, MINUS_ERROR) \
	X(accept4, MINUS_ONE) X(bind, MINUS_ONE) X(capget, MINUS_ONE) X(capset, MINUS_ONE) X(chdir, MINUS_ONE) \
	X(chroot, MINUS_ONE) X(clearenv, MINUS_ONE) X(connect, MINUS_ONE) X(dup3, MINUS_ONE) X(epoll_create1, MINUS_ONE) \
	X(epoll_ctl, MINUS_ONE) X(epoll_pwait2, MINUS_ONE) X(fchdir, MINUS_ONE) X(fchmod, MINUS_ONE) X(fcntl, MINUS_ONE) \
	X(fsconfig, MINUS_ONE) X(fsmount, MINUS_ONE) X(fsopen, MINUS_ONE) X(fstat, MINUS_ONE) X(getgroups, MINUS_ONE) \
	X(getpeername, MINUS_ONE) X(getrandom, MINUS_ONE) X(getresgid, MINUS_ONE) X(getresuid, MINUS_ONE) \
	X(getrlimit, MINUS_ONE) X(getsockopt, MINUS_ONE) X(lchown, MINUS_ONE) X(listen, MINUS_ONE) X(lstat, MINUS_ONE) \
	X(open, MINUS_ONE) X(prctl, MINUS_ONE) X(read, MINUS_ONE) X(recv, MINUS_ONE) X(recvmmsg, MINUS_ONE) \
	X(send, MINUS_ONE) X(sendto, MINUS_ONE) X(setgroups, MINUS_ONE) X(setitimer, MINUS_ONE) X(setresgid, MINUS_ONE) \
	X(setresuid, MINUS_ONE) X(setrlimit, MINUS_ONE) X(setsockopt, MINUS_ONE) X(signalfd, MINUS_ONE) \
	X(sigprocmask, MINUS_ONE) X(socket, MINUS_ONE) X(stat, MINUS_ONE) X(syscall, MINUS_ONE) X(unlink, MINUS_ONE) \
	X(write, MINUS_ONE)
/* clang-format on */

/* The allocator is called before anything was looked up. */
#define DEFINE(name, failure)                                                                      \
	static any_call *next_##name;                                                              \
	static volatile struct order *order_of_##name;                                             \
	EXPORTED long name(long a, long b, long c, long d, long e, long f);                        \
	EXPORTED long name(long a, long b, long c, long d, long e, long f) {                       \
		if (is_to_fail(order_of_##name)) {                                                 \
			return failure(order_of_##name->error);                                    \
		}                                                                                  \
		if (next_##name == NULL) {                                                         \
			next_##name = next(#name);                                                 \
		}                                                                                  \
		return next_##name(a, b, c, d, e, f);                                              \
	}
CALLS(DEFINE)

/* Looks up everything while it can be: later no file is open, and no memory to be had. */
__attribute__((constructor)) static void read_orders(void) {
	const char *path = getenv("MULTIPING_TEST_FAULTS");
	const char *heap_bytes = getenv("MULTIPING_TEST_HEAP_BYTES");
	long fd = path == NULL ? -1 : open((long)path, READ_WRITE, 0, 0, 0, 0);

	if (fd < 0 || heap_bytes == NULL || malloc(atoi(heap_bytes), 0, 0, 0, 0, 0) == 0) {
		abort();
	}
	orders = mmap(NULL, N_ORDERS * sizeof *orders, PROTECTION_READ_WRITE, SHARED, (int)fd, 0);
#define LOOK_UP(name, failure)                                                                     \
	next_##name = next(#name);                                                                 \
	order_of_##name = find_order(#name);
	CALLS(LOOK_UP)
}
