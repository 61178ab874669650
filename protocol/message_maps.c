/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The maps of what the helper says: each a table. A key that this version does not know is passed over. */

#include "protocol/message_maps.h"

#include "protocol/map.h"
#include "protocol/names.h"
#include "protocol/object.h"

/* --- values of a kind of their own --- */

/* A code that this version does not know is none, and no fault. */
static int read_code(const struct map_field *field, const msgpack_object *value, void *ret_value,
		     struct fault *ret_fault) {
	if (value->type != MSGPACK_OBJECT_STR) {
		return fault_wrong_type(ret_fault, field->name, "a string");
	}

	*(enum protocol_code *)ret_value =
		protocol_code_from_name(value->via.str.ptr, value->via.str.size);
	return 0;
}

/* An array of names into the bits of those that are known. */
static int read_names(const struct name_set *set, const struct map_field *field,
		      const msgpack_object *value, uint32_t *ret_bits, struct fault *ret_fault) {
	const msgpack_object_array *names = &value->via.array;
	uint32_t bits = 0;

	if (value->type != MSGPACK_OBJECT_ARRAY) {
		return fault_wrong_type(ret_fault, field->name, "an array");
	}

	for (uint32_t i = 0; i < names->size; i++) {
		size_t bit;

		if (names->ptr[i].type != MSGPACK_OBJECT_STR) {
			return fault_wrong_type(ret_fault, field->name, "strings");
		}
		bit = name_set_find(set, names->ptr[i].via.str.ptr, names->ptr[i].via.str.size);
		bits |= bit < set->n_names ? UINT32_C(1) << bit : 0;
	}

	*ret_bits = bits;
	return 0;
}

static int read_features(const struct map_field *field, const msgpack_object *value,
			 void *ret_value, struct fault *ret_fault) {
	return read_names(&hello_feature_names, field, value, ret_value, ret_fault);
}

static int read_options(const struct map_field *field, const msgpack_object *value, void *ret_value,
			struct fault *ret_fault) {
	return read_names(&ping_option_names, field, value, ret_value, ret_fault);
}

/* int64_t, whatever its value. */
static int read_integer(const struct map_field *field, const msgpack_object *value, void *ret_value,
			struct fault *ret_fault) {
	if (!object_get_integer(value, ret_value)) {
		return fault_wrong_type(ret_fault, field->name, "an integer");
	}

	return 0;
}

/* An integer, or nil for no limit. */
static int read_limit(const struct map_field *field, const msgpack_object *value, void *ret_value,
		      struct fault *ret_fault) {
	if (value->type == MSGPACK_OBJECT_NIL) {
		*(uint32_t *)ret_value = UINT32_MAX;
		return 0;
	}

	return map_read_uint(field, value, ret_value, ret_fault);
}

/* --- the maps --- */

#define FIELDS(fields) (fields), sizeof(fields) / sizeof((fields)[0])

#define AT(member) MAP_MEMBER(struct fault, member)
static const struct map_field fault_fields[] = {
	{"code", read_code, AT(code), 0, 0, MAP_REQUIRED},
	{"message", map_read_text, AT(message), 0, UINT32_MAX, MAP_REQUIRED},
	{"limit", map_read_text, AT(limit), 0, UINT32_MAX, MAP_OPTIONAL},
	{"asked", read_integer, AT(asked), 0, 0, MAP_OPTIONAL},
	{"allowed", read_integer, AT(allowed), 0, 0, MAP_OPTIONAL},
};
#undef AT

#define AT(member) MAP_MEMBER(struct hello_result, member)
static const struct map_field limit_fields[] = {
	{"targets_per_message", map_read_uint, AT(targets_per_message), 1, PROTOCOL_MAX_TARGETS,
	 MAP_REQUIRED},
	{"payload_bytes", map_read_uint, AT(payload_bytes), 0, PROTOCOL_MAX_DATA_BYTES,
	 MAP_REQUIRED},
	{"timeout_us", map_read_uint, AT(timeout_us), PROTOCOL_MIN_TIMEOUT_US,
	 PROTOCOL_MAX_TIMEOUT_US, MAP_REQUIRED},
	{"packets_per_second", read_limit, AT(packets_per_second), 0, UINT32_MAX, MAP_REQUIRED},
	{"options", read_options, AT(options), 0, 0, MAP_REQUIRED},
};

