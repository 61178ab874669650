/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Single objects: each getter checks type, range and length, and copies.
 *
 * Of msgpack-c's ways to unpack, msgpack_unpack alone takes a zone of ours. The others make one for each message and let it grow by
 * chunks, which costs as much again as the unpacking (measured: 185 ns instead of 90 for each outcome of a full results message). */

#include "protocol/object.h"

#include <errno.h>
#include <msgpack/unpack.h>
#include <string.h>

#include "protocol/scan.h"

int object_scan(const void *bytes, size_t n_bytes, struct fault *ret_fault) {
	enum protocol_code code = message_scan(bytes, n_bytes);

	if (code == PROTOCOL_CODE_NONE) {
		return 0;
	}

	if (code == PROTOCOL_CODE_TOO_LARGE) {
		fault_set_limit(ret_fault, code, "message_bytes", (int64_t)n_bytes,
				PROTOCOL_MAX_MESSAGE_BYTES, "message: %zu bytes, %d allowed",
				n_bytes, PROTOCOL_MAX_MESSAGE_BYTES);
	} else if (code == PROTOCOL_CODE_TOO_DEEP) {
		fault_set(ret_fault, code, "containers more than %d deep", PROTOCOL_MAX_DEPTH);
	} else if (code == PROTOCOL_CODE_TRAILING_BYTES) {
		fault_set(ret_fault, code, "bytes follow the message's object");
	} else {
		fault_set(ret_fault, code, "not one whole MessagePack object");
	}
	return 1;
}

int object_unpack(const void *bytes, size_t n_bytes, msgpack_zone *zone, msgpack_object *ret_object,
		  struct fault *ret_fault) {
	msgpack_unpack_return r;

	msgpack_zone_clear(zone);
	r = msgpack_unpack(bytes, n_bytes, NULL, zone, ret_object);
	if (r == MSGPACK_UNPACK_NOMEM_ERROR) {
		return -ENOMEM;
	}
	if (r != MSGPACK_UNPACK_SUCCESS) {
		fault_set(ret_fault, PROTOCOL_CODE_NOT_MSGPACK, "not unpackable");
		return 1;
	}

	return 0;
}

bool object_get_integer(const msgpack_object *object, int64_t *ret_value) {
	if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
		*ret_value = object->via.i64;
		return true;
	}
	if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER) {
		*ret_value = object->via.u64 > INT64_MAX ? INT64_MAX : (int64_t)object->via.u64;
		return true;
	}

	return false;
}

bool object_is_text(const msgpack_object *object, const char *text) {
	return object->type == MSGPACK_OBJECT_STR && object->via.str.size == strlen(text) &&
	       memcmp(object->via.str.ptr, text, object->via.str.size) == 0;
}

bool object_get_text(const msgpack_object *object, char *ret_text, size_t text_bytes) {
	size_t n_bytes;

	if (object->type != MSGPACK_OBJECT_STR) {
		return false;
	}

	n_bytes = object->via.str.size < text_bytes ? object->via.str.size : text_bytes - 1;
	for (size_t i = 0; i < n_bytes; i++) {
		char c = object->via.str.ptr[i];

		ret_text[i] = c >= ' ' && c <= '~' ? c : '?';
	}
	ret_text[n_bytes] = '\0';
	return true;
}

bool object_get_address(const msgpack_object *object, struct in6_addr *ret_address) {
	if (object->type != MSGPACK_OBJECT_BIN) {
		return false;
	}

	if (object->via.bin.size == 16) {
		memcpy(ret_address->s6_addr, object->via.bin.ptr, 16);
		return true;
	}
	if (object->via.bin.size == 4) {
		*ret_address = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
		memcpy(ret_address->s6_addr + 12, object->via.bin.ptr, 4);
		return true;
	}

	return false;
}
