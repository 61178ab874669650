/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Reads single MessagePack objects, of a peer that is not trusted (internal to protocol/). */

#include <msgpack/object.h>
#include <msgpack/zone.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/code.h"

#define CLEANUP(function) __attribute__((cleanup(function)))

/* What object_unpack takes of a zone for @n_bytes, at most: a zone whose first chunk has this size never grows. The scan bounds the
 * elements by the message's bytes; a pair of a map takes the room of its two. */
static inline size_t object_zone_bytes(size_t n_bytes) {
	return n_bytes * sizeof(msgpack_object);
}

/* message_scan, with its finding as a fault: 0, or 1. */
int object_scan(const void *bytes, size_t n_bytes, struct fault *ret_fault);

/* Has msgpack-c unpack bytes that were scanned, into @zone, which is emptied before; @ret_object borrows both. Returns 0; 1 with a
 * fault where msgpack-c sees it otherwise than the scan; -ENOMEM. */
int object_unpack(const void *bytes, size_t n_bytes, msgpack_zone *zone, msgpack_object *ret_object,
		  struct fault *ret_fault);

/* For CLEANUP. */
static inline void object_zone_free(msgpack_zone **zone) {
	msgpack_zone_free(*zone);
}

/* Whether @object is an integer from 0 to @maximum. */
static inline bool object_get_uint(const msgpack_object *object, uint64_t maximum,
				   uint64_t *ret_value) {
	if (object->type != MSGPACK_OBJECT_POSITIVE_INTEGER || object->via.u64 > maximum) {
		return false;
	}

	*ret_value = object->via.u64;
	return true;
}

static inline bool object_get_u32(const msgpack_object *object, uint32_t *ret_value) {
	uint64_t value;

	if (!object_get_uint(object, UINT32_MAX, &value)) {
		return false;
	}

	*ret_value = (uint32_t)value;
	return true;
}

/* Whether @object is an integer; one beyond int64_t is brought to its nearest. */
bool object_get_integer(const msgpack_object *object, int64_t *ret_value);

/* Whether @object is the string @text. */
bool object_is_text(const msgpack_object *object, const char *text);

/* Whether @object is a string; it is copied, cut to fit into @text_bytes with a zero byte, and all that is not printable ASCII
 * becomes '?': what a peer says may be printed and logged as it is. */
bool object_get_text(const msgpack_object *object, char *ret_text, size_t text_bytes);

/* Whether @object is a bin of 4 or 16 bytes; IPv4 is returned as IPv4-mapped. */
bool object_get_address(const msgpack_object *object, struct in6_addr *ret_address);
