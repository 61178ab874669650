/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/source.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_in_our_namespace(const struct multiping *multiping) {
	struct multiping_helper helper = {.struct_bytes = sizeof(helper)};
	struct stat ours;

	return multiping_get_helper(multiping, &helper) == 0 &&
	       stat("/proc/self/ns/net", &ours) == 0 && ours.st_ino == helper.namespace_inode;
}

/* What bind(2) says of @address. */
static int try_to_bind(const struct addrinfo *address) {
	int fd = socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0) {
		return 0; /* says nothing of the address */
	}
	r = bind(fd, address->ai_addr, address->ai_addrlen) < 0 ? -errno : 0;
	close(fd);
	return r;
}

int source_check(const char *source, const struct multiping *multiping) {
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM};
	struct addrinfo *address;
	int r;

	if (!is_in_our_namespace(multiping) || getaddrinfo(source, NULL, &hints, &address) != 0) {
		return 0;
	}
	r = try_to_bind(address);
	freeaddrinfo(address);
	return r;
}
