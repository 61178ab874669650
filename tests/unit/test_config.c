/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/config_private.h"
#include "helper/text.h"
#include "protocol/request.h"

/* Parses @text as the file "f" on top of the defaults. */
static int parse(const char *text, struct config *ret_config, struct reason *ret_reason) {
	char copy[CONFIG_MAX_FILE_BYTES];

	assert_true(strlen(text) < sizeof copy);
	(void)strcpy(copy, text);
	config_init(ret_config);
	return config_parse("f", copy, ret_config, ret_reason);
}

static void config_init_gives_defaults(void **state) {
	struct config config;

	config_init(&config);
	assert_string_equal(config.user, "multiping");
	assert_int_equal(config.n_listeners, 2);
	assert_string_equal(config.listeners[1].name, "container");
	for (size_t i = 0; i < config.n_listeners; i++) {
		assert_int_equal(config.listeners[i].group, CONFIG_SAME_GROUP);
		assert_int_equal(config.listeners[i].mode, 0666);
		assert_string_equal(config.listeners[i].path, "");
	}
	assert_int_equal(config.n_people, 0);
	assert_int_equal(config.socket, CONFIG_SOCKET_AUTO);
	assert_int_equal(config.total_packets_per_second, 100000);
	assert_int_equal(config.destination_packets_per_second, 100);
	assert_int_equal(config.destination_burst_packets, 1000);
	assert_int_equal(config.probes_in_flight, 524288);
	assert_int_equal(config.limits.packets_per_second, 20000);
	assert_int_equal(config.limits.burst_packets, 4096);
	assert_int_equal(config.limits.max_probes_in_flight, 65536);
	assert_int_equal(config.limits.max_connections, 32);
	assert_int_equal(config.limits.max_payload_bytes, 1472);
	assert_true(config.private_allow);
}

static size_t initial_rules(bool spares_host) {
	struct destination_rules rules;

	destination_rules_init(&rules, spares_host);
	return rules.n_rules;
}

static void config_parse_every_key_is_set(void **state) {
	struct config config;
	struct reason reason;

	assert_int_equal(
		parse("# of every section\n"
		      "[helper]\nuser = pinger\nmode = 0660\ngroup = daemon\nsocket = raw\n"
		      "fwmarks = 7 4294967294  8\n"
		      "total_packets_per_second = 1\ndestination_packets_per_second = 2\n"
		      "destination_burst_packets = 3\nprobes_in_flight = 2097152\n"
		      "[limits]\npackets_per_second = 4 ; why\nburst_packets = 5\n"
		      "max_probes_in_flight = 6\nmax_connections = 7\n"
		      "max_payload_bytes = 8\nallow_options = ttl  source\n"
		      "[private]\nallow = no\n"
		      "[destinations]\nallow = 224.0.0.0/4\ndeny = 10.0.0.0/8 fd00::/8\n"
		      "deny = 192.0.2.1\n"
		      "[listener jail]\npath = /run/jail\nmode = 0600\ngroup = 7\n"
		      "deny = ::/0\nmax_connections = 9\n",
		      &config, &reason),
		0);
	assert_string_equal(config.user, "pinger");
	assert_int_equal(config.listeners[0].group, 1); /* daemon, on every system */
	assert_int_equal(config.listeners[0].mode, 0660);
	assert_int_equal(config.listeners[0].destinations.n_rules, initial_rules(false) + 3);
	assert_string_equal(config.listeners[2].path, "/run/jail");
	assert_int_equal(config.listeners[2].mode, 0600);
	assert_int_equal(config.listeners[2].group, 7);
	assert_int_equal(config.listeners[2].own.limits.max_connections, 9);
	assert_int_equal(config.listeners[2].destinations.n_rules, initial_rules(true) + 1);
	assert_int_equal(config.socket, CONFIG_SOCKET_RAW);
	assert_int_equal(config.fwmarks.n, 3);
	assert_int_equal(config.fwmarks.marks[0], 7);
	assert_int_equal(config.fwmarks.marks[1], 4294967294);
	assert_int_equal(config.fwmarks.marks[2], 8);
	assert_int_equal(config.total_packets_per_second, 1);
	assert_int_equal(config.destination_packets_per_second, 2);
	assert_int_equal(config.destination_burst_packets, 3);
	assert_int_equal(config.probes_in_flight, 2097152);
	assert_int_equal(config.limits.packets_per_second, 4);
	assert_int_equal(config.limits.burst_packets, 5);
	assert_int_equal(config.limits.max_probes_in_flight, 6);
	assert_int_equal(config.limits.max_connections, 7);
	assert_int_equal(config.limits.max_payload_bytes, 8);
	assert_int_equal(config.limits.allow_options, PING_OPTION_TTL | PING_OPTION_SOURCE);
	assert_false(config.private_allow);
}

