/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The helper's configuration: an INI file owned by root, or the compiled-in defaults. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONFIG_UNLIMITED UINT32_MAX /* the word "unlimited" where no limit is wanted */

enum config_socket { CONFIG_SOCKET_AUTO, CONFIG_SOCKET_RAW, CONFIG_SOCKET_PING };

struct config_limits { /* [limits] */
	uint32_t packets_per_second;   /* 20000 */
	uint32_t burst_packets;        /* 4096 */
	uint32_t max_probes_in_flight; /* 65536 */
	uint32_t max_connections;      /* 32 */
	uint32_t max_payload_bytes;    /* 1472; at most PROTOCOL_MAX_DATA_BYTES, also where unlimited */
	uint32_t allow_options;        /* enum ping_option, bits: ttl tos dont_fragment */
};

struct config {
	char user[33];                         /* [helper] user: name or number; "multiping" */
	mode_t mode;                           /* of the listening socket; 0666 */
	char group[33];                        /* of the listening socket; "" = unchanged */
	enum config_socket socket;             /* auto */
	uint32_t total_packets_per_second;     /* 100000 */
	uint32_t destination_packets_per_second; /* 100 */
	uint32_t destination_burst_packets;    /* 1000 */
	uint32_t probes_in_flight;             /* the table: 524288; 1 to 2097152 */
	struct config_limits limits;
	bool private_allow;                    /* [private] allow: yes */
};
