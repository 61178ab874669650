/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Names of users and groups into numbers, from the local files alone: getpwnam(3) would load whatever plug-ins nsswitch.conf
 * names into a process with privileges. */

#include <sys/types.h>

enum { PASSWD_MAX_FILE_BYTES = 16 << 20 };

struct passwd_files {
	const char *passwd, *group;    /* passwd(5), group(5) */
	const char *uid_map, *gid_map; /* user_namespaces(7) */
	const char *dynamic; /* folder where systemd notes each dynamic uid in use, by its number */
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
