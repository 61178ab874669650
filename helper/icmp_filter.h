/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Socket filters (classic BPF): a receive socket takes what may be an answer to us, a send socket takes nothing. */

#include <stdint.h>

#include "helper/icmp.h"

enum {
	N_IDENTIFIERS = 64, /* of the aligned block that is ours */
	IDENTIFIER_BLOCK_MASK = 0xffff & ~(N_IDENTIFIERS - 1),
};

/* Attaches and locks (SO_LOCK_FILTER) the filter of a receive socket: echo replies whose identifier is of the block, and ICMP errors
 * that quote an echo request with such an identifier. -errno. */
int icmp_filter_attach_receive(int fd, enum family family, uint16_t identifier_block);

/* Attaches and locks the filter that takes nothing. -errno. */
int icmp_filter_attach_none(int fd);
