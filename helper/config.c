/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* libinih splits the file into sections, keys and values; it gets the lines from here, so that their numbers are known and none is cut
 * in two. A section is a set of blocks of keys (config_keys.c), and a place for each. */
#include "helper/config.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "helper/cleanup.h"
#include "helper/config_private.h"
#include "helper/defence.h"
#include "helper/text.h"
#include "protocol/request.h"

static struct config_listener *listener_add(struct config *config, const char *name) {
	struct config_listener *listener = &config->listeners[config->n_listeners++];

	(void)strcpy(listener->name, name);
	listener->mode = 0666;
	listener->group = CONFIG_SAME_GROUP;
	destination_rules_init(&listener->destinations, *name != 0);
	return listener;
}

void config_init(struct config *ret_config) {
	*ret_config = (struct config){
		.user = CONFIG_DEFAULT_USER,
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
				/* 1,500 bytes of Ethernet - 20 of IPv4 - 8 of ICMP */
				.max_payload_bytes = 1472,
				.allow_options = PING_OPTION_TTL | PING_OPTION_TOS |
						 PING_OPTION_DONT_FRAGMENT,
			},
		.private_allow = true,
	};
	(void)listener_add(ret_config, "");
	(void)listener_add(ret_config, "container");
}

struct config_listener *config_find_listener(struct config *config, const char *name) {
	for (size_t i = 0; i < config->n_listeners; i++) {
		if (strcmp(config->listeners[i].name, strcmp(name, "helper") == 0 ? "" : name) ==
		    0) {
			return &config->listeners[i];
		}
	}
	return NULL;
}

/* --- the file --- */

enum { MAX_SECTION_BYTES = 48 }; /* libinih keeps 49, and cuts off the rest without a word */

struct parser {
	const char *path;              /* borrowed */
	char *cursor;                  /* what is left of the text */
	unsigned line;                 /* the one being read, from 1 */
	char section[64];              /* the one of the latest key */
	void *blocks[CONFIG_N_BLOCKS]; /* where its keys go; NULL: it has none of this block */
	uint32_t *given;               /* its keys so far */
	bool failed;                   /* at the first fault, which the reason tells */
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

/* --- sections: each tells where its keys go, or 0 at a fault --- */

static int enter_helper(struct parser *parser, const char *name) {
	parser->blocks[CONFIG_HELPER] = parser->config;
	parser->blocks[CONFIG_SOCKET] = parser->config->listeners;
	return 1;
}

static int enter_limits(struct parser *parser, const char *name) {
	parser->blocks[CONFIG_LIMITS] = &parser->config->limits;
	return 1;
}

static int enter_destinations(struct parser *parser, const char *name) {
	parser->blocks[CONFIG_DESTINATIONS] = parser->config->listeners;
	return 1;
}

static int enter_private(struct parser *parser, const char *name) {
	parser->blocks[CONFIG_PRIVATE] = parser->config;
	return 1;
}

static int enter_people(struct parser *parser, bool is_group, uint32_t id) {
	struct config *config = parser->config;
	struct config_people *people = config->people, *end = people + config->n_people;

	while (people < end && (people->is_group != is_group || people->id != id)) {
		people++;
	}
	if (people == end) {
		if (config->n_people == CONFIG_MAX_PEOPLE) {
			return parser_fail(parser, NULL, "more than %d users and groups",
					   CONFIG_MAX_PEOPLE);
		}
		config->n_people++;
		people->is_group = is_group;
		people->id = id;
	}
	parser->blocks[CONFIG_LIMITS] = &people->own.limits;
	parser->given = &people->own.given;
	return 1;
}

static int enter_user(struct parser *parser, const char *name) {
	uid_t uid;
	gid_t gid;

	if (passwd_find_user(&passwd_system_files, name, &uid, &gid) != 0) {
		return parser_fail(parser, "name an account of /etc/passwd, or a number",
				   "[%s]: no such user", parser->section);
	}
	return enter_people(parser, false, uid);
}

static int enter_group(struct parser *parser, const char *name) {
	gid_t gid;

	if (passwd_find_group(&passwd_system_files, name, &gid) != 0) {
		return parser_fail(parser, "name a group of /etc/group, or a number",
				   "[%s]: no such group", parser->section);
	}
	return enter_people(parser, true, gid);
}

static int enter_listener(struct parser *parser, const char *name) {
	struct config_listener *listener = config_find_listener(parser->config, name);

	if (listener == parser->config->listeners || strlen(name) >= CONFIG_NAME_BYTES) {
		return parser_fail(parser, "a name of at most 32 characters, and not \"helper\"",
				   "[%s]", parser->section);
	}
	if (listener == NULL) {
		if (parser->config->n_listeners == CONFIG_MAX_LISTENERS) {
			return parser_fail(parser, NULL, "more than %d listeners",
					   CONFIG_MAX_LISTENERS - 1);
		}
		listener = listener_add(parser->config, name);
	}
	parser->blocks[CONFIG_PATH] = parser->blocks[CONFIG_SOCKET] =
		parser->blocks[CONFIG_DESTINATIONS] = listener;
	parser->blocks[CONFIG_LIMITS] = &listener->own.limits;
	parser->given = &listener->own.given;
	return 1;
}

static const struct {
	const char *word;
	bool has_name;
	int (*enter)(struct parser *parser, const char *name);
} sections[] = {
	{"helper", false, enter_helper},
	{"limits", false, enter_limits},
	{"user", true, enter_user},
	{"group", true, enter_group},
	{"destinations", false, enter_destinations},
	{"listener", true, enter_listener},
	{"private", false, enter_private},
};

static int parser_enter(struct parser *parser, const char *section) {
	size_t n_word = strcspn(section, " \t");
	const char *name = section + n_word + strspn(section + n_word, " \t");

	(void)snprintf(parser->section, sizeof parser->section, "%s", section);
	memset(parser->blocks, 0, sizeof parser->blocks);
	parser->given = &parser->config->given;
	if (strlen(section) > MAX_SECTION_BYTES) {
		return parser_fail(parser, NULL, "a section's name of more than %d bytes",
				   MAX_SECTION_BYTES);
	}
	for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
		if (strlen(sections[i].word) == n_word &&
		    strncmp(sections[i].word, section, n_word) == 0 &&
		    (*name != 0) == sections[i].has_name) {
			return sections[i].enter(parser, name);
		}
	}
	return parser_fail(parser,
			   "there are [helper], [limits], [user NAME], [group NAME], "
			   "[destinations], [listener NAME] and [private]",
			   "unknown section [%s]", section);
}

