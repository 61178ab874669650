/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* msgpack-c's packer over a buffer of fixed size. */

#include "protocol/packer.h"

#include <errno.h>
#include <string.h>

static int packer_write(void *data, const char *bytes, size_t n_bytes) {
	struct packer *packer = data;
	struct message_buffer *buffer = packer->buffer;

	if (n_bytes > sizeof(buffer->bytes) - buffer->n_bytes) {
		packer->is_full = true;
		return -ENOSPC;
	}

	memcpy(buffer->bytes + buffer->n_bytes, bytes, n_bytes);
	buffer->n_bytes += n_bytes;
	return 0;
}

void packer_init(struct packer *packer, struct message_buffer *buffer) {
	packer->buffer = buffer;
	packer->is_full = false;
	msgpack_packer_init(&packer->msgpack, packer, packer_write);
}

int packer_finish(struct packer *packer) {
	if (packer->is_full) {
		packer->buffer->n_bytes = 0;
		return -ENOSPC;
	}

	return 0;
}

void pack_text(struct packer *packer, const char *text) {
	msgpack_pack_str_with_body(&packer->msgpack, text, strlen(text));
}

void pack_pair(struct packer *packer, const char *key, uint64_t value) {
	pack_text(packer, key);
	msgpack_pack_uint64(&packer->msgpack, value);
}

void pack_address(struct packer *packer, const struct in6_addr *address) {
	if (IN6_IS_ADDR_V4MAPPED(address)) {
		msgpack_pack_bin_with_body(&packer->msgpack, address->s6_addr + 12, 4);
	} else {
		msgpack_pack_bin_with_body(&packer->msgpack, address->s6_addr, 16);
	}
}

void pack_names(struct packer *packer, const struct name_set *set, uint32_t bits) {
	uint32_t known = bits & ((UINT32_C(1) << set->n_names) - 1);

	msgpack_pack_array(&packer->msgpack, (size_t)__builtin_popcount(known));
	for (size_t i = 0; i < set->n_names; i++) {
		if (known & UINT32_C(1) << i) {
			pack_text(packer, set->names[i]);
		}
	}
}
