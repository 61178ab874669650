/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The helper's configuration: an INI file owned by root, or the compiled-in defaults. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "helper/reason.h"

#define CONFIG_DEFAULT_USER "multiping" /* the one account that need not exist */
#define CONFIG_UNLIMITED UINT32_MAX /* the word "unlimited" where no limit is wanted */

enum {
	CONFIG_NAME_BYTES = 33, /* a name of 32 characters, as useradd(8) allows, and its zero byte */
	CONFIG_MAX_PROBES_IN_FLIGHT = 2097152,
};

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
	char user[CONFIG_NAME_BYTES];          /* [helper] user: name or number; "multiping" */
	mode_t mode;                           /* of the listening socket; 0666 */
	char group[CONFIG_NAME_BYTES];         /* of the listening socket; "" = unchanged */
	enum config_socket socket;             /* auto */
	uint32_t total_packets_per_second;     /* 100000 */
	uint32_t destination_packets_per_second; /* 100 */
	uint32_t destination_burst_packets;    /* 1000 */
	uint32_t probes_in_flight;             /* the table: 524288; 1 to 2097152 */
	struct config_limits limits;
	bool private_allow;                    /* [private] allow: yes */
};

enum { CONFIG_E_REFUSED = 1, CONFIG_MAX_FILE_BYTES = 64 << 10 };

/* The defaults above. */
void config_init(struct config *ret_config);

/* Sets what the text of a file says; @text is changed. CONFIG_E_REFUSED: @ret_reason names @path, the line, what is wrong with it and
 * what would be right; @config is then half set. */
int config_parse(const char *path, char *text, struct config *config, struct reason *ret_reason);

/* Reads the file at @path, which must belong to root and be writable by nobody else. Where it does not exist, the defaults hold,
 * unless it @must_exist. CONFIG_E_REFUSED, or -errno; either way with the reason. */
int config_load(const char *path, bool must_exist, struct config *ret_config,
		struct reason *ret_reason);
