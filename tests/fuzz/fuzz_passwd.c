/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* passwd(5), group(5), subuid(5) and the maps of user namespaces. The input is a name to look for and these five files, with a byte
 * 0xff between them; a zero byte ends a file, too. What is to be found is read from them a second time here, in plain steps. */

#include <stdbool.h>
#include <string.h>

#include "helper/passwd.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_file.h"

enum {
	MAX_INPUT_BYTES = 2048,
	MAX_FIELDS = 5,
	MAX_RANGES = 8,
};

enum part { NAME, PASSWD, GROUP, SUBUID, UID_MAP, GID_MAP, N_PARTS };

static const uint32_t no_id = UINT32_MAX;

struct world {
	char *texts[N_PARTS]; /* each of exactly its size */
};

/* --- the plain way --- */

struct line {
	size_t n_fields;
	char fields[MAX_FIELDS][MAX_INPUT_BYTES + 1];
};

/* Takes a line apart; what is behind the last field that is asked for is left out. False behind the last line. */
static bool next_line(const char **text, struct line *ret_line) {
	size_t n_bytes = 0;

	if (*text == NULL) {
		return false;
	}
	ret_line->n_fields = 1;
	for (; **text != 0 && **text != '\n'; (*text)++) {
		if (**text == ':' && ret_line->n_fields < MAX_FIELDS) {
			ret_line->fields[ret_line->n_fields++ - 1][n_bytes] = 0;
			n_bytes = 0;
		} else {
			ret_line->fields[ret_line->n_fields - 1][n_bytes++] = **text;
		}
	}
	ret_line->fields[ret_line->n_fields - 1][n_bytes] = 0;
	*text = **text == 0 ? NULL : *text + 1;
	return true;
}

/* The number that @text is, or no_id. */
static uint32_t number_of(const char *text) {
	const char *digits = text + strspn(text, "0");
	unsigned long long number = 0;

	if (*text == 0 || strspn(text, "0123456789") != strlen(text) || strlen(digits) > 10) {
		return no_id;
	}
	(void)sscanf(digits, "%llu", &number);
	return number < no_id ? (uint32_t)number : no_id;
}

static bool is_entry(const struct line *line) {
	return line->n_fields >= 4 && line->fields[0][0] != 0 &&
	       number_of(line->fields[2]) != no_id;
}

/* The first entry of @text that has this name, or number where it is one. */
static bool find_plain(const char *text, const char *name, struct line *ret_line) {
	uint32_t number = number_of(name);

	while (next_line(&text, ret_line)) {
		if (is_entry(ret_line) &&
		    (number != no_id ? number_of(ret_line->fields[2]) == number
				     : strcmp(ret_line->fields[0], name) == 0)) {
			return true;
		}
	}
	return false;
}

static bool has_id(const char *text, uint32_t id) {
	static struct line line;

	while (next_line(&text, &line)) {
		if (is_entry(&line) && number_of(line.fields[2]) == id) {
			return true;
		}
	}
	return false;
}

static bool maps(const char *text, uint32_t id) {
	unsigned first, outside, count;
	static struct line line;

	while (next_line(&text, &line)) {
		if (sscanf(line.fields[0], "%u %u %u", &first, &outside, &count) == 3 &&
		    id >= first && (uint64_t)id < (uint64_t)first + count) {
			return true;
		}
	}
	return false;
}

/* Whose the range of @name is: the first account of that name or number that is not root's. */
static uint32_t plain_owner(const char *passwd, const char *name, uint32_t otherwise) {
	uint32_t number = number_of(name);
	static struct line line;

	while (next_line(&passwd, &line)) {
		uint32_t id = number_of(line.fields[2]);

		if (is_entry(&line) && id != 0 &&
		    (number != no_id ? number == id : strcmp(line.fields[0], name) == 0)) {
			return id;
		}
	}
	return otherwise;
}

static uint32_t plain_subordinate(const char *passwd, const char *subuid, uint32_t uid) {
	static struct line line;

	while (next_line(&subuid, &line)) {
		uint32_t first, count;

		if (line.n_fields != 3) {
			continue;
		}
		first = number_of(line.fields[1]);
		count = number_of(line.fields[2]);
		if (first != no_id && count != no_id && uid >= first &&
		    uid < (uint64_t)first + count) {
			return plain_owner(passwd, line.fields[0], first);
		}
	}
	return uid;
}

/* --- what must hold --- */

static void check_user(const struct world *world, const struct passwd_files *files) {
	const char *name = world->texts[NAME];
	uint32_t number = number_of(name);
	static struct line line;
	uid_t uid = 0;
	gid_t gid = 0;
	int r = passwd_find_user(files, name, &uid, &gid);

	if (find_plain(world->texts[PASSWD], name, &line)) {
		bool has_group = number_of(line.fields[3]) != no_id;

		FUZZ_CHECK(r == (has_group ? 0 : PASSWD_E_UNKNOWN));
		FUZZ_CHECK(r != 0 ||
			   (uid == number_of(line.fields[2]) && gid == number_of(line.fields[3])));
	} else {
		FUZZ_CHECK(r == (number != no_id ? 0 : PASSWD_E_UNKNOWN));
		FUZZ_CHECK(r != 0 || (uid == number && gid == number));
	}
}