static void config_parse_payload_is_at_most_what_a_packet_holds(void **state) {
	struct config config;
	struct reason reason;

	assert_int_equal(parse("[limits]\nmax_payload_bytes = unlimited\n", &config, &reason), 0);
	assert_int_equal(config.limits.max_payload_bytes, PROTOCOL_MAX_DATA_BYTES);
	assert_int_equal(parse("[limits]\nmax_payload_bytes = 65508\n", &config, &reason), 0);
	assert_int_equal(config.limits.max_payload_bytes, PROTOCOL_MAX_DATA_BYTES);
}

static void config_parse_unlimited_is_no_limit(void **state) {
	struct config config;
	struct reason reason;

	assert_int_equal(parse("[limits]\npackets_per_second = unlimited\nallow_options =\n"
			       "[helper]\ntotal_packets_per_second = unlimited\n",
			       &config, &reason),
			 0);
	assert_int_equal(config.limits.packets_per_second, CONFIG_UNLIMITED);
	assert_int_equal(config.total_packets_per_second, CONFIG_UNLIMITED);
	assert_int_equal(config.limits.allow_options, 0);
}

/* What is wrong, and what the reason must say of it. */
static const struct {
	const char *text, *place, *words;
} wrong[] = {
	{"[limits]\n\npackets_per_sec = 1\n", "f:3:", "unknown key packets_per_sec in [limits]"},
	{"\n[targets]\nallow = ::/0\n", "f:3:", "unknown section [targets]; there are [helper]"},
	{"[limits all]\nburst_packets = 1\n", "f:2:", "unknown section [limits all]"},
	{"[user]\nburst_packets = 1\n", "f:2:", "unknown section [user]"},
	{"[user                                        100000]\nburst_packets = 1\n", "f:2:",
	 "a section's name of more than 48 bytes"}, /* libinih would say that it is 10000's */
	{"[user nobody-of-that-name]\nburst_packets = 1\n",
	 "f:2:", "no such user; name an account"},
	{"[group 4294967295]\nburst_packets = 1\n", "f:2:", "no such group; name a group"},
	{"[user 0]\nburst_packets = 1\n[user root]\nburst_packets = 2\n", "f:4:", "a second time"},
	{"[user root]\nmode = 0600\n", "f:2:", "unknown key mode in [user root]"},
	{"[listener helper]\nmode = 0600\n", "f:2:", "not \"helper\""},
	{"[listener a]\npath = run/a\n", "f:2:", "an absolute path"},
	{"[listener a]\nuser = root\n", "f:2:", "unknown key user"},
	{"[helper]\ngroup = nobody-of-that-name\n", "f:2:", "a group of this machine"},
	{"[helper]\nfwmarks = 0\n", "f:2:", "at most 4 numbers from 1"},
	{"[helper]\nfwmarks = 1 2 3 4 5\n", "f:2:", "at most 4 numbers from 1"},
	{"[helper]\nfwmarks = 7\nsocket = ping\n", "f:3:", "ping sockets have no fwmarks"},
	{"[helper]\nsocket = ping\nfwmarks = 7\n", "f:3:", "take socket = raw"},
	{"[limits]\nallow_options = mark\n", "f:2:", "source interface fwmark"},
	{"[destinations]\ndeny = 10.0.0.1/8\n", "f:2:", "prefixes like"},
	{"[destinations]\ndeny = 10.0.0.0/8\nallow = ::1 10.0.0.0/8\n", "f:3:", "each once"},
	{"mode = 0600\n", "f:1:", "unknown section []"},
	{"[destinations]\nallow = localhost\n", "f:2:", "prefixes like"},
	{"[private]\nallow = maybe\n", "f:2:", "allow = maybe: must be yes or no"},
	{"[helper]\nmode = 0888\n", "f:2:", "octal"},
	{"[helper]\nmode = 1777\n", "f:2:", "octal"},
	{"[helper]\nuser =\n", "f:2:", "a name or number"},
	{"[helper]\nuser = a23456789012345678901234567890123\n", "f:2:", "32 characters"},
	{"[helper]\nsocket = tcp\n", "f:2:", "auto, raw or ping"},
	{"[helper]\nprobes_in_flight = 2097153\n", "f:2:", "2097152"},
	{"[helper]\nprobes_in_flight = unlimited\n", "f:2:", "2097152"},
	{"[helper]\nprobes_in_flight = 0\n", "f:2:", "from 1"},
	{"[limits]\nburst_packets = 0\n", "f:2:", "from 1, or unlimited"},
	{"[limits]\nburst_packets = 4294967295\n", "f:2:", "from 1, or unlimited"},
	{"[limits]\nburst_packets = -1\n", "f:2:", "from 1, or unlimited"},
	{"[limits]\nallow_options = ttl record_route\n", "f:2:", "some of: ttl"},
	{"[limits]\nburst_packets = 1\nburst_packets = 2\n", "f:3:", "a second time"},
	{"[limits]\nburst_packets = 1\n max_connections = 2\n", "f:3:", "goes on with"},
	{"[limits]\nburst_packets\n", "f:2:", "neither"},
	{"[limits\nburst_packets = 1\n", "f:1:", "neither"},
	{"[limits]\nnothing\nno_key = 1\n", "f:2:", "neither"},
};

