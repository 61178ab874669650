/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* One table says which keys there are, where each goes and what it may be. */
#include <errno.h>
#include <string.h>

#include "helper/config_private.h"
#include "helper/text.h"
#include "protocol/request.h"

/* --- values: each reader sets @field or returns -EINVAL --- */

static int read_number(const char *value, void *field) {
	uint32_t number;

	if (text_to_number(value, 10, CONFIG_UNLIMITED - 1, &number) < 0 || number == 0) {
		return -EINVAL;
	}
	*(uint32_t *)field = number;
	return 0;
}

static int read_limit(const char *value, void *field) {
	if (strcmp(value, "unlimited") == 0) {
		*(uint32_t *)field = CONFIG_UNLIMITED;
		return 0;
	}
	return read_number(value, field);
}

/* No packet holds more, whatever is allowed. */
static int read_payload(const char *value, void *field) {
	uint32_t n_bytes;

	if (read_limit(value, &n_bytes) < 0) {
		return -EINVAL;
	}
	*(uint32_t *)field = n_bytes < PROTOCOL_MAX_DATA_BYTES ? n_bytes : PROTOCOL_MAX_DATA_BYTES;
	return 0;
}

static int read_table_size(const char *value, void *field) {
	uint32_t number;

	if (read_number(value, &number) < 0 || number > CONFIG_MAX_PROBES_IN_FLIGHT) {
		return -EINVAL;
	}
	*(uint32_t *)field = number;
	return 0;
}

static int read_mode(const char *value, void *field) {
	uint32_t mode;

	if (text_to_number(value, 8, 0777, &mode) < 0) {
		return -EINVAL;
	}
	*(mode_t *)field = mode;
	return 0;
}

static int read_name(const char *value, void *field) {
	size_t n_bytes = strlen(value);

	if (n_bytes == 0 || n_bytes >= CONFIG_NAME_BYTES) {
		return -EINVAL;
	}
	memcpy(field, value, n_bytes + 1);
	return 0;
}

static int read_yes_or_no(const char *value, void *field) {
	bool is_yes = strcmp(value, "yes") == 0;

	if (!is_yes && strcmp(value, "no") != 0) {
		return -EINVAL;
	}
	*(bool *)field = is_yes;
	return 0;
}

