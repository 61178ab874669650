/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The helper's configuration: an INI file owned by root, or the compiled-in defaults. helper.conf(5) is its description. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "helper/destination.h"
#include "helper/passwd.h"
#include "helper/reason.h"

#define CONFIG_DEFAULT_USER "multiping" /* the one account that need not exist */
#define CONFIG_UNLIMITED UINT32_MAX     /* the word "unlimited" where no limit is wanted */
#define CONFIG_SAME_GROUP ((gid_t)-1)

enum {
	CONFIG_NAME_BYTES = 33,  /* a name of 32 characters, as useradd(8) allows, and its end */
	CONFIG_PATH_BYTES = 108, /* of a Unix socket, unix(7) */
	CONFIG_MAX_PROBES_IN_FLIGHT = 2097152,
	CONFIG_MAX_PEOPLE = 128,
	CONFIG_MAX_LISTENERS = 8, /* as there are numbers for, descriptors.h */
	CONFIG_MAX_FWMARKS = 4,   /* the same */
};

enum config_socket { CONFIG_SOCKET_AUTO, CONFIG_SOCKET_RAW, CONFIG_SOCKET_PING };

struct config_limits {                 /* [limits] */
	uint32_t packets_per_second;   /* 20000 */
	uint32_t burst_packets;        /* 4096 */
	uint32_t max_probes_in_flight; /* 65536 */
	uint32_t max_connections;      /* 32 */
	uint32_t max_payload_bytes;    /* 1472; never more than PROTOCOL_MAX_DATA_BYTES */
	uint32_t allow_options;        /* enum ping_option, bits: ttl tos dont_fragment */
};

/* Limits of a section of its own: only those are set that are @given, a bit for each key. */
struct config_own_limits {
	uint32_t given;
	struct config_limits limits;
};

struct config_people { /* [user NAME], [group NAME] */
	bool is_group;
	uint32_t id;
	struct config_own_limits own;
};

/* [listener NAME]; the host's own, without a name, is made of [helper] and [destinations]. */
struct config_listener {
	char name[CONFIG_NAME_BYTES];
	char path[CONFIG_PATH_BYTES]; /* "": a service manager listens for it, or nobody does */
	mode_t mode;                  /* 0666 */
	gid_t group;                  /* CONFIG_SAME_GROUP */
	struct config_own_limits own;
	struct destination_rules destinations;
};

struct config {
	uint32_t given;                          /* bits of the keys that stand once in the file */
	char user[CONFIG_NAME_BYTES];            /* [helper] user: name or number; "multiping" */
	enum config_socket socket;               /* auto */
	uint32_t total_packets_per_second;       /* 100000 */
	uint32_t destination_packets_per_second; /* 100 */
	uint32_t destination_burst_packets;      /* 1000 */
	uint32_t probes_in_flight;               /* the table: 524288; 1 to 2097152 */
	struct config_fwmarks {
		size_t n;
		uint32_t marks[CONFIG_MAX_FWMARKS];
	} fwmarks; /* none */
	struct config_limits limits;
	size_t n_people;
	struct config_people people[CONFIG_MAX_PEOPLE]; /* in the order of the file */
	size_t n_listeners;
	/* the host's own, "container", those of the file */
	struct config_listener listeners[CONFIG_MAX_LISTENERS];
	bool private_allow; /* [private] allow: yes */
};

enum { CONFIG_E_REFUSED = 1, CONFIG_MAX_FILE_BYTES = 64 << 10 };

/* The defaults above. */
void config_init(struct config *ret_config);

/* Sets what the text of a file says; @text is changed. Names of users and groups are looked up. CONFIG_E_REFUSED: @ret_reason names
 * @path, the line, its section, what is wrong with it and what would be right; @config is then half set. */
int config_parse(const char *path, char *text, struct config *config, struct reason *ret_reason);

/* Reads the file at @path, which must belong to root and be writable by nobody else. Where it does not exist, the defaults hold,
 * unless it @must_exist. CONFIG_E_REFUSED, or -errno; either way with the reason. */
int config_load(const char *path, bool must_exist, struct config *ret_config,
		struct reason *ret_reason);

/* The realm @name; NULL: there is none. "" and "helper" are the host's own. */
struct config_listener *config_find_listener(struct config *config, const char *name);

/* Replaces those of @limits that @own has. */
void config_overlay(struct config_limits *limits, const struct config_own_limits *own);
