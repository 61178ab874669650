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
	N_DYNAMIC_IDS = PASSWD_LAST_DYNAMIC_ID - PASSWD_FIRST_DYNAMIC_ID + 1,
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

/* Reads the file at @path; one that is missing holds nothing: an image may have no accounts. */
static int read_if_there(const char *path, char **ret_text) {
	int r = text_read_file(path, PASSWD_MAX_FILE_BYTES, ret_text);

	return r == -ENOENT ? 0 : r;
}

static bool entry_is(const struct entry *entry, const char *name) {
	uint32_t number;

	return text_to_number(name, 10, max_id, &number) == 0 ? entry->id == number
							      : strcmp(entry->name, name) == 0;
}

/* Looks for @name, which may be a number: where nobody has it, that stands for itself, and any other name for no_id. */
static int find_entry(const char *path, const char *name, struct entry *ret_entry) {
	CLEANUP(cleanup_text) char *text = NULL;
	uint32_t number = no_id;
	char *cursor;
	int r = read_if_there(path, &text);

	if (r < 0) {
		return r;
	}
	for (cursor = text; next_entry(&cursor, ret_entry);) {
		if (entry_is(ret_entry, name)) {
			return 0;
		}
	}
	(void)text_to_number(name, 10, max_id, &number);
	*ret_entry = (struct entry){.id = number, .group = number};
	return 0;
}

int passwd_find_user(const struct passwd_files *files, const char *name, uid_t *ret_uid,
		     gid_t *ret_gid) {
	struct entry entry;
	int r = find_entry(files->passwd, name, &entry);

	if (r < 0 || entry.group == no_id) {
		return r < 0 ? r : PASSWD_E_UNKNOWN;
	}
	*ret_uid = entry.id;
	*ret_gid = entry.group;
	return 0;
}

int passwd_find_group(const struct passwd_files *files, const char *name, gid_t *ret_gid) {
	struct entry entry;
	int r = find_entry(files->group, name, &entry);

	if (r < 0 || entry.id == no_id) {
		return r < 0 ? r : PASSWD_E_UNKNOWN;
	}
	*ret_gid = entry.id;
	return 0;
}

/* --- an id that nobody has --- */

enum id_mark { ID_IS_USED = 1, ID_IS_MAPPED_UID = 2, ID_IS_MAPPED_GID = 4 };

/* Marks those of the dynamic ids that are among @count from @first on. */
static void mark(uint8_t marks[N_DYNAMIC_IDS], enum id_mark mark, uint32_t first, uint32_t count) {
	uint64_t id = first < PASSWD_FIRST_DYNAMIC_ID ? PASSWD_FIRST_DYNAMIC_ID : first;

	for (; id < (uint64_t)first + count && id <= PASSWD_LAST_DYNAMIC_ID; id++) {
		marks[id - PASSWD_FIRST_DYNAMIC_ID] |= (uint8_t)mark;
	}
}

/* Marks those that stand in the file. */
static int mark_used(const char *path, uint8_t marks[N_DYNAMIC_IDS]) {
	CLEANUP(cleanup_text) char *text = NULL;
	int r = read_if_there(path, &text);
	struct entry entry;

	for (char *cursor = text; next_entry(&cursor, &entry);) {
		mark(marks, ID_IS_USED, entry.id, 1);
	}
	return r;
}

/* Marks those that this user namespace knows: "first-inside first-outside count" a line. */
static int mark_mapped(const char *path, enum id_mark id_mark, uint8_t marks[N_DYNAMIC_IDS]) {
	CLEANUP(cleanup_text) char *text = NULL;
	int r = text_read_file(path, PASSWD_MAX_FILE_BYTES, &text);
	char *cursor = text;

	for (char *line; (line = text_next(&cursor, '\n'));) {
		unsigned first, outside, count;

		if (sscanf(line, "%u %u %u", &first, &outside, &count) == 3) {
			mark(marks, id_mark, first, count);
		}
	}
	return r;
}

static bool is_running_service(const struct passwd_files *files, unsigned id) {
	char path[256];

	(void)snprintf(path, sizeof path, "%s/%u", files->dynamic, id);
	return access(path, F_OK) == 0;
}

int passwd_find_unused_id(const struct passwd_files *files, uid_t *ret_id) {
	uint8_t marks[N_DYNAMIC_IDS] = {0};
	int r;

	if ((r = mark_used(files->passwd, marks)) < 0 || (r = mark_used(files->group, marks)) < 0 ||
	    (r = mark_mapped(files->uid_map, ID_IS_MAPPED_UID, marks)) < 0 ||
	    (r = mark_mapped(files->gid_map, ID_IS_MAPPED_GID, marks)) < 0) {
		return r;
	}
	for (unsigned i = 0; i < N_DYNAMIC_IDS; i++) {
		if (marks[i] == (ID_IS_MAPPED_UID | ID_IS_MAPPED_GID) &&
		    !is_running_service(files, PASSWD_FIRST_DYNAMIC_ID + i)) {
			*ret_id = PASSWD_FIRST_DYNAMIC_ID + i;
			return 0;
		}
	}
	return PASSWD_E_UNKNOWN;
}

/* --- subordinate ids --- */

/* Finds the owners of the @n ranges that belong to @names, in one pass over the accounts, of which the first of a name counts. */
static int find_owners(const char *path, char **names, struct subordinate_range *ranges, size_t n) {
	CLEANUP(cleanup_text) char *text = NULL;
	struct entry entry;
	char *cursor;
	int r = read_if_there(path, &text);

	for (cursor = text; next_entry(&cursor, &entry);) {
		for (size_t i = 0; entry.id != 0 && i < n; i++) {
			if (names[i] && entry_is(&entry, names[i])) {
				ranges[i].owner = entry.id;
				names[i] = NULL;
			}
		}
	}
	return r;
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
	int r = read_if_there(files->subuid, &text);

	if (r < 0) {
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
