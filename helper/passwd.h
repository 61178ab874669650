/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Names of users and groups into numbers, from the local files alone: getpwnam(3) would load whatever plug-ins nsswitch.conf
 * names into a process with privileges. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	PASSWD_MAX_FILE_BYTES = 16 << 20,
	PASSWD_FIRST_DYNAMIC_ID = 61184, /* systemd's UIDS-GIDS: DynamicUser= */
	PASSWD_LAST_DYNAMIC_ID = 65519,
};

struct passwd_files {
	const char *passwd, *group;    /* passwd(5), group(5) */
	const char *uid_map, *gid_map; /* user_namespaces(7) */
	const char *dynamic; /* folder where systemd notes each dynamic uid in use, by its number */
	const char *subuid;  /* subuid(5) */
};
extern const struct passwd_files passwd_system_files;

enum { PASSWD_E_UNKNOWN = 1 };

/* The ids of the account @name. A number is taken as it is, with the group of its account or, without one, the same number. A file that
 * is missing holds nobody.
 * PASSWD_E_UNKNOWN; -errno of reading. */
int passwd_find_user(const struct passwd_files *files, const char *name, uid_t *ret_uid,
		     gid_t *ret_gid);

/* The id of the group @name, which may be a number. PASSWD_E_UNKNOWN; -errno of reading. */
int passwd_find_group(const struct passwd_files *files, const char *name, gid_t *ret_gid);

/* The lowest id of systemd's range for dynamic users that no account, group or running service has and that exists in this user
 * namespace, as user and as group. PASSWD_E_UNKNOWN: none; -errno of reading. */
int passwd_find_unused_id(const struct passwd_files *files, uid_t *ret_id);

/* Ranges of uids that belong to a user, who may give them to containers. */
struct subordinates {
	size_t n_ranges;
	struct subordinate_range {
		uint32_t first, count;
		uid_t owner; /* the user; the range's first uid where that is root, or nobody known */
	} * ranges;
};

/* Reads all ranges; free() @ret_subordinates->ranges. None where there is no such file. -errno of reading. */
int passwd_read_subordinates(const struct passwd_files *files,
			     struct subordinates *ret_subordinates);

/* Whose @uid is: the user's in whose range it lies, else its own. */
uid_t subordinates_owner(const struct subordinates *subordinates, uid_t uid);

/* The uid that stands for all that this user namespace does not know, user_namespaces(7); (uid_t)-1: it knows all. -errno. */
int passwd_find_stranger(const struct passwd_files *files, uid_t *ret_uid);
