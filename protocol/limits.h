/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The protocol's hard maxima: what no message may exceed, whatever the helper's configuration says. */

enum {
	PROTOCOL_VERSION = 1,
	PROTOCOL_MAX_MESSAGE_BYTES = 16384,
	PROTOCOL_MAX_DEPTH = 4,
	PROTOCOL_MAX_TARGETS = 2048,
	PROTOCOL_MAX_CLIENT_BYTES = 64,
	PROTOCOL_MAX_NAME_BYTES = 64,  /* helper's version, back end, limit's name, rule, counter */
	PROTOCOL_MAX_TEXT_BYTES = 255, /* an error's message */
	PROTOCOL_MAX_TRIED = 16,       /* entries of closing's `tried` */
	PROTOCOL_MAX_COUNTERS = 64,    /* entries of a stats result */
	PROTOCOL_MIN_TIMEOUT_US = 1000,
	PROTOCOL_MAX_TIMEOUT_US = 60000000,
	PROTOCOL_MAX_INTERVAL_US = 60000000,
	PROTOCOL_MAX_DATA_BYTES = 65507,  /* 65,535 - IPv4 header 20 - ICMP header 8 */
	PROTOCOL_DEFAULT_DATA_BYTES = 56, /* ping(8), fping(8) */
	PROTOCOL_SECRET_BYTES = 8,        /* of the data, at its start */
	PROTOCOL_MAX_PING_REQUESTS = 2,
	PROTOCOL_MAX_OTHER_REQUESTS = 16,
	PROTOCOL_HELLO_SECONDS = 5,
};