static int read_limits(const struct map_field *field, const msgpack_object *value, void *ret_value,
		       struct fault *ret_fault) {
	return map_read(value, field->name, FIELDS(limit_fields), MAP_UNKNOWN_IGNORED, ret_value,
			NULL, ret_fault);
}

static const struct map_field hello_fields[] = {
	{"protocol", map_read_uint, AT(protocol), PROTOCOL_VERSION, PROTOCOL_VERSION, MAP_REQUIRED},
	{"helper", map_read_text, AT(helper), 0, UINT32_MAX, MAP_REQUIRED},
	{"backend", map_read_text, AT(backend), 0, UINT32_MAX, MAP_REQUIRED},
	{"namespace", map_read_uint, AT(namespace_inode), 0, UINT64_MAX, MAP_REQUIRED},
	{"receive_buffer_bytes", map_read_uint, AT(receive_buffer_bytes), 0, UINT32_MAX,
	 MAP_REQUIRED},
	{"features", read_features, AT(features), 0, 0, MAP_REQUIRED},
	{"limits", read_limits, 0, sizeof(struct hello_result), 0, 0, MAP_REQUIRED},
};
#undef AT

/* Reads {tried: {str: u32}} into @closing, as many as it holds. */
static int read_tried(const struct map_field *field, const msgpack_object *value, void *ret_value,
		      struct fault *ret_fault) {
	const msgpack_object_map *map = &value->via.map;
	struct closing *closing = ret_value;

	if (value->type != MSGPACK_OBJECT_MAP) {
		return fault_wrong_type(ret_fault, field->name, "a map");
	}

	for (uint32_t i = 0; i < map->size && i < PROTOCOL_MAX_TRIED; i++) {
		struct tried *tried = &closing->tried[i];

		if (!object_get_text(&map->ptr[i].key, tried->what, sizeof(tried->what)) ||
		    !object_get_u32(&map->ptr[i].val, &tried->error)) {
			return fault_wrong_type(ret_fault, field->name, "names and numbers");
		}
		closing->n_tried++;
	}
	return 0;
}

static const struct map_field closing_fields[] = {
	{"tried", read_tried, 0, sizeof(struct closing), 0, 0, MAP_OPTIONAL},
};

/* --- to be called --- */

int fault_unpack(const msgpack_object *map, struct fault *ret_unpacked, struct fault *ret_fault) {
	return map_read(map, "error", FIELDS(fault_fields), MAP_UNKNOWN_IGNORED, ret_unpacked, NULL,
			ret_fault);
}

int closing_map_unpack(const msgpack_object *map, struct closing *closing,
		       struct fault *ret_fault) {
	return map_read(map, "closing", FIELDS(closing_fields), MAP_UNKNOWN_IGNORED, closing, NULL,
			ret_fault);
}

int hello_unpack(const msgpack_object *map, struct hello_result *ret_hello,
		 struct fault *ret_fault) {
	return map_read(map, "hello", FIELDS(hello_fields), MAP_UNKNOWN_IGNORED, ret_hello, NULL,
			ret_fault);
}

int stats_unpack(const msgpack_object *map, struct stats_result *ret_stats,
		 struct fault *ret_fault) {
	const msgpack_object_map *pairs = &map->via.map;

	if (map->type != MSGPACK_OBJECT_MAP) {
		return fault_wrong_type(ret_fault, "stats", "a map");
	}

	ret_stats->n_counters = 0;
	for (uint32_t i = 0; i < pairs->size && i < PROTOCOL_MAX_COUNTERS; i++) {
		struct counter *counter = &ret_stats->counters[ret_stats->n_counters++];

		if (!object_get_text(&pairs->ptr[i].key, counter->name, sizeof(counter->name)) ||
		    !object_get_uint(&pairs->ptr[i].val, UINT64_MAX, &counter->value)) {
			return fault_wrong_type(ret_fault, "stats", "names and numbers");
		}
	}

	return 0;
}
