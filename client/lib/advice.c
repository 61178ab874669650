/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A helper that was given no right cannot tell why: the kernel takes it away without a word. What takes it away is known here, since
 * the helper inherits it: no_new_privs, the bounding set, the user namespace; or else it is the file. */
#include "client/lib/advice.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "client/lib/cleanup.h"

#define SERVICE                                                                                    \
	"the service (\"systemctl start multiping.socket\"; or as root \"multiping-helper "        \
	"--listen PATH\", and MULTIPING_SOCKET=PATH here)"
#define PING_SOCKETS "ping sockets (\"sysctl net.ipv4.ping_group_range\"); "

bool advice_is_first_user_namespace(void) {
	char text[64] = "";
	unsigned first, outside, n;
	CLEANUP(cleanup_fd) int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);

	return fd < 0 || read(fd, text, sizeof text - 1) <= 0 ||
	       (sscanf(text, "%u %u %u", &first, &outside, &n) == 3 && first == 0 && outside == 0 &&
		n == UINT32_MAX);
}

/* Whether the file is marked, one way or the other, so that who executes it gets a right. */
static bool file_gives_right(const char *path) {
	struct stat status;

	return getxattr(path, "security.capability", NULL, 0) > 0 ||
	       (stat(path, &status) == 0 && status.st_uid == 0 && status.st_mode & S_ISUID);
}

/* What takes the right away before the file could give it; NULL: nothing. */
static const char *why_no_right(const char *path) {
	struct statvfs file_system;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) > 0) {
		return "This program runs under no_new_privs, where no private helper gets a right";
	}
	if (!advice_is_first_user_namespace()) {
		return "This program is in a user namespace, where no private helper gets a right "
		       "over a network from outside";
	}
	if (prctl(PR_CAPBSET_READ, (unsigned long)CAP_NET_RAW, 0L, 0L, 0L) == 0) {
		return "This program's bounding set lacks cap_net_raw, and so does any private "
		       "helper";
	}
	if (statvfs(path, &file_system) == 0 && file_system.f_flag & ST_NOSUID) {
		return "That file lies where none gives a right (nosuid)";
	}
	return NULL;
}

void advice_add(struct words *words, const char *path, enum advice_about about) {
	const char *why = about == ADVICE_NO_RIGHT ? why_no_right(path) : NULL;

	if (why) {
		words_add(words, ". %s", why);
	}
	words_add(words, ". What helps: ");
	if (about == ADVICE_NOT_STARTED) {
		words_add(words, "to install the private helper with \"setcap cap_net_raw=p\"; ");
	}
	if (about == ADVICE_NO_RIGHT && !why && !file_gives_right(path)) {
		words_add(words, "as root \"setcap cap_net_raw=p %s\"; ", path);
	}
	words_add(words, "%s" SERVICE, about == ADVICE_NO_RIGHT ? PING_SOCKETS : "");
}
