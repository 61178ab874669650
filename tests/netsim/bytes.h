/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Numbers in network order, and the Internet checksum: as simply as can be. */

#include <stddef.h>
#include <stdint.h>

enum { IPV4_HEADER_BYTES = 20, IPV6_HEADER_BYTES = 40 }; /* without options */

static inline uint16_t get16(const uint8_t *bytes) {
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline void put16(uint8_t *bytes, uint64_t value) {
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

/* Adds up words of 16 bits onto @sum (RFC 1071). */
static inline uint32_t sum16(const uint8_t *bytes, size_t n_bytes, uint32_t sum) {
	for (size_t i = 0; i < n_bytes; i++) {
		sum += (uint32_t)bytes[i] << (i % 2 ? 0 : 8);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}
