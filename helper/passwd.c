/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* passwd(5) and group(5) begin alike: name, password, id; so one reader serves both. A line that does not is passed over, as the C
 * library does; so is one of subuid(5) that is not name, first, count. */
#include "helper/passwd.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/cleanup.h"
#include "helper/text.h"

static const uint32_t max_id = UINT32_MAX - 1; /* -1 means "unchanged" to setresuid(2) */
static const uint32_t no_id = UINT32_MAX;

enum {
	FIRST_DYNAMIC_ID = 61184, /* systemd's UIDS-GIDS: DynamicUser= */
	LAST_DYNAMIC_ID = 65519,
	N_DYNAMIC_IDS = LAST_DYNAMIC_ID - FIRST_DYNAMIC_ID + 1,
	OVERFLOW_UID = 65534, /* /proc/sys/kernel/overflowuid, which nobody changes */
};

const struct passwd_files passwd_system_files = {
	.passwd = "/etc/passwd",
	.group = "/etc/group",
	.subuid = "/etc/subuid",
	.uid_map = "/proc/self/uid_map",
	.gid_map = "/proc/self/gid_map",
	.dynamic = "/run/systemd/dynamic-uid",
};

struct entry {
	const char *name; /* borrowed from the text */
	uint32_t id;
	uint32_t group; /* of an account; in group(5) without meaning */
};

/* Reads the next entry; false after the last. */
static bool next_entry(char **cursor, struct entry *ret_entry) {
	char *line;

	while ((line = text_next(cursor, '\n'))) {
		const char *name = text_next(&line, ':'), *password = text_next(&line, ':'),
			   *id = text_next(&line, ':'), *group = text_next(&line, ':');

		if (*name && password && id && group &&
		    text_to_number(id, 10, max_id, &ret_entry->id) == 0) {
			ret_entry->name = name;
			if (text_to_number(group, 10, max_id, &ret_entry->group) < 0) {
				ret_entry->group = no_id;
			}
			return true;
		}
	}
	return false;
}

/* Looks for @name, or where that is a number, for its id. PASSWD_E_UNKNOWN. */
static int find_entry(const char *path, const char *name, uint32_t *ret_id, uint32_t *ret_group) {
	CLEANUP(cleanup_text) char *text = NULL;
	uint32_t number;
	bool is_number = text_to_number(name, 10, max_id, &number) == 0;
	struct entry entry;
	char *cursor;
	int r;

	r = text_read_file(path, PASSWD_MAX_FILE_BYTES, &text);
	if (r < 0 && r != -ENOENT) { /* an image may have no accounts */
		return r;
	}
	for (cursor = text; next_entry(&cursor, &entry);) {
		if (is_number ? entry.id == number : strcmp(entry.name, name) == 0) {
			*ret_id = entry.id;
			*ret_group = entry.group;
			return 0;
		}
	}
	if (!is_number) {
		return PASSWD_E_UNKNOWN;
	}
	*ret_id = *ret_group = number;
	return 0;
}

int passwd_find_user(const struct passwd_files *files, const char *name, uid_t *ret_uid,
		     gid_t *ret_gid) {
	uint32_t uid, gid;
	int r;

	r = find_entry(files->passwd, name, &uid, &gid);
	if (r != 0) {
		return r;
	}
	if (gid == no_id) {
		return PASSWD_E_UNKNOWN;
	}
	*ret_uid = uid;
	*ret_gid = gid;
	return 0;
}

int passwd_find_group(const struct passwd_files *files, const char *name, gid_t *ret_gid) {
	uint32_t ignored;

	return find_entry(files->group, name, ret_gid, &ignored);
}

/* --- an id that nobody has --- */

/* Marks the dynamic ids that stand in the file; that it is missing means that it holds none. */
static int mark_used(const char *path, bool used[N_DYNAMIC_IDS]) {
	CLEANUP(cleanup_text) char *text = NULL;
	struct entry entry;
	char *cursor;
	int r;

	r = text_read_file(path, PASSWD_MAX_FILE_BYTES, &text);
	if (r < 0) {
		return r == -ENOENT ? 0 : r;
	}
	for (cursor = text; next_entry(&cursor, &entry);) {
		if (entry.id >= FIRST_DYNAMIC_ID && entry.id <= LAST_DYNAMIC_ID) {
			used[entry.id - FIRST_DYNAMIC_ID] = true;
		}
	}
	return 0;
}

/* Marks the ids that this user namespace does not know: "first-inside first-outside count" a line. */
static int mark_unmapped(const char *path, bool used[N_DYNAMIC_IDS]) {
	CLEANUP(cleanup_text) char *text = NULL;
	bool mapped[N_DYNAMIC_IDS] = {false};
	char *cursor;
	int r;

	r = text_read_file(path, PASSWD_MAX_FILE_BYTES, &text);
	if (r < 0) {
		return r;
	}
	cursor = text;
	for (char *line; (line = text_next(&cursor, '\n'));) {
		unsigned first, outside, count;

		if (sscanf(line, "%u %u %u", &first, &outside, &count) != 3) {
			continue;
		}
		for (unsigned i = 0; i < N_DYNAMIC_IDS; i++) {
			mapped[i] |= FIRST_DYNAMIC_ID + i >= first &&
				     FIRST_DYNAMIC_ID + i - first < count;
		}
	}
	for (unsigned i = 0; i < N_DYNAMIC_IDS; i++) {
		used[i] |= !mapped[i];
	}
	return 0;
}

