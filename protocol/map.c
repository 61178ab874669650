/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Maps by table: a new parameter is one line in a table, and its type, range and presence are checked in one place. */

#include "protocol/map.h"

#include <string.h>

#include "protocol/object.h"

int fault_wrong_type(struct fault *ret_fault, const char *name, const char *expected) {
	fault_set(ret_fault, PROTOCOL_CODE_WRONG_TYPE, "%s: expected %s", name, expected);
	return 1;
}

static int fault_out_of_range(struct fault *ret_fault, const struct map_field *field,
			      int64_t asked) {
	int64_t minimum = (int64_t)field->minimum;
	int64_t maximum = field->maximum > INT64_MAX ? INT64_MAX : (int64_t)field->maximum;

	fault_set_limit(ret_fault, PROTOCOL_CODE_OUT_OF_RANGE, field->name, asked,
			asked < minimum ? minimum : maximum, "%s: %lld asked, %lld to %lld allowed",
			field->name, (long long)asked, (long long)minimum, (long long)maximum);
	return 1;
}

static int fault_key(struct fault *ret_fault, enum protocol_code code, const msgpack_object *key) {
	char name[PROTOCOL_MAX_NAME_BYTES + 1];

	(void)object_get_text(key, name, sizeof(name)); /* a key is a string: the caller looked */
	fault_set(ret_fault, code, "%s '%s'",
		  code == PROTOCOL_CODE_DUPLICATE_KEY ? "twice the key" : "unknown parameter",
		  name);
	return 1;
}

static size_t field_find(const struct map_field *fields, size_t n_fields,
			 const msgpack_object *key) {
	size_t i = 0;

	while (i < n_fields && !object_is_text(key, fields[i].name)) {
		i++;
	}

	return i;
}

static int check_presence(const struct map_field *fields, size_t n_fields, uint32_t present,
			  struct fault *ret_fault) {
	for (size_t i = 0; i < n_fields; i++) {
		if (fields[i].presence == MAP_REQUIRED && !(present & UINT32_C(1) << i)) {
			fault_set(ret_fault, PROTOCOL_CODE_MISSING_PARAMETER,
				  "parameter '%s' is missing", fields[i].name);
			return 1;
		}
	}

	return 0;
}

int map_read(const msgpack_object *map, const char *name, const struct map_field *fields,
	     size_t n_fields, enum map_unknown unknown, void *ret_struct, uint32_t *ret_present,
	     struct fault *ret_fault) {
	uint32_t present = 0;

	if (map->type != MSGPACK_OBJECT_MAP) {
		return fault_wrong_type(ret_fault, name, "a map");
	}

	for (uint32_t i = 0; i < map->via.map.size; i++) {
		const msgpack_object_kv *pair = &map->via.map.ptr[i];
		size_t at;

		if (pair->key.type != MSGPACK_OBJECT_STR) {
			return fault_wrong_type(ret_fault, name, "strings as keys");
		}
		at = field_find(fields, n_fields, &pair->key);
		if (at == n_fields) {
			if (unknown == MAP_UNKNOWN_IGNORED) {
				continue;
			}
			return fault_key(ret_fault, PROTOCOL_CODE_UNKNOWN_PARAMETER, &pair->key);
		}
		if (present & UINT32_C(1) << at) {
			return fault_key(ret_fault, PROTOCOL_CODE_DUPLICATE_KEY, &pair->key);
		}
		if (fields[at].read(&fields[at], &pair->val,
				    (uint8_t *)ret_struct + fields[at].offset, ret_fault) != 0) {
			return 1;
		}
		present |= UINT32_C(1) << at;
	}

	if (check_presence(fields, n_fields, present, ret_fault) != 0) {
		return 1;
	}
	if (ret_present != NULL) {
		*ret_present = present;
	}
	return 0;
}

int map_read_uint(const struct map_field *field, const msgpack_object *value, void *ret_value,
		  struct fault *ret_fault) {
	uint64_t number;
	int64_t asked;

	if (!object_get_integer(value, &asked)) {
		return fault_wrong_type(ret_fault, field->name, "an integer");
	}
	if (!object_get_uint(value, field->maximum, &number) || number < field->minimum) {
		return fault_out_of_range(ret_fault, field, asked);
	}

	switch (field->size_bytes) {
	case sizeof(uint8_t):
		*(uint8_t *)ret_value = (uint8_t)number;
		break;
	case sizeof(uint16_t):
		*(uint16_t *)ret_value = (uint16_t)number;
		break;
	case sizeof(uint32_t):
		*(uint32_t *)ret_value = (uint32_t)number;
		break;
	default:
		*(uint64_t *)ret_value = number;
		break;
	}
	return 0;
}

int map_read_bool(const struct map_field *field, const msgpack_object *value, void *ret_value,
		  struct fault *ret_fault) {
	if (value->type != MSGPACK_OBJECT_BOOLEAN) {
		return fault_wrong_type(ret_fault, field->name, "true or false");
	}

	*(bool *)ret_value = value->via.boolean;
	return 0;
}

int map_read_text(const struct map_field *field, const msgpack_object *value, void *ret_value,
		  struct fault *ret_fault) {
	if (value->type != MSGPACK_OBJECT_STR) {
		return fault_wrong_type(ret_fault, field->name, "a string");
	}
	if (value->via.str.size < field->minimum || value->via.str.size > field->maximum) {
		return fault_out_of_range(ret_fault, field, value->via.str.size);
	}

	(void)object_get_text(value, ret_value, field->size_bytes);
	return 0;
}

int map_read_array(const struct map_field *field, const msgpack_object *value, void *ret_value,
		   struct fault *ret_fault) {
	if (value->type != MSGPACK_OBJECT_ARRAY) {
		return fault_wrong_type(ret_fault, field->name, "an array");
	}

	*(const msgpack_object **)ret_value = value;
	return 0;
}
