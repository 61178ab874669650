/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The helper's configuration. What is taken is within its bounds and, written down again, is taken for the same; what is refused is
 * refused with a line that exists. Users and groups are looked up in this machine's files: the corpus has numbers, and root. */

#include <stdarg.h>
#include <string.h>

#include "helper/config_private.h"
#include "protocol/request.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_file.h"

enum { MAX_TEXT_BYTES = 256 << 10 };

static const char path[] = "helper.conf";

struct text {
	size_t n_bytes;
	char bytes[MAX_TEXT_BYTES];
};

/* --- writing it down --- */

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...) {
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text->bytes + text->n_bytes, MAX_TEXT_BYTES - text->n_bytes, format,
		      arguments);
	va_end(arguments);
	FUZZ_CHECK(n >= 0 && (size_t)n < MAX_TEXT_BYTES - text->n_bytes);
	text->n_bytes += (size_t)n;
}

static void put_limit(struct text *text, const char *name, uint32_t limit) {
	if (limit == CONFIG_UNLIMITED) {
		put(text, "%s = unlimited\n", name);
	} else {
		put(text, "%s = %u\n", name, limit);
	}
}

static void put_options(struct text *text, uint32_t options) {
	put(text, "allow_options =");
	for (uint32_t bit = 1; bit <= PING_OPTION_FWMARK; bit <<= 1) {
		if (options & bit) {
			put(text, " %s", ping_option_name((enum ping_option)bit));
		}
	}
	put(text, "\n");
}

/* The limits that are @given: a bit for each key. */
static void put_limits(struct text *text, const struct config_limits *limits, uint32_t given) {
	for (size_t i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i];
		uint32_t value;

		if (key->block != CONFIG_LIMITS || !(given & 1U << i)) {
			continue;
		}
		memcpy(&value, (const char *)limits + key->offset, sizeof value);
		if (strcmp(key->name, "allow_options") == 0) {
			put_options(text, value);
		} else {
			put_limit(text, key->name, value);
		}
	}
}

static void put_socket(struct text *text, const struct config_listener *listener) {
	put(text, "mode = %04o\n", listener->mode);
	if (listener->group == CONFIG_SAME_GROUP) {
		put(text, "group =\n");
	} else {
		put(text, "group = %u\n", listener->group);
	}
}

static void put_destinations(struct text *text, const struct destination_rules *rules) {
	for (size_t i = 0; i < rules->n_rules; i++) {
		char words[PROTOCOL_MAX_NAME_BYTES + 1];

		if (rules->rules[i].origin == DESTINATION_CONFIGURED) {
			destination_rule_text(&rules->rules[i], words);
			put(text, "%s = %s\n", rules->rules[i].is_denied ? "deny" : "allow",
			    words + strlen("deny "));
		}
	}
}

static void put_config(struct text *text, const struct config *config) {
	static const char *const sockets[] = {"auto", "raw", "ping"};

	text->n_bytes = 0;
	/* no space before a name: behind one, ";" begins a comment */
	put(text, "[helper]\nuser=%s\nsocket = %s\n", config->user, sockets[config->socket]);
	put_limit(text, "total_packets_per_second", config->total_packets_per_second);
	put_limit(text, "destination_packets_per_second", config->destination_packets_per_second);
	put_limit(text, "destination_burst_packets", config->destination_burst_packets);
	put_limit(text, "probes_in_flight", config->probes_in_flight);
	put(text, "fwmarks =");
	for (size_t i = 0; i < config->fwmarks.n; i++) {
		put(text, " %u", config->fwmarks.marks[i]);
	}
	put(text, "\n");
	put_socket(text, &config->listeners[0]);
	put(text, "[private]\nallow = %s\n[limits]\n", config->private_allow ? "yes" : "no");
	put_limits(text, &config->limits, UINT32_MAX);
	for (size_t i = 0; i < config->n_people; i++) {
		const struct config_people *people = &config->people[i];

		put(text, "[%s %u]\n", people->is_group ? "group" : "user", people->id);
		put_limits(text, &people->own.limits, people->own.given);
	}
	put(text, "[destinations]\n");
	put_destinations(text, &config->listeners[0].destinations);
	for (size_t i = 1; i < config->n_listeners; i++) {
		const struct config_listener *listener = &config->listeners[i];

		put(text, "[listener %s]\npath=%s\n", listener->name, listener->path);
		put_socket(text, listener);
		put_limits(text, &listener->own.limits, listener->own.given);
		put_destinations(text, &listener->destinations);
	}
}

/* --- what must hold --- */

static void check_limits(const struct config_limits *limits) {
	FUZZ_CHECK(limits->packets_per_second > 0 && limits->burst_packets > 0);
	FUZZ_CHECK(limits->max_probes_in_flight > 0 && limits->max_connections > 0);
	FUZZ_CHECK(limits->max_payload_bytes > 0);
	FUZZ_CHECK(limits->max_payload_bytes <= PROTOCOL_MAX_DATA_BYTES);
	FUZZ_CHECK(limits->allow_options < 2 * PING_OPTION_FWMARK);
}

