/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the helper says, as it writes it. Results are the hot path: their header has a fixed size, so that the count can be written
 * when it is known, and an outcome that does not fit is taken back as if it had never been added. */

#include "protocol/message.h"

#include <errno.h>
#include <string.h>

#include "protocol/packer.h"

enum {
	TYPE_RESPONSE = 1,
	TYPE_NOTIFICATION = 2,
};

/* A results message up to its first outcome: 93 02 a7 "results" 92 ce ID dc COUNT. */
enum {
	RESULTS_COUNT_OFFSET = 17,
	RESULTS_HEADER_BYTES = 19,
};

/* [1, msgid, error, result] up to where one of the two stands; the other is nil. */
static void begin_response(struct packer *packer, uint32_t msgid, struct message_buffer *buffer) {
	buffer->n_bytes = 0;
	packer_init(packer, buffer);
	msgpack_pack_array(&packer->msgpack, 4);
	msgpack_pack_uint8(&packer->msgpack, TYPE_RESPONSE);
	msgpack_pack_uint32(&packer->msgpack, msgid);
}

static void begin_result(struct packer *packer, uint32_t msgid, struct message_buffer *buffer) {
	begin_response(packer, msgid, buffer);
	msgpack_pack_nil(&packer->msgpack);
}

/* [2, method, [ up to the first of @n_params. */
static void begin_notification(struct packer *packer, const char *method, size_t n_params,
			       struct message_buffer *buffer) {
	buffer->n_bytes = 0;
	packer_init(packer, buffer);
	msgpack_pack_array(&packer->msgpack, 3);
	msgpack_pack_uint8(&packer->msgpack, TYPE_NOTIFICATION);
	pack_text(packer, method);
	msgpack_pack_array(&packer->msgpack, n_params);
}

int response_pack_true(uint32_t msgid, struct message_buffer *buffer) {
	struct packer packer;

	begin_result(&packer, msgid, buffer);
	msgpack_pack_true(&packer.msgpack);
	return packer_finish(&packer);
}

int response_pack_fault(uint32_t msgid, const struct fault *fault, struct message_buffer *buffer) {
	bool has_limit = fault->limit[0] != '\0';
	struct packer packer;

	begin_response(&packer, msgid, buffer);
	msgpack_pack_map(&packer.msgpack, has_limit ? 5 : 2);
	pack_text(&packer, "code");
	pack_text(&packer, protocol_code_name(fault->code));
	pack_text(&packer, "message");
	pack_text(&packer, fault->message);
	if (has_limit) {
		pack_text(&packer, "limit");
		pack_text(&packer, fault->limit);
		pack_text(&packer, "asked");
		msgpack_pack_int64(&packer.msgpack, fault->asked);
		pack_text(&packer, "allowed");
		msgpack_pack_int64(&packer.msgpack, fault->allowed);
	}
	msgpack_pack_nil(&packer.msgpack);
	return packer_finish(&packer);
}

static void pack_hello_limits(struct packer *packer, const struct hello_result *hello) {
	pack_text(packer, "limits");
	msgpack_pack_map(&packer->msgpack, 5);
	pack_pair(packer, "targets_per_message", hello->targets_per_message);
	pack_pair(packer, "payload_bytes", hello->payload_bytes);
	pack_pair(packer, "timeout_us", hello->timeout_us);
	pack_text(packer, "packets_per_second");
	if (hello->packets_per_second == UINT32_MAX) {
		msgpack_pack_nil(&packer->msgpack);
	} else {
		msgpack_pack_uint32(&packer->msgpack, hello->packets_per_second);
	}
	pack_text(packer, "options");
	pack_names(packer, &ping_option_names, hello->options);
}

int response_pack_hello(uint32_t msgid, const struct hello_result *hello,
			struct message_buffer *buffer) {
	struct packer packer;

	begin_result(&packer, msgid, buffer);
	msgpack_pack_map(&packer.msgpack, 7);
	pack_pair(&packer, "protocol", hello->protocol);
	pack_text(&packer, "helper");
	pack_text(&packer, hello->helper);
	pack_text(&packer, "backend");
	pack_text(&packer, hello->backend);
	pack_pair(&packer, "namespace", hello->namespace_inode);
	pack_pair(&packer, "receive_buffer_bytes", hello->receive_buffer_bytes);
	pack_text(&packer, "features");
	pack_names(&packer, &hello_feature_names, hello->features);
	pack_hello_limits(&packer, hello);
	return packer_finish(&packer);
}

int response_pack_stats(uint32_t msgid, const struct stats_result *stats,
			struct message_buffer *buffer) {
	struct packer packer;

	begin_result(&packer, msgid, buffer);
	msgpack_pack_map(&packer.msgpack, stats->n_counters);
	for (size_t i = 0; i < stats->n_counters; i++) {
		pack_pair(&packer, stats->counters[i].name, stats->counters[i].value);
	}
	return packer_finish(&packer);
}