/* --- keys --- */

/* The number of the key @name in the present section, or -ENOENT. */
static int find_key(const struct parser *parser, const char *name) {
	for (size_t i = 0; i < config_n_keys; i++) {
		if (parser->blocks[config_keys[i].block] &&
		    strcmp(config_keys[i].name, name) == 0) {
			return (int)i;
		}
	}
	return -ENOENT;
}

/* libinih's handler: 1, or 0 at a fault. */
static int parser_set(void *context, const char *section, const char *name, const char *value) {
	struct parser *parser = context;
	const struct config_key *key;
	int i;

	if ((strcmp(parser->section, section) != 0 || !parser->given) &&
	    !parser_enter(parser, section)) {
		return 0;
	}
	i = find_key(parser, name);
	if (i < 0) {
		return parser_fail(parser, "see helper.conf(5)", "unknown key %s in [%s]", name,
				   section);
	}
	key = &config_keys[i];
	if (!key->may_repeat && *parser->given & 1U << i) {
		return parser_fail(parser,
				   "a line that begins with a space goes on with the one before",
				   "[%s] %s a second time", section, name);
	}
	*parser->given |= 1U << i;
	if (key->read(value, (char *)parser->blocks[key->block] + key->offset) < 0) {
		return parser_fail(parser, NULL, "[%s] %s = %s: must be %s", section, name, value,
				   key->expected);
	}
	if (parser->config->socket == CONFIG_SOCKET_PING && parser->config->fwmarks.n > 0) {
		return parser_fail(parser, "take socket = raw, or no fwmarks",
				   "[%s] %s: ping sockets have no fwmarks", section, name);
	}
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
	/* libinih's own fault, and the first */
	if (r > 0 && !(parser.failed && parser.line == (unsigned)r)) {
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
		if (defence_is_on(CONFIG_OWNER) && (r = check_owner(fd, path, ret_reason)) != 0) {
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