static bool is_running_service(const struct passwd_files *files, unsigned id) {
	char path[256];

	(void)snprintf(path, sizeof path, "%s/%u", files->dynamic, id);
	return access(path, F_OK) == 0;
}

int passwd_find_unused_id(const struct passwd_files *files, uid_t *ret_id) {
	bool used[N_DYNAMIC_IDS] = {false};
	int r;

	if ((r = mark_used(files->passwd, used)) < 0 || (r = mark_used(files->group, used)) < 0 ||
	    (r = mark_unmapped(files->uid_map, used)) < 0 ||
	    (r = mark_unmapped(files->gid_map, used)) < 0) {
		return r;
	}
	for (unsigned i = 0; i < N_DYNAMIC_IDS; i++) {
		if (!used[i] && !is_running_service(files, FIRST_DYNAMIC_ID + i)) {
			*ret_id = FIRST_DYNAMIC_ID + i;
			return 0;
		}
	}
	return PASSWD_E_UNKNOWN;
}

/* --- subordinate ids --- */

static bool range_is_of(const char *name, const struct entry *entry) {
	uint32_t number;

	return strcmp(name, entry->name) == 0 ||
	       (text_to_number(name, 10, max_id, &number) == 0 && number == entry->id);
}

/* Finds the owners of the @n ranges that belong to @names, in one pass over the accounts, of which the first of a name counts. */
static int find_owners(const char *path, char **names, struct subordinate_range *ranges, size_t n) {
	CLEANUP(cleanup_text) char *text = NULL;
	struct entry entry;
	char *cursor;
	int r = text_read_file(path, PASSWD_MAX_FILE_BYTES, &text);

	if (r < 0) {
		return r == -ENOENT ? 0 : r;
	}
	for (cursor = text; next_entry(&cursor, &entry);) {
		for (size_t i = 0; entry.id != 0 && i < n; i++) {
			if (names[i] && range_is_of(names[i], &entry)) {
				ranges[i].owner = entry.id;
				names[i] = NULL;
			}
		}
	}
	return 0;
}

static void cleanup_names(char ***names) {
	free(*names);
}

int passwd_read_subordinates(const struct passwd_files *files,
			     struct subordinates *ret_subordinates) {
	CLEANUP(cleanup_text) char *text = NULL;
	CLEANUP(cleanup_names) char **names = NULL;
	struct subordinates found = {0};
	size_t n_lines = 1;
	char *cursor;
	int r = text_read_file(files->subuid, PASSWD_MAX_FILE_BYTES, &text);

	if (r < 0 && r != -ENOENT) {
		return r;
	}
	for (cursor = text; cursor && (cursor = strchr(cursor, '\n')); cursor++) {
		n_lines++;
	}
	names = calloc(n_lines, sizeof *names);
	found.ranges = calloc(n_lines, sizeof *found.ranges);
	if (!names || !found.ranges) {
		free(found.ranges);
		return -ENOMEM;
	}
	cursor = text;
	for (char *line; (line = text_next(&cursor, '\n'));) {
		struct subordinate_range *range = &found.ranges[found.n_ranges];
		char *name = text_next(&line, ':'), *first = text_next(&line, ':');

		if (first && line && text_to_number(first, 10, max_id, &range->first) == 0 &&
		    text_to_number(line, 10, max_id, &range->count) == 0) {
			range->owner = range->first;
			names[found.n_ranges++] = name;
		}
	}
	r = find_owners(files->passwd, names, found.ranges, found.n_ranges);
	if (r < 0) {
		free(found.ranges);
		return r;
	}
	*ret_subordinates = found;
	return 0;
}

uid_t subordinates_owner(const struct subordinates *subordinates, uid_t uid) {
	for (size_t i = 0; i < subordinates->n_ranges; i++) {
		const struct subordinate_range *range = &subordinates->ranges[i];

		if (uid >= range->first && uid - range->first < range->count) {
			return range->owner;
		}
	}
	return uid;
}

int passwd_find_stranger(const struct passwd_files *files, uid_t *ret_uid) {
	CLEANUP(cleanup_text) char *text = NULL;
	unsigned first, outside, count;
	int r = text_read_file(files->uid_map, PASSWD_MAX_FILE_BYTES, &text);

	if (r < 0) {
		return r;
	}
	*ret_uid = sscanf(text, "%u %u %u", &first, &outside, &count) == 3 && first == 0 &&
				   count >= max_id
			   ? (uid_t)-1
			   : OVERFLOW_UID;
	return 0;
}