/* A notification whose one parameter is the id of a ping. */
static int pack_id(const char *method, uint32_t id, struct message_buffer *buffer) {
	struct packer packer;

	begin_notification(&packer, method, 1, buffer);
	msgpack_pack_uint32(&packer.msgpack, id);
	return packer_finish(&packer);
}

int sent_pack(uint32_t id, struct message_buffer *buffer) {
	return pack_id("sent", id, buffer);
}

int done_pack(uint32_t id, struct message_buffer *buffer) {
	return pack_id("done", id, buffer);
}

int closing_pack(const struct closing *closing, struct message_buffer *buffer) {
	struct packer packer;

	begin_notification(&packer, "closing", 3, buffer);
	pack_text(&packer, protocol_code_name(closing->code));
	pack_text(&packer, closing->text);
	msgpack_pack_map(&packer.msgpack, 1);
	pack_text(&packer, "tried");
	msgpack_pack_map(&packer.msgpack, closing->n_tried);
	for (size_t i = 0; i < closing->n_tried; i++) {
		pack_pair(&packer, closing->tried[i].what, closing->tried[i].error);
	}
	return packer_finish(&packer);
}

/* --- results --- */

void results_begin(struct results_packer *ret_packer, uint32_t id, struct message_buffer *buffer) {
	static const char count[] = {(char)0xdc, 0, 0}; /* array 16 */
	struct packer packer;

	begin_notification(&packer, "results", 2, buffer);
	msgpack_pack_fix_uint32(&packer.msgpack, id);
	packer.msgpack.callback(packer.msgpack.data, count, sizeof(count));
	*ret_packer = (struct results_packer){.buffer = buffer};
}

/* What stands behind [index, kind, flags, queued_us for one kind; to be packed by pack_outcome_details. */
static size_t outcome_n_details(const struct outcome *outcome) {
	switch (outcome->kind) {
	case OUTCOME_REPLY:
	case OUTCOME_DUPLICATE:
	case OUTCOME_LATE:
		return 3;
	case OUTCOME_ICMP_ERROR:
	case OUTCOME_UNVERIFIED_ERROR:
		return 4;
	case OUTCOME_SEND_ERROR:
	case OUTCOME_DENIED:
		return 1;
	default:
		return 0;
	}
}

static void pack_outcome_details(struct packer *packer, const struct outcome *outcome) {
	switch (outcome->kind) {
	case OUTCOME_REPLY:
	case OUTCOME_DUPLICATE:
	case OUTCOME_LATE:
		msgpack_pack_uint64(&packer->msgpack, (uint64_t)outcome->rtt_ns);
		msgpack_pack_uint8(&packer->msgpack, outcome->hop_limit);
		msgpack_pack_uint32(&packer->msgpack, outcome->size_bytes);
		break;
	case OUTCOME_ICMP_ERROR:
	case OUTCOME_UNVERIFIED_ERROR:
		msgpack_pack_uint8(&packer->msgpack, outcome->icmp_type);
		msgpack_pack_uint8(&packer->msgpack, outcome->icmp_code);
		pack_address(packer, &outcome->reporter);
		msgpack_pack_uint32(&packer->msgpack, outcome->next_hop_mtu);
		break;
	case OUTCOME_SEND_ERROR:
		msgpack_pack_uint32(&packer->msgpack, outcome->error);
		break;
	case OUTCOME_DENIED:
		pack_text(packer, outcome->rule);
		break;
	default:
		break;
	}
}

int results_add(struct results_packer *results, const struct outcome *outcome) {
	size_t n_bytes_before = results->buffer->n_bytes;
	struct packer packer;

	packer_init(&packer, results->buffer);
	msgpack_pack_array(&packer.msgpack, 4 + outcome_n_details(outcome));
	msgpack_pack_uint32(&packer.msgpack, outcome->index);
	msgpack_pack_uint8(&packer.msgpack, outcome->kind);
	msgpack_pack_uint8(&packer.msgpack, outcome->flags);
	msgpack_pack_uint32(&packer.msgpack, outcome->queued_us);
	pack_outcome_details(&packer, outcome);
	if (packer.is_full) {
		results->buffer->n_bytes = n_bytes_before;
		return RESULTS_E_FULL;
	}

	results->n_outcomes++;
	return 0;
}

void results_end(struct results_packer *results) {
	uint8_t *count = results->buffer->bytes + RESULTS_COUNT_OFFSET;

	count[0] = (uint8_t)(results->n_outcomes >> 8);
	count[1] = (uint8_t)results->n_outcomes;
}