static void config_parse_fault_is_named(void **state) {
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct config config;
		struct reason reason = {{0}};

		assert_int_equal(parse(wrong[i].text, &config, &reason), CONFIG_E_REFUSED);
		if (strncmp(reason.text, wrong[i].place, strlen(wrong[i].place)) != 0 ||
		    !strstr(reason.text, wrong[i].words)) {
			fail_msg("%s\nsaid: %s", wrong[i].text, reason.text);
		}
	}
}

/* libinih reads lines of up to 197 bytes, and would take the rest of a longer one for another line. */
static void config_parse_long_line_is_refused(void **state) {
	char text[400] = "[limits]\n#";
	struct config config;
	struct reason reason;

	memset(text + strlen(text), 'x', 188);
	(void)strcat(text, "burst_packets = 1\n");
	assert_int_equal(parse(text, &config, &reason), CONFIG_E_REFUSED);
	assert_non_null(strstr(reason.text, "f:2: a line of more than"));
}

/* --- what is written about it --- */

static char *read_text(const char *path) {
	char *text = NULL;

	assert_int_equal(text_read_file(path, CONFIG_MAX_FILE_BYTES, &text), 0);
	return text;
}

/* Takes the '#' away from lines that are keys. Returns how many. */
static size_t uncomment_keys(char *text) {
	size_t n_keys = 0;

	for (char *line = text; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		size_t n_word = strspn(line + 1, "abcdefghijklmnopqrstuvwxyz_");

		if (*line == '#' && n_word > 0 && strncmp(line + 1 + n_word, " =", 2) == 0) {
			*line = '\n'; /* an empty line: a space would go on with the one before */
			n_keys++;
		}
	}
	return n_keys;
}

static void config_default_file_holds_the_defaults(void **state) {
	char *text = read_text(HELPER_FOLDER "/helper.conf");
	struct config defaults, config;
	struct reason reason;

	config_init(&defaults);
	config_init(&config);
	/* mode, group, allow, deny and "allow" of [private] stand for two keys each, or one */
	assert_int_equal(uncomment_keys(text), config_n_keys + 4);
	if (config_parse("helper.conf", text, &config, &reason) != 0) {
		fail_msg("%s", reason.text);
	}
	assert_int_equal(config.given, (1U << config_n_keys) - 1 - (1U << 14)); /* but path */
	config.given = 0;
	config.listeners[1].own.given = 0;
	assert_memory_equal(&config, &defaults, sizeof config);
	free(text);
}

