/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Comparisons are EQ or MASKED_EQ over all 64 bits: libseccomp got greater and less wrong once (CVE-2019-9893), and a descriptor
 * whose upper half is not zero is nobody's honest argument. So "64 and up" is written as one range for each power of two.
 *
 * What is not here was left out on purpose: after the start the helper opens, binds, sets, duplicates and executes nothing. Without
 * setsockopt(2) even a subverted helper cannot ask for IP_HDRINCL, and so not lie about its source address; with descriptors
 * pinned it cannot pass a raw socket to an accomplice, nor close one and have it taken by the next client. */
#include "helper/sandbox_table.h"

#include <assert.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "helper/client_socket.h"
#include "helper/descriptors.h"

#define ALL_BITS UINT64_MAX
#define BLOCK(n) (~(uint64_t)((n)-1)) /* mask of an aligned block of n numbers, n a power of two */

static_assert(DESCRIPTOR_RECEIVE_IPV4 == 6 && DESCRIPTOR_RECEIVE_IPV6 == 7, "one aligned block");
static_assert(DESCRIPTOR_FIRST_LISTENER == 8 && DESCRIPTOR_LAST_LISTENER == 15,
	      "one aligned block");
static_assert(DESCRIPTOR_FIRST_SEND == 16 && DESCRIPTOR_LAST_SEND == 47, "two aligned blocks");
static_assert(DESCRIPTOR_FIRST_CLIENT == 64 && DESCRIPTOR_LIMIT <= 4096, "six aligned blocks");

const struct sandbox_range sandbox_ranges[] = {
	{SANDBOX_LOG, ALL_BITS, DESCRIPTOR_LOG},
	{SANDBOX_MANAGER, ALL_BITS, DESCRIPTOR_MANAGER},
	{SANDBOX_EPOLL, ALL_BITS, DESCRIPTOR_EPOLL},
	{SANDBOX_RECEIVE, BLOCK(2), DESCRIPTOR_RECEIVE_IPV4},
	{SANDBOX_LISTENER, BLOCK(8), DESCRIPTOR_FIRST_LISTENER},
	{SANDBOX_SEND, BLOCK(16), DESCRIPTOR_FIRST_SEND},
	{SANDBOX_SEND, BLOCK(16), DESCRIPTOR_FIRST_SEND + 16},
	{SANDBOX_ROUTES, ALL_BITS, DESCRIPTOR_ROUTES},
	{SANDBOX_CLIENT, BLOCK(64), 64},
	{SANDBOX_CLIENT, BLOCK(128), 128},
	{SANDBOX_CLIENT, BLOCK(256), 256},
	{SANDBOX_CLIENT, BLOCK(512), 512},
	{SANDBOX_CLIENT, BLOCK(1024), 1024},
	{SANDBOX_CLIENT, BLOCK(2048), 2048},
};
const size_t sandbox_n_ranges = sizeof sandbox_ranges / sizeof *sandbox_ranges;

/* clang-format off */
#define EQUAL(argument, value) {(argument), SCMP_CMP_EQ, (value), 0}
#define MASKED(argument, mask, value) {(argument), SCMP_CMP_MASKED_EQ, (mask), (value)}
#define NO_MORE_THAN(argument, bits) MASKED(argument, ~(uint64_t)(bits), 0)

