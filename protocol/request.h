/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Requests, from client to helper: hello, ping, cancel, stats (PROTOCOL.md). */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "protocol/code.h"
#include "protocol/limits.h"

enum request_method { REQUEST_HELLO, REQUEST_PING, REQUEST_CANCEL, REQUEST_STATS };

/* The options of a ping that policy may refuse, as bits; names: protocol_option_name(). */
enum ping_option {
	PING_OPTION_TTL = 1,
	PING_OPTION_TOS = 2,
	PING_OPTION_DONT_FRAGMENT = 4,
	PING_OPTION_SOURCE = 8,
	PING_OPTION_INTERFACE = 16,
	PING_OPTION_FWMARK = 32,
};

enum stats_scope { STATS_SESSION, STATS_OWNER, STATS_HELPER };

struct request_hello {
	uint32_t protocol; /* unpacked: PROTOCOL_VERSION, another is a fault */
	char client[PROTOCOL_MAX_CLIENT_BYTES + 1]; /* printable ASCII; other bytes become '?' */
};

struct request_ping {
	uint32_t id;
	uint32_t n_targets;             /* 1 to PROTOCOL_MAX_TARGETS */
	const struct in6_addr *targets; /* IPv4 as IPv4-mapped; borrowed */
	uint32_t timeout_us, interval_us;
	uint32_t size_bytes;
	int16_t pattern;  /* 0 to 255; -1: random */
	uint8_t ttl, tos; /* only with their option */
	bool dont_fragment;
	uint32_t options;                  /* enum ping_option: which were given */
	struct in6_addr source;            /* of every target's family */
	uint32_t interface, scope, fwmark; /* scope 0: none */
};

struct request_cancel {
	uint32_t id;
	bool has_index;
	uint32_t index;
};

struct request_stats {
	enum stats_scope scope;
};

struct request {
	uint32_t msgid;
	enum request_method method;
	union {
		struct request_hello hello;
		struct request_ping ping;
		struct request_cancel cancel;
		struct request_stats stats;
	};
};

/* Working space for unpacking: holds the targets that a request_ping borrows. One is enough for a process. */
struct request_decoder {
	struct in6_addr targets[PROTOCOL_MAX_TARGETS];
};

enum {
	REQUEST_E_FAULT = 1,    /* answer this msgid with the fault */
	REQUEST_E_UNANSWERABLE, /* close the session with the fault */
};

/* The defaults of PROTOCOL.md; no target, and no timeout_us, which has no default. */
void request_ping_init(struct request_ping *ret_ping);

/* Unpacks and checks one message: scan, types, ranges, unknown, missing and duplicate keys, the protocol's version. The helper's own
 * policy (payload, options, state of the session) is not known here. @n_bytes may be more than @bytes holds where it is more than
 * PROTOCOL_MAX_MESSAGE_BYTES. On 0 @ret_request borrows from @decoder until its next use, and nothing of @bytes; on REQUEST_E_FAULT
 * only @ret_request->msgid is set and @ret_fault says what is wrong; on REQUEST_E_UNANSWERABLE only @ret_fault is: a code that
 * closes, or WRONG_TYPE of an envelope. -ENOMEM. */
int request_unpack(struct request_decoder *decoder, const void *bytes, size_t n_bytes,
		   struct request *ret_request, struct fault *ret_fault);

/* Packs one message into @buffer, replacing what it holds. Ranges are not checked: the helper does. -ENOSPC: does not fit, and
 * @buffer is empty. */
int request_pack(const struct request *request, struct message_buffer *buffer);

/* How many bytes one target takes in a packed ping: 6 (IPv4) or 18. All else of a ping takes at most
 * REQUEST_PING_OVERHEAD_BYTES, with every option at its longest. */
size_t request_target_bytes(const struct in6_addr *target);
enum { REQUEST_PING_OVERHEAD_BYTES = 320 };

/* "ttl" and its like for one bit; NULL for none. And back, 0 where unknown. */
const char *ping_option_name(enum ping_option option);
uint32_t ping_option_from_name(const char *name, size_t n_bytes);
