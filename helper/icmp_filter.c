/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel hands every ICMP packet of the machine to every raw ICMP socket. Without a filter a flood that has nothing to do with
 * us fills the receive buffer, and what the filter turns away does not count as a drop. An IPv4 socket's filter sees the packet
 * from its IP header on, an IPv6 one from the ICMPv6 header on; X holds the offset of the ICMP header. A load beyond the packet's
 * end rejects it. */
#include "helper/icmp_filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

#include "helper/defence.h"

#define N_STATEMENTS(array) (sizeof(array) / sizeof *(array))

static int filter_attach(int fd, struct sock_filter *statements, size_t n_statements) {
	const struct sock_fprog program = {(unsigned short)n_statements, statements};
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ||
	    (defence_is_on(LOCKED_FILTERS) &&
	     setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on) < 0)) {
		return -errno;
	}
	return 0;
}

int icmp_filter_attach_none(int fd) {
	struct sock_filter none[] = {BPF_STMT(BPF_RET | BPF_K, 0)};

	return filter_attach(fd, none, N_STATEMENTS(none));
}

static int filter_attach_ipv4(int fd, uint16_t block) {
	/* clang-format off */
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),                     /*  0 X = IP header's length */
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),                      /*  1 ICMP type */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_ECHOREPLY, 13, 0), /*  2 */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_DEST_UNREACH, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_TIME_EXCEEDED, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_PARAMETERPROB, 0, 13), /* 5 */
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 8 + 9),                  /*  6 quoted protocol */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMP, 0, 11),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 8),                      /*  8 quoted header's length */
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 15),
		BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 2),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 8),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),                            /* 13 X = quoted ICMP header */
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_ECHO, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 4),                      /* 16 identifier */
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, IDENTIFIER_BLOCK_MASK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, block, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),                               /* 19 */
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),                      /* 20 */
	};
	/* clang-format on */

	return filter_attach(fd, filter, N_STATEMENTS(filter));
}

static int filter_attach_ipv6(int fd, uint16_t block) {
	/* clang-format off */
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),                         /*  0 ICMPv6 type */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP6_ECHO_REPLY, 12, 0),  /*  1 */
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, ICMP6_DST_UNREACH, 0, 15), /*  2 errors are 1 to 4 */
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, ICMP6_PARAM_PROB, 14, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8 + 6),                     /*  4 quoted next header */
		BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 8 + 40),                   /*  5 X = quoted ICMPv6 header */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_FRAGMENT, 0, 10),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8 + 40),                    /*  8 the fragment's next header */
		BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 8 + 40 + 8),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 7),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),                         /* 11 quoted type */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP6_ECHO_REQUEST, 0, 5),
		BPF_STMT(BPF_JMP | BPF_JA, 1),
		BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 0),                        /* 14 X = ICMPv6 header */
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 4),                         /* 15 identifier */
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, IDENTIFIER_BLOCK_MASK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, block, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),                                  /* 18 */
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),                         /* 19 */
	};
	/* clang-format on */

	return filter_attach(fd, filter, N_STATEMENTS(filter));
}

int icmp_filter_attach_receive(int fd, enum family family, uint16_t identifier_block) {
	if (!defence_is_on(PACKET_FILTER)) {
		return 0;
	}
	return family == FAMILY_IPV4 ? filter_attach_ipv4(fd, identifier_block)
				     : filter_attach_ipv6(fd, identifier_block);
}