#define ALLOW(name, set) {.call = SCMP_SYS(name), .descriptors = SANDBOX_##set}
#define ALLOW_IF(name, set, ...) \
	{.call = SCMP_SYS(name), .descriptors = SANDBOX_##set, .checks = {__VA_ARGS__}}

const struct sandbox_rule sandbox_rules[] = {
	/* probes: only these may carry an address, or control data */
	ALLOW(sendto, SEND),
	ALLOW(sendmsg, SEND), /* with a TTL, say */
	ALLOW(recvmmsg, RECEIVE),
	ALLOW(recvmmsg, SEND), /* their error queues; ping sockets get the answers, too */

	/* clients: no control data, and so no descriptors, either way */
	ALLOW_IF(recvfrom, CLIENT, EQUAL(4, 0)), /* recv(2) */
	ALLOW_IF(sendto, CLIENT, EQUAL(4, 0)), /* send(2) */
	ALLOW(close, CLIENT),

	/* questions about sockets */
	ALLOW_IF(getsockopt, ANY, EQUAL(1, SOL_SOCKET), EQUAL(2, SO_MEMINFO)),
	ALLOW_IF(getsockopt, ANY, EQUAL(1, SOL_SOCKET), EQUAL(2, CLIENT_SOCKET_PASSRIGHTS)),

	/* loop */
	ALLOW(epoll_pwait2, EPOLL),
	ALLOW(epoll_ctl, EPOLL),

	/* where the vDSO does not answer, and the C library's allocator */
	ALLOW(clock_gettime, ANY),
	ALLOW(getrandom, ANY),

	/* memory: never executable, never of a file. The flags are compared with MAP_ANONYMOUS set: a mere mask of allowed bits
	 * would let file mappings through. */
	ALLOW(brk, ANY),
	ALLOW(munmap, ANY),
	ALLOW(mremap, ANY),
	ALLOW_IF(mprotect, ANY, NO_MORE_THAN(2, PROT_READ | PROT_WRITE)),
	ALLOW_IF(madvise, ANY, EQUAL(2, MADV_DONTNEED)),
	ALLOW_IF(madvise, ANY, EQUAL(2, MADV_FREE)), /* musl's allocator */
	ALLOW_IF(mmap, ANY, NO_MORE_THAN(2, PROT_READ | PROT_WRITE),
		 MASKED(3, ~(uint64_t)(MAP_NORESERVE | MAP_STACK | MAP_FIXED), MAP_PRIVATE | MAP_ANONYMOUS)),

	/* the log, and the C library's last words */
	ALLOW(write, LOG),
	ALLOW(writev, LOG),

	/* the end; an assertion ends in SIGABRT, with its message (sandbox.c adds tgkill(2) of this very process) */
	ALLOW(exit_group, ANY),
	ALLOW(getpid, ANY),
	ALLOW(gettid, ANY),
	ALLOW(rt_sigprocmask, ANY),
	ALLOW_IF(rt_sigaction, ANY, EQUAL(0, SIGABRT)),
	ALLOW(rt_sigreturn, ANY),
};
const size_t sandbox_n_rules = sizeof sandbox_rules / sizeof *sandbox_rules;

const struct sandbox_rule sandbox_shared_rules[] = {
	/* clients that come, and who they are */
	ALLOW_IF(accept4, LISTENER, EQUAL(3, SOCK_NONBLOCK | SOCK_CLOEXEC)),
	ALLOW_IF(getsockopt, ANY, EQUAL(1, SOL_SOCKET), EQUAL(2, SO_PEERCRED)),
	ALLOW_IF(getsockopt, ANY, EQUAL(1, SOL_SOCKET), EQUAL(2, SO_PEERGROUPS)),

	/* the host's addresses: connected to the kernel, which tells anybody and obeys nobody without a capability */
	ALLOW_IF(recvfrom, ROUTES, EQUAL(4, 0)),
	ALLOW_IF(sendto, ROUTES, EQUAL(4, 0)),

	/* "WATCHDOG=1": a connected datagram socket, or /dev/null */
	ALLOW(write, MANAGER),
};
const size_t sandbox_n_shared_rules = sizeof sandbox_shared_rules / sizeof *sandbox_shared_rules;

const struct sandbox_rule sandbox_peeking_rules[] = {
	ALLOW_IF(recvmsg, CLIENT, EQUAL(2, MSG_PEEK | MSG_DONTWAIT)),
	ALLOW_IF(setitimer, ANY, EQUAL(0, ITIMER_REAL)),
};
/* clang-format on */
const size_t sandbox_n_peeking_rules = sizeof sandbox_peeking_rules / sizeof *sandbox_peeking_rules;
