/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the helper says: responses, and the notifications results, sent, done, closing (PROTOCOL.md). */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "protocol/code.h"
#include "protocol/limits.h"

/* Kinds of outcome on the wire: final below 16, events from 16 up. */
enum outcome_kind {
	OUTCOME_REPLY = 0,
	OUTCOME_TIMEOUT = 1,
	OUTCOME_ICMP_ERROR = 2,
	OUTCOME_SEND_ERROR = 3,
	OUTCOME_DENIED = 4,
	OUTCOME_CANCELLED = 5,
	OUTCOME_FIRST_EVENT = 16,
	OUTCOME_DUPLICATE = 16,
	OUTCOME_LATE = 17,
	OUTCOME_UNVERIFIED_ERROR = 18,
};

enum outcome_flag {
	OUTCOME_TRANSMIT_STAMP = 1,
	OUTCOME_RECEIVE_STAMP = 2,
	OUTCOME_MAYBE_LOCAL_LOSS = 4,
	OUTCOME_UNVERIFIED = 8,
};

struct outcome {
	uint32_t index; /* of the target in its ping */
	uint8_t kind;   /* enum outcome_kind, or one that this version does not know */
	uint8_t flags;  /* enum outcome_flag */
	uint32_t queued_us;
	/* reply, duplicate, late */
	int64_t rtt_ns;
	uint8_t hop_limit;
	uint32_t size_bytes;
	/* icmp_error, unverified_error */
	uint8_t icmp_type, icmp_code;
	struct in6_addr reporter; /* IPv4 as IPv4-mapped */
	uint32_t next_hop_mtu;
	/* send_error */
	uint32_t error;
	/* denied */
	char rule[PROTOCOL_MAX_NAME_BYTES + 1];
};

enum hello_feature {
	HELLO_FEATURE_IPV4 = 1,
	HELLO_FEATURE_IPV6 = 2,
	HELLO_FEATURE_TRANSMIT_STAMPS = 4,
	HELLO_FEATURE_RECEIVE_STAMPS = 8,
};

struct hello_result {
	uint32_t protocol;
	char helper[PROTOCOL_MAX_NAME_BYTES + 1];
	char backend[PROTOCOL_MAX_NAME_BYTES + 1];
	uint64_t namespace_inode;
	uint32_t receive_buffer_bytes;
	uint32_t features; /* enum hello_feature */
	uint32_t targets_per_message, payload_bytes, timeout_us;
	uint32_t packets_per_second; /* UINT32_MAX: no limit (nil on the wire) */
	uint32_t options;            /* enum ping_option */
};

struct counter {
	char name[PROTOCOL_MAX_NAME_BYTES + 1];
	uint64_t value;
};

struct stats_result {
	size_t n_counters;
	struct counter counters[PROTOCOL_MAX_COUNTERS];
};

struct tried {
	char what[PROTOCOL_MAX_NAME_BYTES + 1];
	uint32_t error; /* errno */
};

struct closing {
	enum protocol_code code; /* NONE: one that this version does not know */
	char text[PROTOCOL_MAX_TEXT_BYTES + 1];
	size_t n_tried;
	struct tried tried[PROTOCOL_MAX_TRIED];
};

/* --- packing, in the helper. Each replaces what @buffer holds; -ENOSPC: does not fit, and @buffer is empty. --- */

int response_pack_true(uint32_t msgid, struct message_buffer *buffer);
/* @fault has a code; @closing below, too. */
int response_pack_fault(uint32_t msgid, const struct fault *fault, struct message_buffer *buffer);
int response_pack_hello(uint32_t msgid, const struct hello_result *hello,
			struct message_buffer *buffer);
int response_pack_stats(uint32_t msgid, const struct stats_result *stats,
			struct message_buffer *buffer);
int sent_pack(uint32_t id, struct message_buffer *buffer);
int done_pack(uint32_t id, struct message_buffer *buffer);
int closing_pack(const struct closing *closing, struct message_buffer *buffer);

/* A results message grows by one outcome at a time: begin, add until it returns RESULTS_E_FULL (@outcome was not added) or
 * there is no more, end (which writes the count). An ended message without an outcome is not to be sent. */
enum { RESULTS_E_FULL = 1 };
struct results_packer {
	struct message_buffer *buffer; /* borrowed */
	uint32_t n_outcomes;
};
void results_begin(struct results_packer *ret_packer, uint32_t id, struct message_buffer *buffer);
int results_add(struct results_packer *packer, const struct outcome *outcome);
void results_end(struct results_packer *packer);

/* --- unpacking, in the client: the helper is not trusted either. --- */

enum message_type {
	MESSAGE_RESPONSE,
	MESSAGE_RESULTS,
	MESSAGE_SENT,
	MESSAGE_DONE,
	MESSAGE_CLOSING,
	MESSAGE_UNKNOWN, /* a notification of a later version: to be ignored */
};

struct message_decoder; /* working space, 400 KB at most; one for a connection */

/* Texts are printable ASCII (other bytes became '?') and cut to fit; tried and counters as many as fit. */
struct message {
	enum message_type type;
	uint32_t msgid;      /* response */
	uint32_t id;         /* results, sent, done */
	uint32_t n_outcomes; /* results: to be fetched with message_next_outcome */
	bool has_fault; /* response: @fault is set, else ask one of the message_unpack_… for the result */
	struct fault fault; /* after MESSAGE_E_MALFORMED: what is wrong with the message itself */
	struct closing closing;
};

/* -ENOMEM. */
int message_decoder_new(struct message_decoder **ret_decoder);

/* NULL is fine; returns NULL. */
struct message_decoder *message_decoder_free(struct message_decoder *decoder);

/* Unpacks one message. @bytes is borrowed until the next call, or until outcomes and result have been asked for.
 * MESSAGE_E_MALFORMED: the helper broke the protocol, the connection is of no further use. -ENOMEM. */
enum { MESSAGE_E_MALFORMED = 1 };
int message_unpack(struct message_decoder *decoder, const void *bytes, size_t n_bytes,
		   struct message *ret_message);

/* The next outcome of a results message: 1 and @ret_outcome, of which only what belongs to its kind is set; 0 after the last; -EBADMSG
 * where it is malformed (the next call goes on behind it). index is below PROTOCOL_MAX_TARGETS; whether the ping had so many targets is
 * for the caller to check. A kind above 255 comes as 255. */
int message_next_outcome(struct message_decoder *decoder, struct outcome *ret_outcome);

/* The result of the response last unpacked. MESSAGE_E_MALFORMED where it is not that, or a limit is beyond the protocol's maxima. */
int message_unpack_true(struct message_decoder *decoder);
int message_unpack_hello(struct message_decoder *decoder, struct hello_result *ret_hello);
int message_unpack_stats(struct message_decoder *decoder, struct stats_result *ret_stats);
