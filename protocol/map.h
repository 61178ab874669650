/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Reads a MessagePack map into a struct, by a table of its keys (internal to protocol/). */

#include <msgpack/object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/code.h"

enum map_presence { MAP_REQUIRED, MAP_OPTIONAL };

struct map_field {
	const char *name;
	/* Checks @value and stores it at @ret_value; 0, or 1 with the fault set. */
	int (*read)(const struct map_field *field, const msgpack_object *value, void *ret_value,
		    struct fault *ret_fault);
	size_t offset, size_bytes; /* of the member */
	uint64_t minimum, maximum; /* of an integer; of a text's bytes */
	enum map_presence presence;
};

/* A member's place, for the table. */
#define MAP_MEMBER(type, member) offsetof(type, member), sizeof(((type *)NULL)->member)

enum map_unknown { MAP_UNKNOWN_REFUSED, MAP_UNKNOWN_IGNORED };

/* Reads @map (called @name in faults) into @ret_struct. In the map's order: each key is a str, is known, was not there before, and
 * has a value that its field takes; then none is missing. Returns 0, with a bit for each field that was there (bit i: fields[i]) in
 * @ret_present unless NULL; or 1 with the first fault, and @ret_struct partly written. */
int map_read(const msgpack_object *map, const char *name, const struct map_field *fields,
	     size_t n_fields, enum map_unknown unknown, void *ret_struct, uint32_t *ret_present,
	     struct fault *ret_fault);

/* --- values for the table --- */

/* uint8_t to uint64_t, by the member's size, from minimum to maximum. */
int map_read_uint(const struct map_field *field, const msgpack_object *value, void *ret_value,
		  struct fault *ret_fault);

/* bool */
int map_read_bool(const struct map_field *field, const msgpack_object *value, void *ret_value,
		  struct fault *ret_fault);

/* char[], with a zero byte, from minimum to maximum bytes; printable, cut to fit (object_get_text). */
int map_read_text(const struct map_field *field, const msgpack_object *value, void *ret_value,
		  struct fault *ret_fault);

/* const msgpack_object *, of an array, to be read later. */
int map_read_array(const struct map_field *field, const msgpack_object *value, void *ret_value,
		   struct fault *ret_fault);

/* --- faults --- */

/* Says that what is called @name is not @expected ("an integer"); returns 1. */
int fault_wrong_type(struct fault *ret_fault, const char *name, const char *expected);
