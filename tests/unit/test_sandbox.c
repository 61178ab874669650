/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks the filter that the helpers load. Each call is made in a child of its own, by number and with raw arguments, as code
 * running inside a subverted helper could make it: the filter either ends the child with SIGSYS or lets the call through, whatever
 * the kernel then answers (EFAULT and EBADF are answers). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/config.h"
#include "helper/descriptors.h"
#include "helper/sandbox.h"

#define HIGH_HALF (UINT64_C(1) << 32)
#define MINUS_ONE ((uint64_t)-1)
#define BAD_ADDRESS 8 /* no memory is ever there */

enum { LET_THROUGH = 0, BROKEN = 99 };

static bool peeks; /* what the filter is loaded with */

/* Linux passes these by every filter (seccomp_uprobe_exception() in the kernel); but for the code that it placed itself they fail. */
enum { CALL_URETPROBE = 335, CALL_UPROBE = 336 };

/* Ends this process with LET_THROUGH after the call, unless the filter ends it before. Ends quietly: no core dump, no message. */
_Noreturn static void child_call(bool is_private, long number, const uint64_t arguments[6]) {
	const struct rlimit none = {0};

	if (setrlimit(RLIMIT_CORE, &none) < 0 || sandbox_forbid_new_privileges() < 0 ||
	    sandbox_load_filter(is_private, peeks) < 0) {
		_exit(BROKEN);
	}
	(void)syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
		      arguments[5]);
	_exit(LET_THROUGH);
}

/* Runs the call in a child; true where the filter let it through. */
static bool is_let_through(bool is_private, long number, const uint64_t arguments[6]) {
	pid_t child;
	int status;

	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		child_call(is_private, number, arguments);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) {
		return false;
	}
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == BROKEN);
	return true;
}

struct attempt {
	const char *what;
	long number;
	uint64_t arguments[6];
};

static void assert_all(const struct attempt *attempts, size_t n_attempts, bool is_private,
		       bool expected) {
	size_t n_wrong = 0;

	for (size_t i = 0; i < n_attempts; i++) {
		if (is_let_through(is_private, attempts[i].number, attempts[i].arguments) !=
		    expected) {
			print_error("%s: %s\n", attempts[i].what,
				    expected ? "killed" : "let through");
			n_wrong++;
		}
	}
	assert_int_equal(n_wrong, 0);
}

#define N(array) (sizeof(array) / sizeof *(array))

/* --- what the helper needs --- */

static const struct attempt needed[] = {
	{"probe on the first send socket", SYS_sendto, {16, BAD_ADDRESS, 1, 0, BAD_ADDRESS, 16}},
	{"probe on the last send socket", SYS_sendto, {47, BAD_ADDRESS, 1, 0, BAD_ADDRESS, 28}},
	{"with options on the first send socket", SYS_sendmsg, {16, BAD_ADDRESS}},
	{"with options on the send socket before the last", SYS_sendmsg, {31, BAD_ADDRESS}},
	{"with options on the last send socket", SYS_sendmsg, {47, BAD_ADDRESS}},
	{"replies over IPv4", SYS_recvmmsg, {6, BAD_ADDRESS, 1, MSG_DONTWAIT}},
	{"replies over IPv6", SYS_recvmmsg, {7, BAD_ADDRESS, 1, MSG_DONTWAIT}},
	{"stamps of the first", SYS_recvmmsg, {16, BAD_ADDRESS, 1, MSG_ERRQUEUE | MSG_DONTWAIT}},
	{"stamps of the last", SYS_recvmmsg, {47, BAD_ADDRESS, 1, MSG_ERRQUEUE | MSG_DONTWAIT}},
	{"answers to a ping socket", SYS_recvmmsg, {16, BAD_ADDRESS, 1, MSG_DONTWAIT}},
	{"request of client 64", SYS_recvfrom, {64, BAD_ADDRESS, 1}},
	{"request of client 127", SYS_recvfrom, {127, BAD_ADDRESS, 1}},
	{"request of client 128", SYS_recvfrom, {128, BAD_ADDRESS, 1}},
	{"request of client 300", SYS_recvfrom, {300, BAD_ADDRESS, 1}},
	{"request of client 1023", SYS_recvfrom, {1023, BAD_ADDRESS, 1}},
	{"answer to client 64", SYS_sendto, {64, BAD_ADDRESS, 1, 0, 0, 0}},
	{"answer to the greatest client",
	 SYS_sendto,
	 {DESCRIPTOR_LIMIT - 1, BAD_ADDRESS, 1, 0, 0, 0}},
	{"leave of client 64", SYS_close, {64}},
	{"leave of client 511", SYS_close, {511}},
	{"leave of client 512", SYS_close, {512}},
	{"room at the client",
	 SYS_getsockopt,
	 {64, SOL_SOCKET, SO_MEMINFO, BAD_ADDRESS, BAD_ADDRESS}},
	{"drops at a receive socket",
	 SYS_getsockopt,
	 {6, SOL_SOCKET, SO_MEMINFO, BAD_ADDRESS, BAD_ADDRESS}},
	{"wait", SYS_epoll_pwait2, {4, BAD_ADDRESS, 0}},
	{"watch", SYS_epoll_ctl, {4, EPOLL_CTL_ADD, 64, BAD_ADDRESS}},
	{"memory",
	 SYS_mmap,
	 {0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, MINUS_ONE}},
	{"reserve",
	 SYS_mmap,
	 {0, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, MINUS_ONE}},
	{"protect", SYS_mprotect, {4096, 4096, PROT_READ | PROT_WRITE}},
	{"give back", SYS_madvise, {4096, 4096, MADV_DONTNEED}},
	{"give back at leisure", SYS_madvise, {4096, 4096, MADV_FREE}},
	{"break", SYS_brk, {0}},
	{"time", SYS_clock_gettime, {0, BAD_ADDRESS}},
	{"random", SYS_getrandom, {BAD_ADDRESS, 1, 0}},
	{"log", SYS_write, {2, BAD_ADDRESS, 1}},
	{"last words", SYS_writev, {2, BAD_ADDRESS, 1}},
};

