/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the helper says, as the client reads it. The helper is not trusted: what it sends is scanned before it is unpacked, every
 * number has a range and every text a length. What a later version may add is passed over: keys of maps, elements at the end of
 * arrays, notifications, kinds of outcome. */

#include "protocol/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/map.h"
#include "protocol/names.h"
#include "protocol/object.h"

struct message_decoder {
	msgpack_unpacked unpacked;     /* the last message; borrows its bytes */
	const msgpack_object *result;  /* of a response without a fault, else NULL */
	const msgpack_object *outcome; /* the next of a results message */
	const msgpack_object *outcome_end;
};

int message_decoder_new(struct message_decoder **ret_decoder) {
	struct message_decoder *decoder = calloc(1, sizeof(*decoder));

	if (decoder == NULL) {
		return -ENOMEM;
	}

	*ret_decoder = decoder;
	return 0;
}

struct message_decoder *message_decoder_free(struct message_decoder *decoder) {
	if (decoder != NULL) {
		msgpack_unpacked_destroy(&decoder->unpacked);
		free(decoder);
	}

	return NULL;
}

/* --- values of a kind of their own --- */

/* A code that this version does not know is none, and no fault. */
static enum protocol_code code_of(const msgpack_object *name) {
	return protocol_code_from_name(name->via.str.ptr, name->via.str.size);
}