static int read_socket(const char *value, void *field) {
	static const char *const names[] = {
		[CONFIG_SOCKET_AUTO] = "auto",
		[CONFIG_SOCKET_RAW] = "raw",
		[CONFIG_SOCKET_PING] = "ping",
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(value, names[i]) == 0) {
			*(enum config_socket *)field = (enum config_socket)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* Calls @add for each word of @value, as long as it returns 0. */
static int read_words(const char *value, int (*add)(const char *word, void *field), void *field) {
	char word[64];

	while (*(value += strspn(value, " \t"))) {
		size_t n_bytes = strcspn(value, " \t");

		if (n_bytes >= sizeof word) {
			return -EINVAL;
		}
		memcpy(word, value, n_bytes);
		word[n_bytes] = 0;
		if (add(word, field) != 0) {
			return -EINVAL;
		}
		value += n_bytes;
	}
	return 0;
}

static int add_option(const char *word, void *field) {
	uint32_t option = ping_option_from_name(word, strlen(word));

	*(uint32_t *)field |= option;
	return option == 0 ? -EINVAL : 0;
}

static int read_options(const char *value, void *field) {
	*(uint32_t *)field = 0;
	return read_words(value, add_option, field);
}

static int add_fwmark(const char *word, void *field) {
	struct config_fwmarks *fwmarks = field;

	return fwmarks->n < CONFIG_MAX_FWMARKS ? read_number(word, &fwmarks->marks[fwmarks->n++])
					       : -EINVAL;
}

static int read_fwmarks(const char *value, void *field) {
	return read_words(value, add_fwmark, field);
}

static int add_prefix(const char *word, bool is_denied, struct destination_rules *rules) {
	struct destination_rule rule;
	int r = destination_rule_parse(word, &rule);

	rule.is_denied = is_denied;
	return r == 0 ? destination_rules_add(rules, &rule) : r;
}

static int add_allowed(const char *word, void *field) {
	return add_prefix(word, false, field);
}

static int add_denied(const char *word, void *field) {
	return add_prefix(word, true, field);
}

static int read_allowed(const char *value, void *field) {
	return read_words(value, add_allowed, field);
}

static int read_denied(const char *value, void *field) {
	return read_words(value, add_denied, field);
}

static int read_group(const char *value, void *field) {
	*(gid_t *)field = CONFIG_SAME_GROUP;
	return *value && passwd_find_group(&passwd_system_files, value, field) != 0 ? -EINVAL : 0;
}

static int read_path(const char *value, void *field) {
	size_t n_bytes = strlen(value);

	if ((*value && *value != '/') || n_bytes >= CONFIG_PATH_BYTES) {
		return -EINVAL;
	}
	memcpy(field, value, n_bytes + 1);
	return 0;
}

/* --- keys --- */

static const char expected_limit[] = "a number from 1, or unlimited";
static const char expected_prefixes[] =
	"prefixes like 192.0.2.0/24 or 2001:db8::/32, without bits beyond their length, each once";

#define CONFIG(member) offsetof(struct config, member)
#define LIMIT(member) offsetof(struct config_limits, member)
#define LISTENER(member) offsetof(struct config_listener, member)

/* clang-format off */
const struct config_key config_keys[] = {
	{CONFIG_HELPER, "user", CONFIG(user), read_name, "a name or number, of at most 32 characters", false},
	{CONFIG_HELPER, "socket", CONFIG(socket), read_socket, "auto, raw or ping", false},
	{CONFIG_HELPER, "total_packets_per_second", CONFIG(total_packets_per_second), read_limit, expected_limit, false},
	{CONFIG_HELPER, "destination_packets_per_second", CONFIG(destination_packets_per_second), read_limit,
	 expected_limit, false},
	{CONFIG_HELPER, "destination_burst_packets", CONFIG(destination_burst_packets), read_limit, expected_limit, false},
	{CONFIG_HELPER, "probes_in_flight", CONFIG(probes_in_flight), read_table_size, "a number from 1 to 2097152", false},
	{CONFIG_HELPER, "fwmarks", CONFIG(fwmarks), read_fwmarks, "at most 4 numbers from 1", false},
	{CONFIG_PRIVATE, "allow", CONFIG(private_allow), read_yes_or_no, "yes or no", false},
	{CONFIG_LIMITS, "packets_per_second", LIMIT(packets_per_second), read_limit, expected_limit, false},
	{CONFIG_LIMITS, "burst_packets", LIMIT(burst_packets), read_limit, expected_limit, false},
	{CONFIG_LIMITS, "max_probes_in_flight", LIMIT(max_probes_in_flight), read_limit, expected_limit, false},
	{CONFIG_LIMITS, "max_connections", LIMIT(max_connections), read_limit, expected_limit, false},
	{CONFIG_LIMITS, "max_payload_bytes", LIMIT(max_payload_bytes), read_payload, expected_limit, false},
	{CONFIG_LIMITS, "allow_options", LIMIT(allow_options), read_options,
	 "some of: ttl tos dont_fragment source interface fwmark", false},
	{CONFIG_PATH, "path", LISTENER(path), read_path, "an absolute path of at most 107 characters", false},
	{CONFIG_SOCKET, "mode", LISTENER(mode), read_mode, "octal, from 0000 to 0777", false},
	{CONFIG_SOCKET, "group", LISTENER(group), read_group, "a group of this machine, or a number", false},
	{CONFIG_DESTINATIONS, "allow", LISTENER(destinations), read_allowed, expected_prefixes, true},
	{CONFIG_DESTINATIONS, "deny", LISTENER(destinations), read_denied, expected_prefixes, true},
};
/* clang-format on */
const size_t config_n_keys = sizeof config_keys / sizeof *config_keys;

void config_overlay(struct config_limits *limits, const struct config_own_limits *own) {
	for (size_t i = 0; i < config_n_keys; i++) {
		size_t offset = config_keys[i].offset;

		if (config_keys[i].block == CONFIG_LIMITS && own->given & 1U << i) {
			memcpy((char *)limits + offset, (const char *)&own->limits + offset,
			       sizeof(uint32_t));
		}
	}
}