static void filter_needed_lets_through(void **state) {
	assert_all(needed, N(needed), false, true);
	assert_all(needed, N(needed), true, true);
}

static const struct attempt shared_only[] = {
	{"change of the host's addresses", SYS_recvfrom, {48, BAD_ADDRESS, 1}},
	{"question for the host's addresses", SYS_sendto, {48, BAD_ADDRESS, 1, 0, 0, 0}},
	{"accept", SYS_accept4, {8, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC}},
	{"who is the client",
	 SYS_getsockopt,
	 {64, SOL_SOCKET, SO_PEERCRED, BAD_ADDRESS, BAD_ADDRESS}},
	{"the client's groups",
	 SYS_getsockopt,
	 {64, SOL_SOCKET, SO_PEERGROUPS, BAD_ADDRESS, BAD_ADDRESS}},
	{"news for the service manager", SYS_write, {3, BAD_ADDRESS, 1}},
};

static void filter_shared_only_shared_lets_through(void **state) {
	assert_all(shared_only, N(shared_only), false, true);
}

static void filter_shared_only_private_kills(void **state) {
	assert_all(shared_only, N(shared_only), true, false);
}

/* --- what an attacker inside it would want --- */

static const struct attempt attacks[] = {
	/* hand a raw socket to an accomplice */
	{"descriptor to a client", SYS_sendmsg, {64, BAD_ADDRESS}},
	{"descriptor to a client, many", SYS_sendmmsg, {64, BAD_ADDRESS, 1, 0}},
	{"probe on a receive socket", SYS_sendto, {6, BAD_ADDRESS, 1, 0, BAD_ADDRESS, 16}},
	{"probe below the send sockets", SYS_sendto, {15, BAD_ADDRESS, 1, 0, BAD_ADDRESS, 16}},
	{"probe above the send sockets", SYS_sendto, {49, BAD_ADDRESS, 1, 0, BAD_ADDRESS, 16}},
	{"probe, upper half set", SYS_sendto, {HIGH_HALF | 16, BAD_ADDRESS, 1, 0, BAD_ADDRESS, 16}},
	{"options on a receive socket", SYS_sendmsg, {6, BAD_ADDRESS}},
	{"options below the send sockets", SYS_sendmsg, {15, BAD_ADDRESS}},
	{"options above the send sockets", SYS_sendmsg, {48, BAD_ADDRESS}},
	{"options, upper half set", SYS_sendmsg, {HIGH_HALF | 16, BAD_ADDRESS}},
	{"answer to an address", SYS_sendto, {64, BAD_ADDRESS, 1, 0, BAD_ADDRESS, 16}},
	{"netlink to an address", SYS_sendto, {48, BAD_ADDRESS, 1, 0, BAD_ADDRESS, 12}},
	{"netlink by sendmsg", SYS_sendmsg, {48, BAD_ADDRESS}},
	{"answer to an address in the upper half",
	 SYS_sendto,
	 {64, BAD_ADDRESS, 1, 0, HIGH_HALF, 16}},
	/* free a number of ours, for the next client to be given it */
	{"close a send socket", SYS_close, {16}},
	{"close the number below the clients", SYS_close, {63}},
	{"close with the upper half set", SYS_close, {HIGH_HALF | 64}},
	{"close minus one", SYS_close, {MINUS_ONE}},
	{"close beyond all clients", SYS_close, {4096}},
	{"close a block", SYS_close_range, {3, 63, 0}},
	{"shut down a receive socket", SYS_shutdown, {6, SHUT_RDWR}},
	{"duplicate", SYS_dup, {16}},
	{"duplicate over", SYS_dup2, {64, 16}},
	{"duplicate by fcntl", SYS_fcntl, {16, F_DUPFD, 64}},
	/* read what is not ours */
	{"read a client", SYS_read, {64, BAD_ADDRESS, 1}},
	{"read signals", SYS_read, {5, BAD_ADDRESS, 128}},
	{"read standard input", SYS_read, {0, BAD_ADDRESS, 1}},
	{"receive from a send socket", SYS_recvfrom, {16, BAD_ADDRESS, 1}},
	{"take descriptors from a client", SYS_recvmsg, {64, BAD_ADDRESS, 0}},
	{"receive many of a client", SYS_recvmmsg, {64, BAD_ADDRESS, 1, 0}},
	{"receive above the send sockets", SYS_recvmmsg, {48, BAD_ADDRESS, 1, 0}},
	{"write to a client", SYS_write, {64, BAD_ADDRESS, 1}},
	{"write to standard output", SYS_write, {1, BAD_ADDRESS, 1}},
	{"descriptor to the service manager", SYS_sendmsg, {3, BAD_ADDRESS}},
	{"news with an address", SYS_sendto, {3, BAD_ADDRESS, 1, 0, 0, 0}},
	{"news in pieces", SYS_writev, {3, BAD_ADDRESS, 1}},
	/* forge: IP_HDRINCL and its like */
	{"setsockopt", SYS_setsockopt, {16, SOL_IP, 3, BAD_ADDRESS, 4}},
	{"getsockopt of another level",
	 SYS_getsockopt,
	 {16, SOL_IP, SO_MEMINFO, BAD_ADDRESS, BAD_ADDRESS}},
	{"error of a socket", SYS_getsockopt, {16, SOL_SOCKET, SO_ERROR, BAD_ADDRESS, BAD_ADDRESS}},
	{"getsockopt of another option",
	 SYS_getsockopt,
	 {16, SOL_SOCKET, SO_TYPE, BAD_ADDRESS, BAD_ADDRESS}},
	{"socket", SYS_socket, {AF_INET, SOCK_DGRAM, 0}},
	{"socket pair", SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, BAD_ADDRESS}},
	{"connect", SYS_connect, {16, BAD_ADDRESS, 16}},
	{"bind", SYS_bind, {16, BAD_ADDRESS, 16}},
	{"accept without close-on-exec", SYS_accept4, {8, 0, 0, SOCK_NONBLOCK}},
	{"accept on a send socket", SYS_accept4, {16, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC}},
	{"accept, older", SYS_accept, {8, 0, 0}},
	/* watch and wait elsewhere */
	{"another epoll", SYS_epoll_create1, {0}},
	{"watch in another epoll", SYS_epoll_ctl, {64, EPOLL_CTL_ADD, 3, BAD_ADDRESS}},
	{"wait in another epoll", SYS_epoll_pwait2, {64, BAD_ADDRESS, 1}},
	/* code of one's own */
	{"executable memory",
	 SYS_mmap,
	 {0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, MINUS_ONE}},
	{"make executable", SYS_mprotect, {4096, 4096, PROT_READ | PROT_EXEC}},
	{"make executable, key", SYS_pkey_mprotect, {4096, 4096, PROT_READ | PROT_EXEC, MINUS_ONE}},
	{"map a file", SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE, 64, 0}},
	{"map shared", SYS_mmap, {0, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, MINUS_ONE}},
	{"execute", SYS_execve, {BAD_ADDRESS, 0, 0}},
	{"execute a descriptor", SYS_execveat, {64, BAD_ADDRESS, 0, 0, 0}},
	{"memory file", SYS_memfd_create, {BAD_ADDRESS, 0}},
