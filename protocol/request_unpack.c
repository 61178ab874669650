/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as the helper reads them. Whoever wrote them is taken for hostile: the scan bounds what msgpack-c may allocate, a table
 * for each method checks every parameter before it is stored, and the first fault ends the reading. What needs more than the
 * message itself (the session's state, the helper's policy) is the session's to check. */

#include "protocol/request.h"

#include <errno.h>
#include <stdio.h>

#include "protocol/map.h"
#include "protocol/names.h"
#include "protocol/object.h"

/* A request while it is read. A ping's targets follow when the rest of it is known to be right. */
struct reading {
	struct request request;
	const msgpack_object *targets; /* an array */
};

/* --- parameters of a kind of their own --- */

/* hello's `protocol`: another version is not out of range, it is another protocol. */
static int read_version(const struct map_field *field, const msgpack_object *value, void *ret_value,
			struct fault *ret_fault) {
	int64_t asked;

	if (!object_get_integer(value, &asked)) {
		return fault_wrong_type(ret_fault, field->name, "an integer");
	}
	if (asked != PROTOCOL_VERSION) {
		fault_set_limit(ret_fault, PROTOCOL_CODE_PROTOCOL_VERSION, field->name, asked,
				PROTOCOL_VERSION, "protocol %lld asked, this helper speaks %d",
				(long long)asked, PROTOCOL_VERSION);
		return 1;
	}

	*(uint32_t *)ret_value = PROTOCOL_VERSION;
	return 0;
}

/* ping's `pattern`: a number or "random". */
static int read_pattern(const struct map_field *field, const msgpack_object *value, void *ret_value,
			struct fault *ret_fault) {
	if (object_is_text(value, "random")) {
		*(int16_t *)ret_value = -1;
		return 0;
	}
	if (value->type == MSGPACK_OBJECT_STR) {
		fault_set(ret_fault, PROTOCOL_CODE_OUT_OF_RANGE,
			  "pattern: 0 to 255 and 'random' are allowed");
		return 1;
	}

	return map_read_uint(field, value, ret_value, ret_fault);
}

/* An address, called @name in faults. */
static int read_address(const char *name, const msgpack_object *value, struct in6_addr *ret_address,
			struct fault *ret_fault) {
	if (value->type != MSGPACK_OBJECT_BIN) {
		return fault_wrong_type(ret_fault, name, "a bin");
	}
	if (!object_get_address(value, ret_address)) {
		fault_set(ret_fault, PROTOCOL_CODE_BAD_ADDRESS,
			  "%s: an address has 4 or 16 bytes, not %u", name, value->via.bin.size);
		return 1;
	}

	return 0;
}

static int read_source(const struct map_field *field, const msgpack_object *value, void *ret_value,
		       struct fault *ret_fault) {
	return read_address(field->name, value, ret_value, ret_fault);
}

/* stats' `scope`. */
static int read_scope(const struct map_field *field, const msgpack_object *value, void *ret_value,
		      struct fault *ret_fault) {
	size_t scope;

	if (value->type != MSGPACK_OBJECT_STR) {
		return fault_wrong_type(ret_fault, field->name, "a string");
	}

	scope = name_set_find(&stats_scope_names, value->via.str.ptr, value->via.str.size);
	if (scope < stats_scope_names.n_names) {
		*(enum stats_scope *)ret_value = (enum stats_scope)scope;
		return 0;
	}

	fault_set(ret_fault, PROTOCOL_CODE_OUT_OF_RANGE,
		  "scope: 'session', 'owner' and 'helper' are allowed");
	return 1;
}

/* --- the parameters of each method --- */

#define AT(member) MAP_MEMBER(struct reading, member)

static const struct map_field hello_fields[] = {
	{"protocol", read_version, AT(request.hello.protocol), 0, 0, MAP_REQUIRED},
	{"client", map_read_text, AT(request.hello.client), 1, PROTOCOL_MAX_CLIENT_BYTES,
	 MAP_REQUIRED},
};

