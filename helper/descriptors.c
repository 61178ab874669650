/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool has_socket_option(int fd, int option, int wanted) {
	int value;
	socklen_t n_bytes = sizeof value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &n_bytes) == 0 && value == wanted;
}

bool descriptor_is_seqpacket(int fd) {
	return has_socket_option(fd, SO_DOMAIN, AF_UNIX) &&
	       has_socket_option(fd, SO_TYPE, SOCK_SEQPACKET);
}

int descriptor_place(int fd, int number) {
	if (fd == number) {
		return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0;
	}
	if (fd < 0 || dup3(fd, number, O_CLOEXEC) < 0) {
		return -errno;
	}
	(void)close(fd);
	return 0;
}

int descriptors_fill(void) {
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	while (fd >= 0 && fd < DESCRIPTOR_FIRST_CLIENT) {
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* at the lowest free number */
	}
	if (fd < 0) {
		return -errno;
	}
	(void)close(fd);
	return 0;
}
