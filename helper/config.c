/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* One table says which keys there are, where each goes and what it may be. libinih splits the file into sections, keys and values; it
 * gets the lines from here, so that their numbers are known and none is cut in two. */
#include "helper/config.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "helper/cleanup.h"
#include "helper/text.h"
#include "protocol/request.h"

void config_init(struct config *ret_config) {
	*ret_config = (struct config){
		.user = CONFIG_DEFAULT_USER,
		.mode = 0666,
		.socket = CONFIG_SOCKET_AUTO,
		.total_packets_per_second = 100000,
		.destination_packets_per_second = 100,
		.destination_burst_packets = 1000,
		.probes_in_flight = 524288, /* 48 MiB at 96 bytes a probe */
		.limits =
			{
				.packets_per_second = 20000,
				.burst_packets = 4096,
				.max_probes_in_flight = 65536,
				.max_connections = 32,
				.max_payload_bytes =
					1472, /* 1,500 bytes of Ethernet - 20 of IPv4 - 8 of ICMP */
				.allow_options = PING_OPTION_TTL | PING_OPTION_TOS |
						 PING_OPTION_DONT_FRAGMENT,
			},
		.private_allow = true,
	};
}

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

static int read_options(const char *value, void *field) {
	uint32_t options = 0;

	while (*(value += strspn(value, " \t"))) {
		size_t n_bytes = strcspn(value, " \t");
		uint32_t option = ping_option_from_name(value, n_bytes);

		if (option == 0) {
			return -EINVAL;
		}
		options |= option;
		value += n_bytes;
	}
	*(uint32_t *)field = options;
	return 0;
}

/* --- keys --- */

static const char expected_limit[] = "a number from 1, or unlimited";
static const char expected_name[] = "a name or number, of at most 32 characters";

#define FIELD(member) offsetof(struct config, member)

static const struct key {
	const char *section, *name;
	size_t offset;
	int (*read)(const char *value, void *field);
	const char *expected;
} keys[] = {
	{"helper", "user", FIELD(user), read_name, expected_name},
	{"helper", "mode", FIELD(mode), read_mode, "octal, from 0000 to 0777"},
	{"helper", "group", FIELD(group), read_name, expected_name},
	{"helper", "socket", FIELD(socket), read_socket, "auto, raw or ping"},
	{"helper", "total_packets_per_second", FIELD(total_packets_per_second), read_limit,
	 expected_limit},
	{"helper", "destination_packets_per_second", FIELD(destination_packets_per_second),
	 read_limit, expected_limit},
	{"helper", "destination_burst_packets", FIELD(destination_burst_packets), read_limit,
	 expected_limit},
	{"helper", "probes_in_flight", FIELD(probes_in_flight), read_table_size,
	 "a number from 1 to 2097152"},
	{"limits", "packets_per_second", FIELD(limits.packets_per_second), read_limit,
	 expected_limit},
	{"limits", "burst_packets", FIELD(limits.burst_packets), read_limit, expected_limit},
	{"limits", "max_probes_in_flight", FIELD(limits.max_probes_in_flight), read_limit,
	 expected_limit},
	{"limits", "max_connections", FIELD(limits.max_connections), read_limit, expected_limit},
	{"limits", "max_payload_bytes", FIELD(limits.max_payload_bytes), read_payload,
	 expected_limit},
	{"limits", "allow_options", FIELD(limits.allow_options), read_options,
	 "some of: ttl tos dont_fragment source interface fwmark"},
	{"private", "allow", FIELD(private_allow), read_yes_or_no, "yes or no"},
};
enum { N_KEYS = sizeof keys / sizeof *keys };

static bool is_section(const char *section) {
	for (size_t i = 0; i < N_KEYS; i++) {
		if (strcmp(keys[i].section, section) == 0) {
			return true;
		}
	}
	return false;
}

/* --- the file --- */

struct parser {
	const char *path; /* borrowed */
	char *cursor;     /* what is left of the text */
	unsigned line;    /* the one being read, from 1 */
	bool is_set[N_KEYS];
	bool failed; /* at the first fault, which the reason tells */
	struct config *config;
	struct reason *reason;
};