/* files, other processes, the kernel */
#ifndef MULTIPING_SANITIZE
	{"open", SYS_open, {BAD_ADDRESS, 0}},
#endif
	{"open at", SYS_openat, {MINUS_ONE, BAD_ADDRESS, 0}},
	{"stat", SYS_newfstatat, {MINUS_ONE, BAD_ADDRESS, BAD_ADDRESS, 0}},
	{"fstat", SYS_fstat, {64, BAD_ADDRESS}},
	{"ioctl", SYS_ioctl, {64, 0, 0}},
	{"fork", SYS_fork, {0}},
	{"clone", SYS_clone, {SIGCHLD}},
	{"kill", SYS_kill, {1, 0}},
	{"end another", SYS_tgkill, {1, 1, SIGABRT}},
	{"ptrace", SYS_ptrace, {0}},
	{"take a descriptor of another", SYS_pidfd_getfd, {64, 3, 0}},
	{"read another's memory", SYS_process_vm_readv, {1, BAD_ADDRESS, 0, BAD_ADDRESS, 0, 0}},
	{"prctl", SYS_prctl, {PR_SET_DUMPABLE, 1}},
	{"setuid", SYS_setuid, {0}},
	{"capset", SYS_capset, {BAD_ADDRESS, BAD_ADDRESS}},
	{"raise limits", SYS_prlimit64, {0, RLIMIT_NOFILE, BAD_ADDRESS, 0}},
	{"a handler for a fault", SYS_rt_sigaction, {SIGSEGV, BAD_ADDRESS, 0, 8}},
	{"io_uring", SYS_io_uring_setup, {1, BAD_ADDRESS}},
	{"bpf", SYS_bpf, {0}},
	{"another filter", SYS_seccomp, {1, 0, BAD_ADDRESS}},
	{"user namespace", SYS_unshare, {CLONE_NEWUSER}},
	{"a number that is no call", 1000, {0}},
};