static void check_own_limits(const struct config *config, const struct config_own_limits *own) {
	struct config_limits limits = config->limits;

	config_overlay(&limits, own);
	check_limits(&limits);
}

static void check_destinations(const struct destination_rules *rules) {
	FUZZ_CHECK(rules->n_rules <= DESTINATION_MAX_RULES);
	for (size_t i = 1; i < rules->n_rules; i++) {
		FUZZ_CHECK(rules->rules[i - 1].length >= rules->rules[i].length);
	}
}

static void check_bounds(struct config *config) {
	FUZZ_CHECK(memchr(config->user, 0, sizeof config->user) != NULL && config->user[0] != 0);
	FUZZ_CHECK(config->probes_in_flight > 0);
	FUZZ_CHECK(config->probes_in_flight <= CONFIG_MAX_PROBES_IN_FLIGHT);
	FUZZ_CHECK(config->total_packets_per_second > 0);
	FUZZ_CHECK(config->destination_packets_per_second > 0);
	FUZZ_CHECK(config->fwmarks.n <= CONFIG_MAX_FWMARKS);
	FUZZ_CHECK(config->n_people <= CONFIG_MAX_PEOPLE);
	FUZZ_CHECK(config->n_listeners >= 2 && config->n_listeners <= CONFIG_MAX_LISTENERS);
	check_limits(&config->limits);
	for (size_t i = 0; i < config->n_people; i++) {
		check_own_limits(config, &config->people[i].own);
	}
	for (size_t i = 0; i < config->n_listeners; i++) {
		struct config_listener *listener = &config->listeners[i];

		FUZZ_CHECK(memchr(listener->name, 0, sizeof listener->name) != NULL);
		FUZZ_CHECK(memchr(listener->path, 0, sizeof listener->path) != NULL);
		FUZZ_CHECK(listener->path[0] == '/' || listener->path[0] == 0);
		FUZZ_CHECK(config_find_listener(config, listener->name) == listener);
		FUZZ_CHECK(listener->mode <= 0777);
		check_own_limits(config, &listener->own);
		check_destinations(&listener->destinations);
	}
}

/* A realm has the name that stands in the text, and not a part of it. */
static void check_names(const struct config *config, const char *text) {
	char end[CONFIG_NAME_BYTES + 1];

	for (size_t i = 2; i < config->n_listeners; i++) {
		(void)snprintf(end, sizeof end, "%s]", config->listeners[i].name);
		FUZZ_CHECK(strstr(text, end) != NULL);
	}
}

/* "helper.conf:LINE: what is wrong" */
static void check_reason(const struct reason *reason, const char *text) {
	size_t n_lines = 1;
	unsigned long line;
	char *end;

	for (; (text = strchr(text, '\n')) != NULL; text++) {
		n_lines++;
	}
	FUZZ_CHECK(memchr(reason->text, 0, sizeof reason->text) != NULL);
	FUZZ_CHECK(strncmp(reason->text, "helper.conf:", strlen("helper.conf:")) == 0);
	line = strtoul(reason->text + strlen("helper.conf:"), &end, 10);
	FUZZ_CHECK(line >= 1 && line <= n_lines && strncmp(end, ": ", 2) == 0);
}

/* config_parse() changes the text, so it gets a copy of exactly its size. */
static int parse(const char *text, struct config *config, struct reason *reason) {
	char *copy = strdup(text);
	int r;

	FUZZ_CHECK(copy != NULL);
	config_init(config);
	r = config_parse(path, copy, config, reason);
	free(copy);
	return r;
}

/* The same from a file: as root, whose it is; of anybody else none is taken. */
static void check_file(const char *text, int expected, const struct text *as_text) {
	static struct memory_file file;
	static struct config config;
	static struct text from_file;
	struct reason reason;
	int r;

	memory_file_write(&file, text, strlen(text));
	r = config_load(file.path, true, &config, &reason);
	FUZZ_CHECK(r == (geteuid() == 0 ? expected : CONFIG_E_REFUSED));
	if (r == 0) {
		put_config(&from_file, &config);
		FUZZ_CHECK(strcmp(from_file.bytes, as_text->bytes) == 0);
	}
}

static void check(const char *text) {
	static struct config config;
	static struct text first, second;
	struct reason reason = {0};
	int r = parse(text, &config, &reason);

	if (r == 0) {
		check_bounds(&config);
		check_names(&config, text);
		put_config(&first, &config);
		FUZZ_CHECK(parse(first.bytes, &config, &reason) == 0);
		put_config(&second, &config);
		FUZZ_CHECK(strcmp(first.bytes, second.bytes) == 0);
	} else {
		FUZZ_CHECK(r == CONFIG_E_REFUSED);
		check_reason(&reason, text);
	}
	check_file(text, r, &first);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
	char *text;

	if (n_bytes > CONFIG_MAX_FILE_BYTES) {
		return 0;
	}

	text = strndup((const char *)bytes, n_bytes); /* a zero byte ends it */
	FUZZ_CHECK(text != NULL);
	check(text);
	free(text);
	return 0;
}