static void check_group(const struct world *world, const struct passwd_files *files) {
	const char *name = world->texts[NAME];
	uint32_t number = number_of(name);
	static struct line line;
	gid_t gid = 0;
	int r = passwd_find_group(files, name, &gid);

	if (find_plain(world->texts[GROUP], name, &line)) {
		FUZZ_CHECK(r == 0 && gid == number_of(line.fields[2]));
	} else {
		FUZZ_CHECK(r == (number != no_id ? 0 : PASSWD_E_UNKNOWN));
		FUZZ_CHECK(r != 0 || gid == number);
	}
}

static void check_unused(const struct world *world, const struct passwd_files *files) {
	uid_t found = PASSWD_LAST_DYNAMIC_ID + 1;
	int r = passwd_find_unused_id(files, &found);
	const uint32_t ids[] = {PASSWD_FIRST_DYNAMIC_ID, found - 1, found};

	FUZZ_CHECK(r == (found <= PASSWD_LAST_DYNAMIC_ID ? 0 : PASSWD_E_UNKNOWN));
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		bool is_unused = !has_id(world->texts[PASSWD], ids[i]) &&
				 !has_id(world->texts[GROUP], ids[i]) &&
				 maps(world->texts[UID_MAP], ids[i]) &&
				 maps(world->texts[GID_MAP], ids[i]);

		FUZZ_CHECK(ids[i] < PASSWD_FIRST_DYNAMIC_ID || ids[i] > PASSWD_LAST_DYNAMIC_ID ||
			   is_unused == (ids[i] == found));
	}
}

static void check_subordinates(const struct world *world, const struct passwd_files *files) {
	struct subordinates subordinates;
	uint32_t uid = number_of(world->texts[NAME]);

	FUZZ_CHECK(passwd_read_subordinates(files, &subordinates) == 0);
	for (size_t i = 0; i < subordinates.n_ranges && i < MAX_RANGES; i++) {
		uint32_t ids[] = {subordinates.ranges[i].first,
				  subordinates.ranges[i].first + subordinates.ranges[i].count - 1,
				  subordinates.ranges[i].first + subordinates.ranges[i].count, uid};

		for (size_t k = 0; k < sizeof ids / sizeof *ids; k++) {
			FUZZ_CHECK(subordinates_owner(&subordinates, ids[k]) ==
				   plain_subordinate(world->texts[PASSWD], world->texts[SUBUID],
						     ids[k]));
		}
	}
	FUZZ_CHECK(subordinates.n_ranges > 0 || subordinates_owner(&subordinates, uid) == uid);
	free(subordinates.ranges);
}

static void check(const struct world *world, const struct passwd_files *files) {
	uid_t stranger = 0;

	FUZZ_CHECK(passwd_find_stranger(files, &stranger) == 0);
	FUZZ_CHECK(stranger == (uid_t)-1 || stranger == 65534);
	check_user(world, files);
	check_group(world, files);
	check_unused(world, files);
	check_subordinates(world, files);
}

/* --- the input --- */

static void take_parts(struct world *world, const uint8_t *bytes, size_t n_bytes) {
	for (enum part part = 0; part < N_PARTS; part++) {
		const uint8_t *end = n_bytes > 0 ? memchr(bytes, 0xff, n_bytes) : NULL;
		size_t n_part = end != NULL ? (size_t)(end - bytes) : n_bytes;

		world->texts[part] = malloc(n_part + 1);
		FUZZ_CHECK(world->texts[part] != NULL);
		memcpy(world->texts[part], bytes, n_part);
		world->texts[part][n_part] = 0;
		bytes += n_part + (end != NULL);
		n_bytes -= n_part + (end != NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
	static struct memory_file memory[N_PARTS];
	struct world world;
	struct passwd_files files;

	if (n_bytes > MAX_INPUT_BYTES) {
		return 0;
	}

	take_parts(&world, bytes, n_bytes);
	for (enum part part = PASSWD; part < N_PARTS; part++) {
		memory_file_write(&memory[part], world.texts[part], strlen(world.texts[part]));
	}
	files = (struct passwd_files){
		.passwd = memory[PASSWD].path,
		.group = memory[GROUP].path,
		.subuid = memory[SUBUID].path,
		.uid_map = memory[UID_MAP].path,
		.gid_map = memory[GID_MAP].path,
		.dynamic = "/proc/self/fd/none",
	};
	check(&world, &files);
	for (enum part part = 0; part < N_PARTS; part++) {
		free(world.texts[part]);
	}
	return 0;
}