/* Keeps the first fault, with its place. Returns 0, as the handler shall. */
__attribute__((format(printf, 3, 4))) static int
parser_fail(struct parser *parser, const char *advice, const char *format, ...) {
	char what[160];
	va_list arguments;

	if (!parser->failed) {
		va_start(arguments, format);
		(void)vsnprintf(what, sizeof what, format, arguments);
		va_end(arguments);
		(void)reason_set(parser->reason, CONFIG_E_REFUSED, advice, "%s:%u: %s",
				 parser->path, parser->line, what);
		parser->failed = true;
	}
	return 0;
}

/* Gives the next line to libinih, as fgets(3) would. One that does not fit its buffer would come as two. */
static char *parser_read_line(char *buffer, int n_buffer, void *context) {
	struct parser *parser = context;
	const char *line = parser->failed ? NULL : text_next(&parser->cursor, '\n');

	if (!line) {
		return NULL;
	}
	parser->line++;
	if (snprintf(buffer, (size_t)n_buffer, "%s\n", line) >= n_buffer) {
		(void)parser_fail(parser, NULL, "a line of more than %d bytes", n_buffer - 2);
		return NULL;
	}
	return buffer;
}

static int find_key(const char *section, const char *name) {
	for (int i = 0; i < N_KEYS; i++) {
		if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0) {
			return i;
		}
	}
	return -ENOENT;
}

/* libinih's handler: 1, or 0 at a fault. */
static int parser_set(void *context, const char *section, const char *name, const char *value) {
	struct parser *parser = context;
	int i = find_key(section, name);

	if (!is_section(section)) {
		return parser_fail(parser, "there are [helper], [limits] and [private]",
				   "unknown section [%s]", section);
	}
	if (i < 0) {
		return parser_fail(parser, NULL, "unknown key %s in [%s]", name, section);
	}
	if (parser->is_set[i]) {
		return parser_fail(parser,
				   "a line that begins with a space goes on with the one before",
				   "[%s] %s a second time", section, name);
	}
	if (keys[i].read(value, (char *)parser->config + keys[i].offset) < 0) {
		return parser_fail(parser, NULL, "[%s] %s = %s: must be %s", section, name, value,
				   keys[i].expected);
	}
	parser->is_set[i] = true;
	return 1;
}

int config_parse(const char *path, char *text, struct config *config, struct reason *ret_reason) {
	struct parser parser = {
		.path = path, .cursor = text, .config = config, .reason = ret_reason};
	int r;

	r = ini_parse_stream(parser_read_line, &parser, parser_set, &parser);
	if (r < 0) {
		return reason_set(ret_reason, -ENOMEM, NULL, "%s", path);
	}
	if (r > 0 && !(parser.failed &&
		       parser.line == (unsigned)r)) { /* libinih's own fault, and the first */
		parser.failed = false;
		parser.line = (unsigned)r;
		(void)parser_fail(&parser, NULL, "neither \"[section]\" nor \"key = value\"");
	}
	return parser.failed ? CONFIG_E_REFUSED : 0;
}

/* Whether only root can have written what @fd reads. */
static int check_owner(int fd, const char *path, struct reason *ret_reason) {
	struct stat status;

	if (fstat(fd, &status) < 0) {
		return reason_set(ret_reason, -errno, NULL, "%s", path);
	}
	if (!S_ISREG(status.st_mode) || status.st_uid != 0 ||
	    (status.st_mode & (S_IWGRP | S_IWOTH))) {
		return reason_set(
			ret_reason, CONFIG_E_REFUSED, "chown root, chmod go-w",
			"%s must be a file that belongs to root and that nobody else can write to",
			path);
	}
	return 0;
}

int config_load(const char *path, bool must_exist, struct config *ret_config,
		struct reason *ret_reason) {
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	CLEANUP(cleanup_text) char *text = NULL;
	struct config config;
	int r;

	config_init(&config);
	if (fd < 0 && (errno != ENOENT || must_exist)) {
		return reason_set(ret_reason, -errno, NULL, "%s", path);
	}
	if (fd >= 0) {
		if ((r = check_owner(fd, path, ret_reason)) != 0) {
			return r;
		}
		if ((r = text_read(fd, CONFIG_MAX_FILE_BYTES, &text)) < 0) {
			return reason_set(ret_reason, r, NULL, "%s", path);
		}
		if ((r = config_parse(path, text, &config, ret_reason)) != 0) {
			return r;
		}
	}
	*ret_config = config;
	return 0;
}
