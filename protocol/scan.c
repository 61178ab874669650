/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The bounding scan. It knows the shape of MessagePack and nothing of the protocol: for each of the 256 first bytes, how many bytes
 * of length follow, how many bytes the value has besides, and whether it holds further objects. The walk keeps, for each open
 * container, how many of its objects are still to come; that is its whole state, and it never allocates.
 *
 * Source: https://github.com/msgpack/msgpack/blob/master/spec.md */

#include "protocol/scan.h"

#include <stdbool.h>
#include <stdint.h>

#include "protocol/limits.h"

enum shape { SHAPE_BYTES, SHAPE_ARRAY, SHAPE_MAP, SHAPE_INVALID };

struct form {
	enum shape shape;
	uint8_t n_length_bytes; /* of the big-endian length behind the first byte */
	uint8_t n_fixed_bytes;  /* behind that, always there: a number, the type of an extension */
};

/* What begins with 0xc0 to 0xdf, in that order; all other first bytes carry their length, or value, in themselves. */
static const struct form forms[32] = {
	/* clang-format off */
	{SHAPE_BYTES, 0, 0},   /* nil */
	{SHAPE_INVALID, 0, 0}, /* never used */
	{SHAPE_BYTES, 0, 0},   /* false */
	{SHAPE_BYTES, 0, 0},   /* true */
	{SHAPE_BYTES, 1, 0},   /* bin 8 */
	{SHAPE_BYTES, 2, 0},   /* bin 16 */
	{SHAPE_BYTES, 4, 0},   /* bin 32 */
	{SHAPE_BYTES, 1, 1},   /* ext 8 */
	{SHAPE_BYTES, 2, 1},   /* ext 16 */
	{SHAPE_BYTES, 4, 1},   /* ext 32 */
	{SHAPE_BYTES, 0, 4},   /* float 32 */
	{SHAPE_BYTES, 0, 8},   /* float 64 */
	{SHAPE_BYTES, 0, 1},   /* uint 8 */
	{SHAPE_BYTES, 0, 2},   /* uint 16 */
	{SHAPE_BYTES, 0, 4},   /* uint 32 */
	{SHAPE_BYTES, 0, 8},   /* uint 64 */
	{SHAPE_BYTES, 0, 1},   /* int 8 */
	{SHAPE_BYTES, 0, 2},   /* int 16 */
	{SHAPE_BYTES, 0, 4},   /* int 32 */
	{SHAPE_BYTES, 0, 8},   /* int 64 */
	{SHAPE_BYTES, 0, 2},   /* fixext 1 */
	{SHAPE_BYTES, 0, 3},   /* fixext 2 */
	{SHAPE_BYTES, 0, 5},   /* fixext 4 */
	{SHAPE_BYTES, 0, 9},   /* fixext 8 */
	{SHAPE_BYTES, 0, 17},  /* fixext 16 */
	{SHAPE_BYTES, 1, 0},   /* str 8 */
	{SHAPE_BYTES, 2, 0},   /* str 16 */
	{SHAPE_BYTES, 4, 0},   /* str 32 */
	{SHAPE_ARRAY, 2, 0},   /* array 16 */
	{SHAPE_ARRAY, 4, 0},   /* array 32 */
	{SHAPE_MAP, 2, 0},     /* map 16 */
	{SHAPE_MAP, 4, 0},     /* map 32 */
	/* clang-format on */
};

struct head {
	enum shape shape;
	uint64_t n_bytes;   /* of the value, containers' contents apart, from its first byte */
	uint64_t n_objects; /* that a container holds; a pair is two */
};

/* Reads the head of an object that begins with 0xc0 to 0xdf; false where the message ends inside it. */
static bool head_read_long(const uint8_t *bytes, size_t n_bytes, struct head *ret_head) {
	const struct form *form = &forms[bytes[0] - 0xc0];
	uint64_t length = 0;

	if (n_bytes < (size_t)1 + form->n_length_bytes) {
		return false;
	}

	for (unsigned i = 1; i <= form->n_length_bytes; i++) {
		length = length << 8 | bytes[i];
	}

	*ret_head = (struct head){
		.shape = form->shape,
		.n_bytes = (uint64_t)1 + form->n_length_bytes + form->n_fixed_bytes,
	};
	if (form->shape == SHAPE_BYTES) {
		ret_head->n_bytes += length;
	} else {
		ret_head->n_objects = form->shape == SHAPE_MAP ? 2 * length : length;
	}

	return true;
}

/* Reads the head of any object; @n_bytes is at least 1. */
static bool head_read(const uint8_t *bytes, size_t n_bytes, struct head *ret_head) {
	uint8_t first = bytes[0];

	if (first <= 0x7f || first >= 0xe0) { /* small integers */
		*ret_head = (struct head){.shape = SHAPE_BYTES, .n_bytes = 1};
	} else if (first <= 0x8f) {
		*ret_head = (struct head){SHAPE_MAP, 1, 2 * (first & 0x0fU)};
	} else if (first <= 0x9f) {
		*ret_head = (struct head){SHAPE_ARRAY, 1, first & 0x0fU};
	} else if (first <= 0xbf) { /* short strings */
		*ret_head = (struct head){.shape = SHAPE_BYTES, .n_bytes = 1 + (first & 0x1fU)};
	} else {
		return head_read_long(bytes, n_bytes, ret_head);
	}

	return true;
}

enum protocol_code message_scan(const void *bytes, size_t n_bytes) {
	uint64_t n_to_come[PROTOCOL_MAX_DEPTH + 1] = {1}; /* by depth; at 0, the one object */
	uint64_t n_claimed = 0;
	const uint8_t *next = bytes;
	size_t n_left = n_bytes;
	unsigned depth = 0;

	if (n_bytes > PROTOCOL_MAX_MESSAGE_BYTES) {
		return PROTOCOL_CODE_TOO_LARGE;
	}

	for (;;) {
		struct head head;

		while (n_to_come[depth] == 0) {
			if (depth == 0) {
				return n_left == 0 ? PROTOCOL_CODE_NONE
						   : PROTOCOL_CODE_TRAILING_BYTES;
			}
			depth--;
		}
		n_to_come[depth]--;

		if (n_left == 0 || !head_read(next, n_left, &head) || head.n_bytes > n_left ||
		    head.shape == SHAPE_INVALID) {
			return PROTOCOL_CODE_NOT_MSGPACK;
		}
		next += head.n_bytes;
		n_left -= head.n_bytes;
		if (head.shape == SHAPE_BYTES) {
			continue;
		}

		n_claimed += head.n_objects;
		if (n_claimed > n_bytes) {
			return PROTOCOL_CODE_NOT_MSGPACK;
		}
		if (depth == PROTOCOL_MAX_DEPTH) {
			return PROTOCOL_CODE_TOO_DEEP;
		}
		n_to_come[++depth] = head.n_objects;
	}
}