static int read_code(const struct map_field *field, const msgpack_object *value, void *ret_value,
		     struct fault *ret_fault) {
	if (value->type != MSGPACK_OBJECT_STR) {
		return fault_wrong_type(ret_fault, field->name, "a string");
	}

	*(enum protocol_code *)ret_value = code_of(value);
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
	{"asked", map_read_integer, AT(asked), 0, 0, MAP_OPTIONAL},
	{"allowed", map_read_integer, AT(allowed), 0, 0, MAP_OPTIONAL},
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

/* --- the message --- */

static int unpack_response(struct message_decoder *decoder, const msgpack_object_array *message,
			   struct message *ret_message, struct fault *ret_fault) {
	const msgpack_object *error, *result;

	if (message->size < 4 || !object_get_u32(&message->ptr[1], &ret_message->msgid)) {
		return fault_wrong_type(ret_fault, "response", "msgid, error and result");
	}

	error = &message->ptr[2];
	result = &message->ptr[3];
	if ((error->type == MSGPACK_OBJECT_NIL) == (result->type == MSGPACK_OBJECT_NIL)) {
		return fault_wrong_type(ret_fault, "response", "either an error or a result");
	}

	ret_message->type = MESSAGE_RESPONSE;
	if (error->type == MSGPACK_OBJECT_NIL) {
		decoder->result = result;
		return 0;
	}

	ret_message->has_fault = true;
	return map_read(error, "error", FIELDS(fault_fields), MAP_UNKNOWN_IGNORED,
			&ret_message->fault, NULL, ret_fault);
}

static int unpack_results(struct message_decoder *decoder, const msgpack_object_array *params,
			  struct message *ret_message, struct fault *ret_fault) {
	if (params->size < 2 || !object_get_u32(&params->ptr[0], &ret_message->id) ||
	    params->ptr[1].type != MSGPACK_OBJECT_ARRAY) {
		return fault_wrong_type(ret_fault, "results", "an id and an array");
	}

	ret_message->n_outcomes = params->ptr[1].via.array.size;
	decoder->outcome = params->ptr[1].via.array.ptr;
	decoder->outcome_end = decoder->outcome + ret_message->n_outcomes;
	return 0;
}

/* sent, done */
static int unpack_id(struct message_decoder *decoder, const msgpack_object_array *params,
		     struct message *ret_message, struct fault *ret_fault) {
	if (params->size < 1 || !object_get_u32(&params->ptr[0], &ret_message->id)) {
		return fault_wrong_type(ret_fault, "sent or done", "an id");
	}

	return 0;
}

static int unpack_closing(struct message_decoder *decoder, const msgpack_object_array *params,
			  struct message *ret_message, struct fault *ret_fault) {
	struct closing *closing = &ret_message->closing;

	if (params->size < 3 || params->ptr[0].type != MSGPACK_OBJECT_STR ||
	    !object_get_text(&params->ptr[1], closing->text, sizeof(closing->text))) {
		return fault_wrong_type(ret_fault, "closing", "a code, a text and a map");
	}

	closing->code = code_of(&params->ptr[0]);
	return map_read(&params->ptr[2], "closing", FIELDS(closing_fields), MAP_UNKNOWN_IGNORED,
			closing, NULL, ret_fault);
}

static const struct notification {
	const char *method;
	enum message_type type;
	int (*unpack)(struct message_decoder *decoder, const msgpack_object_array *params,
		      struct message *ret_message, struct fault *ret_fault);
} notifications[] = {
	{"results", MESSAGE_RESULTS, unpack_results},
	{"sent", MESSAGE_SENT, unpack_id},
	{"done", MESSAGE_DONE, unpack_id},
	{"closing", MESSAGE_CLOSING, unpack_closing},
};

static int unpack_notification(struct message_decoder *decoder, const msgpack_object_array *message,
			       struct message *ret_message, struct fault *ret_fault) {
	if (message->size < 3 || message->ptr[1].type != MSGPACK_OBJECT_STR ||
	    message->ptr[2].type != MSGPACK_OBJECT_ARRAY) {
		return fault_wrong_type(ret_fault, "notification", "a method and an array");
	}

	for (size_t i = 0; i < sizeof(notifications) / sizeof(notifications[0]); i++) {
		if (object_is_text(&message->ptr[1], notifications[i].method)) {
			ret_message->type = notifications[i].type;
			return notifications[i].unpack(decoder, &message->ptr[2].via.array,
						       ret_message, ret_fault);
		}
	}

	ret_message->type = MESSAGE_UNKNOWN;
	return 0;
}

static int unpack_message(struct message_decoder *decoder, struct message *ret_message,
			  struct fault *ret_fault) {
	const msgpack_object *message = &decoder->unpacked.data;
	uint64_t type;

	if (message->type != MSGPACK_OBJECT_ARRAY || message->via.array.size == 0 ||
	    !object_get_uint(&message->via.array.ptr[0], 2, &type) || type == 0) {
		return fault_wrong_type(ret_fault, "message", "a response or a notification");
	}

	return type == 1
		       ? unpack_response(decoder, &message->via.array, ret_message, ret_fault)
		       : unpack_notification(decoder, &message->via.array, ret_message, ret_fault);
}

int message_unpack(struct message_decoder *decoder, const void *bytes, size_t n_bytes,
		   struct message *ret_message) {
	struct fault fault;
	int r;

	decoder->result = NULL;
	decoder->outcome = decoder->outcome_end = NULL;
	*ret_message = (struct message){0};

	r = object_unpack(bytes, n_bytes, &decoder->unpacked, &fault);
	if (r < 0) {
		return r;
	}
	if (r > 0 || unpack_message(decoder, ret_message, &fault) != 0) {
		ret_message->fault = fault;
		return MESSAGE_E_MALFORMED;
	}

	return 0;
}

/* --- outcomes --- */

static bool unpack_reply(const msgpack_object *details, struct outcome *ret_outcome) {
	uint64_t rtt_ns, hop_limit;

	if (!object_get_uint(&details[0], INT64_MAX, &rtt_ns) ||
	    !object_get_uint(&details[1], UINT8_MAX, &hop_limit)) {
		return false;
	}

	ret_outcome->rtt_ns = (int64_t)rtt_ns;
	ret_outcome->hop_limit = (uint8_t)hop_limit;
	return object_get_u32(&details[2], &ret_outcome->size_bytes);
}

static bool unpack_icmp_error(const msgpack_object *details, struct outcome *ret_outcome) {
	uint64_t type, code;

	if (!object_get_uint(&details[0], UINT8_MAX, &type) ||
	    !object_get_uint(&details[1], UINT8_MAX, &code)) {
		return false;
	}

	ret_outcome->icmp_type = (uint8_t)type;
	ret_outcome->icmp_code = (uint8_t)code;
	return object_get_address(&details[2], &ret_outcome->reporter) &&
	       object_get_u32(&details[3], &ret_outcome->next_hop_mtu);
}

/* What stands behind [index, kind, flags, queued_us; nothing where the kind is not known. */
static bool unpack_details(const msgpack_object *details, uint32_t n_details,
			   struct outcome *ret_outcome) {
	switch (ret_outcome->kind) {
	case OUTCOME_REPLY:
	case OUTCOME_DUPLICATE:
	case OUTCOME_LATE:
		return n_details >= 3 && unpack_reply(details, ret_outcome);
	case OUTCOME_ICMP_ERROR:
	case OUTCOME_UNVERIFIED_ERROR:
		return n_details >= 4 && unpack_icmp_error(details, ret_outcome);
	case OUTCOME_SEND_ERROR:
		return n_details >= 1 && object_get_u32(&details[0], &ret_outcome->error);
	case OUTCOME_DENIED:
		return n_details >= 1 &&
		       object_get_text(&details[0], ret_outcome->rule, sizeof(ret_outcome->rule));
	default:
		return true;
	}
}

int message_next_outcome(struct message_decoder *decoder, struct outcome *ret_outcome) {
	const msgpack_object_array *array;
	uint64_t index, kind, flags;

	if (decoder->outcome == decoder->outcome_end) {
		return 0;
	}

	array = &decoder->outcome->via.array;
	if (decoder->outcome++->type != MSGPACK_OBJECT_ARRAY || array->size < 4 ||
	    !object_get_uint(&array->ptr[0], PROTOCOL_MAX_TARGETS - 1, &index) ||
	    !object_get_uint(&array->ptr[1], UINT64_MAX, &kind) ||
	    !object_get_uint(&array->ptr[2], UINT64_MAX, &flags)) {
		return -EBADMSG;
	}

	*ret_outcome = (struct outcome){
		.index = (uint32_t)index,
		.kind = (uint8_t)(kind > UINT8_MAX ? UINT8_MAX : kind), /* an event in any case */
		.flags = (uint8_t)flags, /* those above are not known yet */
	};
	if (!object_get_u32(&array->ptr[3], &ret_outcome->queued_us) ||
	    !unpack_details(array->ptr + 4, array->size - 4, ret_outcome)) {
		return -EBADMSG;
	}

	return 1;
}

/* --- results of responses --- */

int message_unpack_true(struct message_decoder *decoder) {
	if (decoder->result == NULL || decoder->result->type != MSGPACK_OBJECT_BOOLEAN ||
	    !decoder->result->via.boolean) {
		return MESSAGE_E_MALFORMED;
	}

	return 0;
}

int message_unpack_hello(struct message_decoder *decoder, struct hello_result *ret_hello) {
	struct hello_result hello = {0};
	struct fault fault;

	if (decoder->result == NULL || map_read(decoder->result, "hello", FIELDS(hello_fields),
						MAP_UNKNOWN_IGNORED, &hello, NULL, &fault) != 0) {
		return MESSAGE_E_MALFORMED;
	}

	*ret_hello = hello;
	return 0;
}

int message_unpack_stats(struct message_decoder *decoder, struct stats_result *ret_stats) {
	const msgpack_object *result = decoder->result;
	size_t n_counters = 0;

	if (result == NULL || result->type != MSGPACK_OBJECT_MAP) {
		return MESSAGE_E_MALFORMED;
	}

	for (uint32_t i = 0; i < result->via.map.size && i < PROTOCOL_MAX_COUNTERS; i++) {
		const msgpack_object_kv *pair = &result->via.map.ptr[i];
		struct counter *counter = &ret_stats->counters[n_counters++];

		if (!object_get_text(&pair->key, counter->name, sizeof(counter->name)) ||
		    !object_get_uint(&pair->val, UINT64_MAX, &counter->value)) {
			return MESSAGE_E_MALFORMED;
		}
	}

	ret_stats->n_counters = n_counters;
	return 0;
}
