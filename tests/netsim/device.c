/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/netsim/device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "helper/cleanup.h"

enum { QUEUE_PACKETS = 65536 }; /* three seconds at 20,000 a second */

static int set_queue_length(struct ifreq *request) {
	CLEANUP(cleanup_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	request->ifr_qlen = QUEUE_PACKETS;
	return fd < 0 || ioctl(fd, SIOCSIFTXQLEN, request) < 0 ? -errno : 0;
}

int device_open(const char *name) {
	CLEANUP(cleanup_fd) int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int r;

	(void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
		return -errno;
	}
	r = set_queue_length(&request);
	if (r == 0) {
		r = fd;
		fd = -1;
	}
	return r;
}
