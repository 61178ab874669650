/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the helper says, as the client reads it. The helper is not trusted: what it sends is scanned before it is unpacked, every
 * number has a range and every text a length. What a later version may add is passed over: keys of maps, elements at the end of
 * arrays, notifications, kinds of outcome. */

#include "protocol/message.h"

#include <errno.h>
#include <stdlib.h>

#include "protocol/map.h"
#include "protocol/message_maps.h"
#include "protocol/object.h"

struct message_decoder {
	msgpack_zone *zone;             /* holds the last message's objects, without growing */
	msgpack_object message;         /* borrows its bytes */
	const msgpack_object *result;   /* of a response; NULL: none */
	const msgpack_object *outcomes; /* of results, those to come */
	uint32_t n_outcomes;
};

int message_decoder_new(struct message_decoder **ret_decoder) {
	struct message_decoder *decoder = calloc(1, sizeof(*decoder));

	if (decoder == NULL) {
		return -ENOMEM;
	}

	decoder->zone = msgpack_zone_new(object_zone_bytes(PROTOCOL_MAX_MESSAGE_BYTES));
	if (decoder->zone == NULL) {
		message_decoder_free(decoder);
		return -ENOMEM;
	}

	*ret_decoder = decoder;
	return 0;
}

struct message_decoder *message_decoder_free(struct message_decoder *decoder) {
	if (decoder != NULL) {
		msgpack_zone_free(decoder->zone);
		free(decoder);
	}

	return NULL;
}

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
	return fault_unpack(error, &ret_message->fault, ret_fault);
}

static int unpack_results(struct message_decoder *decoder, const msgpack_object_array *params,
			  struct message *ret_message, struct fault *ret_fault) {
	if (params->size < 2 || !object_get_u32(&params->ptr[0], &ret_message->id) ||
	    params->ptr[1].type != MSGPACK_OBJECT_ARRAY) {
		return fault_wrong_type(ret_fault, "results", "an id and an array");
	}

	ret_message->n_outcomes = params->ptr[1].via.array.size;
	decoder->outcomes = params->ptr[1].via.array.ptr;
	decoder->n_outcomes = params->ptr[1].via.array.size;
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

	closing->code =
		protocol_code_from_name(params->ptr[0].via.str.ptr, params->ptr[0].via.str.size);
	return closing_map_unpack(&params->ptr[2], closing, ret_fault);
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

static int unpack_any(struct message_decoder *decoder, struct message *ret_message,
		      struct fault *ret_fault) {
	const msgpack_object_array *message = &decoder->message.via.array;
	uint64_t type;

	if (decoder->message.type != MSGPACK_OBJECT_ARRAY || message->size == 0 ||
	    !object_get_uint(&message->ptr[0], 2, &type) || type == 0) {
		return fault_wrong_type(ret_fault, "message", "a response or a notification");
	}

	return type == 1 ? unpack_response(decoder, message, ret_message, ret_fault)
			 : unpack_notification(decoder, message, ret_message, ret_fault);
}

int message_unpack(struct message_decoder *decoder, const void *bytes, size_t n_bytes,
		   struct message *ret_message) {
	struct fault fault;
	int r;

	decoder->result = NULL;
	decoder->n_outcomes = 0;
	*ret_message = (struct message){0};

	r = object_scan(bytes, n_bytes, &fault);
	if (r == 0) {
		r = object_unpack(bytes, n_bytes, decoder->zone, &decoder->message, &fault);
	}
	if (r == 0) {
		r = unpack_any(decoder, ret_message, &fault);
	}
	if (r > 0) {
		ret_message->fault = fault;
		return MESSAGE_E_MALFORMED;
	}

	return r;
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
	const msgpack_object *outcome = decoder->outcomes;
	const msgpack_object_array *array;
	uint64_t index, kind, flags;

	if (decoder->n_outcomes == 0) {
		return 0;
	}

	decoder->outcomes++;
	decoder->n_outcomes--;
	array = &outcome->via.array;
	if (outcome->type != MSGPACK_OBJECT_ARRAY || array->size < 4 ||
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

	if (decoder->result == NULL || hello_unpack(decoder->result, &hello, &fault) != 0) {
		return MESSAGE_E_MALFORMED;
	}

	*ret_hello = hello;
	return 0;
}

int message_unpack_stats(struct message_decoder *decoder, struct stats_result *ret_stats) {
	struct stats_result stats = {0};
	struct fault fault;

	if (decoder->result == NULL || stats_unpack(decoder->result, &stats, &fault) != 0) {
		return MESSAGE_E_MALFORMED;
	}

	*ret_stats = stats;
	return 0;
}