/* The first six stand in the order of enum ping_option: those that map_read found are the options given. */
static const struct map_field ping_fields[] = {
	{"ttl", map_read_uint, AT(request.ping.ttl), 1, UINT8_MAX, MAP_OPTIONAL},
	{"tos", map_read_uint, AT(request.ping.tos), 0, UINT8_MAX, MAP_OPTIONAL},
	{"dont_fragment", map_read_bool, AT(request.ping.dont_fragment), 0, 0, MAP_OPTIONAL},
	{"source", read_source, AT(request.ping.source), 0, 0, MAP_OPTIONAL},
	{"interface", map_read_uint, AT(request.ping.interface), 1, INT32_MAX, MAP_OPTIONAL},
	{"fwmark", map_read_uint, AT(request.ping.fwmark), 0, UINT32_MAX, MAP_OPTIONAL},
	{"id", map_read_uint, AT(request.ping.id), 0, UINT32_MAX, MAP_REQUIRED},
	{"targets", map_read_array, AT(targets), 0, 0, MAP_REQUIRED},
	{"timeout_us", map_read_uint, AT(request.ping.timeout_us), PROTOCOL_MIN_TIMEOUT_US,
	 PROTOCOL_MAX_TIMEOUT_US, MAP_REQUIRED},
	{"interval_us", map_read_uint, AT(request.ping.interval_us), 0, PROTOCOL_MAX_INTERVAL_US,
	 MAP_OPTIONAL},
	{"size_bytes", map_read_uint, AT(request.ping.size_bytes), 0, PROTOCOL_MAX_DATA_BYTES,
	 MAP_OPTIONAL},
	{"pattern", read_pattern, AT(request.ping.pattern), 0, UINT8_MAX, MAP_OPTIONAL},
	{"scope", map_read_uint, AT(request.ping.scope), 0, INT32_MAX, MAP_OPTIONAL},
};
enum { PING_OPTIONS = 2 * PING_OPTION_FWMARK - 1 };

static const struct map_field cancel_fields[] = {
	{"id", map_read_uint, AT(request.cancel.id), 0, UINT32_MAX, MAP_REQUIRED},
	{"index", map_read_uint, AT(request.cancel.index), 0, UINT32_MAX, MAP_OPTIONAL},
};
enum { CANCEL_INDEX = 2 };

static const struct map_field stats_fields[] = {
	{"scope", read_scope, AT(request.stats.scope), 0, 0, MAP_REQUIRED},
};

/* --- what lies outside the tables --- */

static int unpack_targets(struct request_decoder *decoder, const msgpack_object_array *targets,
			  struct fault *ret_fault) {
	if (targets->size == 0) {
		fault_set(ret_fault, PROTOCOL_CODE_NO_TARGETS, "targets: there is none");
		return 1;
	}
	if (targets->size > PROTOCOL_MAX_TARGETS) {
		fault_set_limit(ret_fault, PROTOCOL_CODE_TOO_MANY_TARGETS, "targets_per_message",
				targets->size, PROTOCOL_MAX_TARGETS,
				"targets: %u asked, %d a message allowed", targets->size,
				PROTOCOL_MAX_TARGETS);
		return 1;
	}

	for (uint32_t i = 0; i < targets->size; i++) {
		if (!object_get_address(&targets->ptr[i], &decoder->targets[i])) {
			char name[sizeof("targets[4294967295]")];

			(void)snprintf(name, sizeof(name), "targets[%u]", i);
			return read_address(name, &targets->ptr[i], &decoder->targets[i],
					    ret_fault);
		}
	}
	return 0;
}

/* A packet has one family: that of the source address must be that of every target. */
static int check_families(const struct request_ping *ping, struct fault *ret_fault) {
	bool is_ipv4 = IN6_IS_ADDR_V4MAPPED(&ping->source);

	for (uint32_t i = 0; i < ping->n_targets; i++) {
		if (IN6_IS_ADDR_V4MAPPED(&ping->targets[i]) != is_ipv4) {
			fault_set(ret_fault, PROTOCOL_CODE_BAD_ADDRESS,
				  "source is of IPv%d, targets[%u] is not", is_ipv4 ? 4 : 6, i);
			return 1;
		}
	}

	return 0;
}

static int finish_ping(struct request_decoder *decoder, struct reading *reading, uint32_t present,
		       struct fault *ret_fault) {
	struct request_ping *ping = &reading->request.ping;

	if (unpack_targets(decoder, &reading->targets->via.array, ret_fault) != 0) {
		return 1;
	}

	ping->targets = decoder->targets;
	ping->n_targets = reading->targets->via.array.size;
	ping->options = present & PING_OPTIONS;
	return ping->options & PING_OPTION_SOURCE ? check_families(ping, ret_fault) : 0;
}

