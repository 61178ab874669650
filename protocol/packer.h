/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Packs MessagePack into a message_buffer, without the heap (internal to protocol/). */

#include <msgpack/pack.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "protocol/names.h"

/* Writing goes on when the buffer is full, to no effect: only the end asks whether all of it fitted. */
struct packer {
	struct message_buffer *buffer; /* borrowed */
	bool is_full;
	msgpack_packer msgpack; /* writes to this packer; msgpack_pack_…() take it */
};

/* Continues behind what @buffer holds. The packer is not to be moved. */
void packer_init(struct packer *packer, struct message_buffer *buffer);

/* 0, or -ENOSPC with the buffer empty: there is no half message. */
int packer_finish(struct packer *packer);

/* A string; a map's key. Borrowed. */
void pack_text(struct packer *packer, const char *text);

/* A map's key and its unsigned value. */
void pack_pair(struct packer *packer, const char *key, uint64_t value);

/* An address: bin 4 for an IPv4-mapped one, else bin 16. */
void pack_address(struct packer *packer, const struct in6_addr *address);

/* An array with the name of each bit in @bits. */
void pack_names(struct packer *packer, const struct name_set *set, uint32_t bits);
