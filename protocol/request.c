/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as the client writes them: [0, msgid, method, params]. */

#include "protocol/request.h"

#include "protocol/packer.h"

static void pack_hello(struct packer *packer, const struct request_hello *hello) {
	pack_text(packer, "hello");
	msgpack_pack_map(&packer->msgpack, 2);
	pack_pair(packer, "protocol", hello->protocol);
	pack_text(packer, "client");
	pack_text(packer, hello->client);
}

/* The parameters that stand only where they were given, in the order of enum ping_option. */
static void pack_options(struct packer *packer, const struct request_ping *ping) {
	if (ping->options & PING_OPTION_TTL) {
		pack_pair(packer, "ttl", ping->ttl);
	}
	if (ping->options & PING_OPTION_TOS) {
		pack_pair(packer, "tos", ping->tos);
	}
	if (ping->options & PING_OPTION_DONT_FRAGMENT) {
		pack_text(packer, "dont_fragment");
		if (ping->dont_fragment) {
			msgpack_pack_true(&packer->msgpack);
		} else {
			msgpack_pack_false(&packer->msgpack);
		}
	}
	if (ping->options & PING_OPTION_SOURCE) {
		pack_text(packer, "source");
		pack_address(packer, &ping->source);
	}
	if (ping->options & PING_OPTION_INTERFACE) {
		pack_pair(packer, "interface", ping->interface);
	}
	if (ping->options & PING_OPTION_FWMARK) {
		pack_pair(packer, "fwmark", ping->fwmark);
	}
	if (ping->scope != 0) {
		pack_pair(packer, "scope", ping->scope);
	}
}

static void pack_ping(struct packer *packer, const struct request_ping *ping) {
	int n_options = __builtin_popcount(ping->options) + (ping->scope != 0);

	pack_text(packer, "ping");
	msgpack_pack_map(&packer->msgpack, 6 + (size_t)n_options);
	pack_pair(packer, "id", ping->id);
	pack_pair(packer, "timeout_us", ping->timeout_us);
	pack_pair(packer, "interval_us", ping->interval_us);
	pack_pair(packer, "size_bytes", ping->size_bytes);
	pack_text(packer, "pattern");
	if (ping->pattern < 0) {
		pack_text(packer, "random");
	} else {
		msgpack_pack_int16(&packer->msgpack, ping->pattern);
	}
	pack_options(packer, ping);

	pack_text(packer, "targets");
	msgpack_pack_array(&packer->msgpack, ping->n_targets);
	for (uint32_t i = 0; i < ping->n_targets && !packer->is_full; i++) {
		pack_address(packer, &ping->targets[i]);
	}
}

static void pack_cancel(struct packer *packer, const struct request_cancel *cancel) {
	pack_text(packer, "cancel");
	msgpack_pack_map(&packer->msgpack, cancel->has_index ? 2 : 1);
	pack_pair(packer, "id", cancel->id);
	if (cancel->has_index) {
		pack_pair(packer, "index", cancel->index);
	}
}

static void pack_stats(struct packer *packer, const struct request_stats *stats) {
	pack_text(packer, "stats");
	msgpack_pack_map(&packer->msgpack, 1);
	pack_text(packer, "scope");
	pack_text(packer, stats_scope_names.names[stats->scope]);
}

void request_ping_init(struct request_ping *ret_ping) {
	*ret_ping = (struct request_ping){.size_bytes = PROTOCOL_DEFAULT_DATA_BYTES};
}

size_t request_target_bytes(const struct in6_addr *target) {
	return IN6_IS_ADDR_V4MAPPED(target) ? 6 : 18; /* bin 8: two bytes before the address */
}

int request_pack(const struct request *request, struct message_buffer *buffer) {
	struct packer packer;

	buffer->n_bytes = 0;
	packer_init(&packer, buffer);
	msgpack_pack_array(&packer.msgpack, 4);
	msgpack_pack_uint8(&packer.msgpack, 0);
	msgpack_pack_uint32(&packer.msgpack, request->msgid);
	switch (request->method) {
	case REQUEST_HELLO:
		pack_hello(&packer, &request->hello);
		break;
	case REQUEST_PING:
		pack_ping(&packer, &request->ping);
		break;
	case REQUEST_CANCEL:
		pack_cancel(&packer, &request->cancel);
		break;
	case REQUEST_STATS:
		pack_stats(&packer, &request->stats);
		break;
	}

	return packer_finish(&packer);
}