static int finish_cancel(struct request_decoder *decoder, struct reading *reading, uint32_t present,
			 struct fault *ret_fault) {
	reading->request.cancel.has_index = (present & CANCEL_INDEX) != 0;
	return 0;
}

/* --- the message --- */

#define FIELDS(fields) (fields), sizeof(fields) / sizeof((fields)[0])

static const struct method {
	const char *name;
	const struct map_field *fields;
	size_t n_fields;
	int (*finish)(struct request_decoder *decoder, struct reading *reading, uint32_t present,
		      struct fault *ret_fault); /* or NULL */
} methods[] = {
	[REQUEST_HELLO] = {"hello", FIELDS(hello_fields), NULL},
	[REQUEST_PING] = {"ping", FIELDS(ping_fields), finish_ping},
	[REQUEST_CANCEL] = {"cancel", FIELDS(cancel_fields), finish_cancel},
	[REQUEST_STATS] = {"stats", FIELDS(stats_fields), NULL},
};
enum { N_METHODS = sizeof(methods) / sizeof(methods[0]) };

/* Reads the array, its type and msgid: without them there is nobody to answer. */
static int read_envelope(const msgpack_object *message, uint32_t *ret_msgid,
			 struct fault *ret_fault) {
	const msgpack_object *elements;
	uint64_t type;

	if (message->type != MSGPACK_OBJECT_ARRAY || message->via.array.size != 4) {
		return fault_wrong_type(ret_fault, "request", "an array of 4 elements");
	}

	elements = message->via.array.ptr;
	if (!object_get_uint(&elements[0], 0, &type)) {
		return fault_wrong_type(ret_fault, "request", "0 as its type");
	}
	if (!object_get_u32(&elements[1], ret_msgid)) {
		return fault_wrong_type(ret_fault, "msgid", "an integer of 32 bits");
	}

	return 0;
}

static int read_method(const msgpack_object *name, enum request_method *ret_method,
		       struct fault *ret_fault) {
	char text[PROTOCOL_MAX_NAME_BYTES + 1];

	for (unsigned method = 0; method < N_METHODS; method++) {
		if (object_is_text(name, methods[method].name)) {
			*ret_method = (enum request_method)method;
			return 0;
		}
	}

	if (!object_get_text(name, text, sizeof(text))) {
		return fault_wrong_type(ret_fault, "method", "a string");
	}
	fault_set(ret_fault, PROTOCOL_CODE_UNKNOWN_METHOD, "unknown method '%s'", text);
	return 1;
}

/* Reads method and parameters of @message into @reading. */
static int read_call(struct request_decoder *decoder, const msgpack_object_array *message,
		     struct reading *reading, struct fault *ret_fault) {
	const struct method *method;
	uint32_t present;

	if (read_method(&message->ptr[2], &reading->request.method, ret_fault) != 0) {
		return 1;
	}

	if (reading->request.method == REQUEST_PING) {
		request_ping_init(&reading->request.ping);
	}
	method = &methods[reading->request.method];
	if (map_read(&message->ptr[3], "params", method->fields, method->n_fields,
		     MAP_UNKNOWN_REFUSED, reading, &present, ret_fault) != 0) {
		return 1;
	}

	return method->finish != NULL ? method->finish(decoder, reading, present, ret_fault) : 0;
}

int request_unpack(struct request_decoder *decoder, const void *bytes, size_t n_bytes,
		   struct request *ret_request, struct fault *ret_fault) {
	CLEANUP(object_zone_free) msgpack_zone *zone = NULL;
	struct reading reading = {0};
	msgpack_object message;
	int r;

	if (object_scan(bytes, n_bytes, ret_fault) != 0) {
		return REQUEST_E_UNANSWERABLE;
	}

	zone = msgpack_zone_new(object_zone_bytes(n_bytes));
	if (zone == NULL) {
		return -ENOMEM;
	}

	r = object_unpack(bytes, n_bytes, zone, &message, ret_fault);
	if (r < 0) {
		return r;
	}
	if (r > 0 || read_envelope(&message, &reading.request.msgid, ret_fault) != 0) {
		return REQUEST_E_UNANSWERABLE;
	}

	if (read_call(decoder, &message.via.array, &reading, ret_fault) != 0) {
		if (protocol_code_closes(ret_fault->code)) {
			return REQUEST_E_UNANSWERABLE;
		}
		ret_request->msgid = reading.request.msgid;
		return REQUEST_E_FAULT;
	}

	*ret_request = reading.request;
	return 0;
}