static void filter_attack_kills(void **state) {
	assert_all(attacks, N(attacks), false, false);
	assert_all(attacks, N(attacks), true, false);
}

/* Every call there is, with arguments that are nobody's: only those may come through whose arguments do not matter. */
static void filter_every_call_without_sense_kills(void **state) {
	static const long harmless[] = {
		SYS_brk,        SYS_munmap, SYS_mremap,      SYS_clock_gettime,  SYS_getrandom,
		SYS_exit_group, SYS_getpid, SYS_gettid,      SYS_rt_sigprocmask, SYS_rt_sigreturn,
#ifdef MULTIPING_SANITIZE
		SYS_madvise,    SYS_futex,  SYS_sched_yield, SYS_sigaltstack,    SYS_readlink,
		SYS_open,
#endif
	};
	const uint64_t senseless[6] = {MINUS_ONE, MINUS_ONE, MINUS_ONE,
				       MINUS_ONE, MINUS_ONE, MINUS_ONE};

	for (long number = 0; number < 500; number++) {
		bool is_harmless = false;

		if (number >= CALL_URETPROBE && number <= CALL_UPROBE) {
			continue;
		}

		for (size_t i = 0; i < N(harmless); i++) {
			is_harmless |= harmless[i] == number;
		}
		if (is_let_through(false, number, senseless) != is_harmless) {
			fail_msg("call %ld: %s", number, is_harmless ? "killed" : "let through");
		}
	}
}

/* --- where clients could send descriptors --- */

static const struct attempt peeking[] = {
	{"look at a client's message", SYS_recvmsg, {64, BAD_ADDRESS, MSG_PEEK | MSG_DONTWAIT}},
	{"alarm clock", SYS_setitimer, {ITIMER_REAL, BAD_ADDRESS, 0}},
};

static const struct attempt not_even_peeking[] = {
	{"take a client's message, descriptors and all", SYS_recvmsg, {64, BAD_ADDRESS, 0}},
	{"look at a client's message and wait", SYS_recvmsg, {64, BAD_ADDRESS, MSG_PEEK}},
	{"look at a receive socket's", SYS_recvmsg, {6, BAD_ADDRESS, MSG_PEEK | MSG_DONTWAIT}},
	{"another clock", SYS_setitimer, {ITIMER_PROF, BAD_ADDRESS, 0}},
};

static void filter_peeking_is_for_helpers_that_need_it(void **state) {
	assert_all(peeking, N(peeking), false, false);
	peeks = true;
	assert_all(peeking, N(peeking), false, true);
	assert_all(not_even_peeking, N(not_even_peeking), false, false);
	peeks = false;
}

