/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program as somebody without any privilege, and proves that before it does.
 *
 * A program that root starts under a mere change of ids, or under no_new_privs, shows nothing about rootless use: capabilities
 * may be left in one of the five sets. So: supplementary groups go, the bounding and ambient sets are emptied, the ids change
 * (real, effective, saved), then the remaining sets are emptied, no_new_privs is set on request, and /proc/self/status must
 * read zero in every Cap line. Only then comes the exec, as the last thing.
 *
 * With an empty bounding set no file can give a capability back. --keep-bounding leaves that one set as it was, for tests of
 * a helper whose file carries cap_net_raw. --group=GID adds a supplementary group. */

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	EXIT_NOT_STARTED = 125,
	MAX_GROUPS = 8
}; /* as env(1) and its like: the program was never run */

struct wish {
	bool no_new_privs, keep_bounding;
	uid_t uid;
	gid_t gid, groups[MAX_GROUPS];
	size_t n_groups;
	char **argv; /* borrowed; of the program */
};

static int id_parse(const char *text, uint32_t *ret_id) {
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value == 0 || value >= UINT32_MAX) {
		return -EINVAL; /* 0 is root, 4294967295 means "unchanged" */
	}
	*ret_id = (uint32_t)value;
	return 0;
}

static int wish_parse(char **argv, struct wish *ret_wish) {
	struct wish wish = {0};

	for (argv++; *argv != NULL && strncmp(*argv, "--", 2) == 0; argv++) {
		if (strcmp(*argv, "--no-new-privs") == 0) {
			wish.no_new_privs = true;
		} else if (strcmp(*argv, "--keep-bounding") == 0) {
			wish.keep_bounding = true;
		} else if (strncmp(*argv, "--group=", 8) == 0 && wish.n_groups < MAX_GROUPS) {
			if (id_parse(*argv + 8, &wish.groups[wish.n_groups++]) < 0) {
				return -EINVAL;
			}
		} else {
			return -EINVAL;
		}
	}
	if (argv[0] == NULL || argv[1] == NULL || argv[2] == NULL) {
		return -EINVAL;
	}
	if (id_parse(argv[0], &wish.uid) < 0 || id_parse(argv[1], &wish.gid) < 0) {
		return -EINVAL;
	}
	wish.argv = argv + 2;
	*ret_wish = wish;
	return 0;
}

static int bounding_set_empty(void) {
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
			return -errno;
		}
	}
	return 0;
}

static int privileges_drop(const struct wish *wish) {
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
	int r;

	r = wish->keep_bounding ? 0 : bounding_set_empty();
	if (r < 0) {
		return r;
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    setgroups(wish->n_groups, wish->groups) < 0 ||
	    setresgid(wish->gid, wish->gid, wish->gid) < 0 ||
	    setresuid(wish->uid, wish->uid, wish->uid) < 0 ||
	    syscall(SYS_capset, &header, none) < 0) {
		return -errno;
	}
	if (wish->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		return -errno;
	}
	return 0;
}

/* Whether each "CapX:" line of /proc/self/status is zero; @keep_bounding excepts CapBnd. All five must be there. */
static bool privileges_are_none(bool keep_bounding) {
	FILE *status = fopen("/proc/self/status", "re");
	char line[256], name[16];
	unsigned long long set;
	unsigned n_sets = 0, n_left = 0;

	while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
		if (sscanf(line, "Cap%15[A-Za-z]: %llx", name, &set) != 2) {
			continue;
		}
		n_sets++;
		if (set != 0 && !(keep_bounding && strcmp(name, "Bnd") == 0)) {
			n_left++;
		}
	}
	if (status != NULL) {
		fclose(status);
	}
	return n_sets == 5 && n_left == 0;
}

int main(int argc, char **argv) {
	struct wish wish;
	int r;

	if (argc < 1 || wish_parse(argv, &wish) < 0) {
		fprintf(stderr, "usage: as_user [--no-new-privs] [--keep-bounding] [--group=GID] "
				"UID GID PROGRAM [ARGUMENT...]\n");
		return EXIT_NOT_STARTED;
	}
	r = privileges_drop(&wish);
	if (r < 0) {
		fprintf(stderr, "as_user: dropping privileges: %s\n", strerror(-r));
		return EXIT_NOT_STARTED;
	}
	if (!privileges_are_none(wish.keep_bounding)) {
		fprintf(stderr, "as_user: capabilities are left\n");
		return EXIT_NOT_STARTED;
	}
	execv(wish.argv[0], wish.argv);
	fprintf(stderr, "as_user: %s: %s\n", wish.argv[0], strerror(errno));
	return EXIT_NOT_STARTED;
}