/* Whether @word stands in a line of @text that begins with ".BR ", between spaces or at its end. */
static bool is_heading(const char *text, const char *word) {
	for (const char *line = text; (line = strstr(line, "\n.BR ")); line++) {
		const char *end = strchr(line + 1, '\n');

		for (const char *place = line; (place = strstr(place, word)) && place < end;
		     place++) {
			char after = place[strlen(word)];

			if (place[-1] == ' ' && (after == ' ' || after == '\n')) {
				return true;
			}
		}
	}
	return false;
}

static void config_manual_names_every_key(void **state) {
	char *text = read_text(HELPER_FOLDER "/helper.conf.5.in");

	for (size_t i = 0; i < config_n_keys; i++) {
		if (!is_heading(text, config_keys[i].name)) {
			fail_msg("%s is missing", config_keys[i].name);
		}
	}
	assert_false(is_heading(text, "unlimited_keys"));
	free(text);
}

/* --- the file: made by root, since only root's is accepted --- */

struct file {
	char path[64];
};

static void file_remove(struct file *file) {
	(void)unlink(file->path);
}

static struct file file_with(const char *text, mode_t mode) {
	struct file file = {"/tmp/multiping-test-XXXXXX"};
	int fd = mkstemp(file.path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
	return file;
}

static void config_load_missing_gives_defaults(void **state) {
	struct config config = {.given = 1};
	struct reason reason;

	assert_int_equal(config_load("/proc/no-such-file", false, &config, &reason), 0);
	assert_int_equal(config.listeners[0].mode, 0666);
}

static void config_load_missing_but_named_fails(void **state) {
	struct config config = {.given = 1};
	struct reason reason;

	assert_int_equal(config_load("/proc/no-such-file", true, &config, &reason), -ENOENT);
	assert_non_null(strstr(reason.text, "No such file"));
	assert_int_equal(config.given, 1);
}

static void config_load_of_root_is_read(void **state) {
	__attribute__((cleanup(file_remove))) struct file file =
		file_with("[helper]\nmode = 0600\n", 0644);
	struct config config;
	struct reason reason;

	if (geteuid() != 0) {
		print_message("needs root, to whom the file must belong\n");
		skip();
	}
	assert_int_equal(config_load(file.path, true, &config, &reason), 0);
	assert_int_equal(config.listeners[0].mode, 0600);
}

static void config_load_writable_by_others_is_refused(void **state) {
	static const mode_t modes[] = {0664, 0646};

	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		__attribute__((cleanup(file_remove))) struct file file = file_with("", modes[i]);
		struct config config;
		struct reason reason;

		assert_int_equal(config_load(file.path, true, &config, &reason), CONFIG_E_REFUSED);
		assert_non_null(strstr(reason.text, "chmod go-w"));
	}
}

static void config_load_of_another_is_refused(void **state) {
	__attribute__((cleanup(file_remove))) struct file file = file_with("", 0600);
	struct config config;
	struct reason reason;

	if (geteuid() == 0) {
		assert_int_equal(chown(file.path, 1, 0), 0);
	}
	assert_int_equal(config_load(file.path, true, &config, &reason), CONFIG_E_REFUSED);
	assert_non_null(strstr(reason.text, "belongs to root"));
}

static void config_load_device_is_refused(void **state) {
	struct config config;
	struct reason reason;

	assert_int_equal(config_load("/dev/null", true, &config, &reason), CONFIG_E_REFUSED);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_init_gives_defaults),
		cmocka_unit_test(config_parse_every_key_is_set),
		cmocka_unit_test(config_parse_payload_is_at_most_what_a_packet_holds),
		cmocka_unit_test(config_parse_unlimited_is_no_limit),
		cmocka_unit_test(config_parse_fault_is_named),
		cmocka_unit_test(config_parse_long_line_is_refused),
		cmocka_unit_test(config_default_file_holds_the_defaults),
		cmocka_unit_test(config_manual_names_every_key),
		cmocka_unit_test(config_load_missing_gives_defaults),
		cmocka_unit_test(config_load_missing_but_named_fails),
		cmocka_unit_test(config_load_of_root_is_read),
		cmocka_unit_test(config_load_writable_by_others_is_refused),
		cmocka_unit_test(config_load_of_another_is_refused),
		cmocka_unit_test(config_load_device_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