/* --- other ways into the kernel --- */

#ifdef __x86_64__
static void filter_x32_call_kills(void **state) {
	const uint64_t none[6] = {0};

	assert_false(is_let_through(false, 0x40000000 | SYS_getpid, none));
}

static void filter_32_bit_call_kills(void **state) {
	const struct rlimit none = {0};
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		long number = 20; /* getpid(2) there */

		if (setrlimit(RLIMIT_CORE, &none) < 0 || sandbox_load_filter(false, peeks) < 0) {
			_exit(BROKEN);
		}
		__asm__ volatile("int $0x80" : "+a"(number) : : "memory");
		_exit(LET_THROUGH);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}
#endif

/* --- ends and limits --- */

/* Runs @work in a child with the filter loaded; its wait status. */
static int status_of(void (*work)(void)) {
	const struct rlimit none = {0};
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		int null_fd = open("/dev/null", O_RDWR);

		if (null_fd < 0 || dup2(null_fd, 2) < 0 || setrlimit(RLIMIT_CORE, &none) < 0 ||
		    sandbox_load_filter(false, peeks) < 0) {
			_exit(BROKEN);
		}
		work();
		_exit(LET_THROUGH);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void use_memory(void) {
	for (size_t n_bytes = 16; n_bytes < 64 << 20; n_bytes *= 2) {
		char *bytes = malloc(n_bytes), *larger;

		if (!bytes || !(larger = realloc(bytes, n_bytes * 3))) {
			_exit(BROKEN);
		}
		memset(larger, 1, n_bytes * 3);
		free(larger);
	}
}

static void filter_memory_is_usable(void **state) {
	assert_int_equal(status_of(use_memory), LET_THROUGH);
}

static void filter_abort_ends_with_its_own_signal(void **state) {
	int status = status_of(abort);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void child_leave_files(void) {
	int inside, outside;

	if (sandbox_forbid_new_privileges() < 0) {
		_exit(BROKEN);
	}
	outside = open("/", O_RDONLY | O_DIRECTORY);
	switch (sandbox_leave_files()) {
	case 0:
		inside = open("/", O_RDONLY | O_DIRECTORY);
		_exit(outside >= 0 && inside < 0 && errno == EACCES ? LET_THROUGH : 1);
	case SANDBOX_E_UNSUPPORTED:
		_exit(syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 0 ? LET_THROUGH : 2);
	default:
		_exit(3);
	}
}

static int status_without_filter(void (*work)(void)) {
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		work();
		_exit(LET_THROUGH);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void leave_files_open_refused(void **state) {
	assert_int_equal(status_without_filter(child_leave_files), LET_THROUGH);
}

static bool limit_is(int resource, rlim_t expected) {
	struct rlimit limit;

	return getrlimit(resource, &limit) == 0 && limit.rlim_cur == expected &&
	       limit.rlim_max == expected;
}

static void child_limit_resources(void) {
	struct config config;
	bool is_right;

	config_init(&config);
	(void)close(DESCRIPTOR_LOG);
	is_right = sandbox_limit_resources(false, &config) == 0 &&
		   limit_is(RLIMIT_NOFILE, DESCRIPTOR_LIMIT) && limit_is(RLIMIT_NPROC, 0) &&
		   limit_is(RLIMIT_FSIZE, 0) && limit_is(RLIMIT_CORE, 0) &&
		   limit_is(RLIMIT_MEMLOCK, 0);
	_exit(is_right ? LET_THROUGH : 1);
}

static void limit_resources_sets_limits(void **state) {
	assert_int_equal(status_without_filter(child_limit_resources), LET_THROUGH);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filter_needed_lets_through),
		cmocka_unit_test(filter_shared_only_shared_lets_through),
		cmocka_unit_test(filter_shared_only_private_kills),
		cmocka_unit_test(filter_attack_kills),
		cmocka_unit_test(filter_every_call_without_sense_kills),
		cmocka_unit_test(filter_peeking_is_for_helpers_that_need_it),
#ifdef __x86_64__
		cmocka_unit_test(filter_x32_call_kills),
		cmocka_unit_test(filter_32_bit_call_kills),
#endif
		cmocka_unit_test(filter_memory_is_usable),
		cmocka_unit_test(filter_abort_ends_with_its_own_signal),
		cmocka_unit_test(leave_files_open_refused),
		cmocka_unit_test(limit_resources_sets_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
