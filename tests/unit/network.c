/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/descriptors.h"

void network_command(const char *command) {
	if (system(command) != 0) {
		fprintf(stderr, "failed: %s\n", command);
		abort();
	}
}

int network_enter(void) {
	if (unshare(CLONE_NEWNET) < 0) {
		printf("not run: a network namespace of its own needs root: %s\n", strerror(errno));
		return getenv("CI") != NULL ? 1 : 77;
	}

	network_command("ip link set lo up");
	network_command("ip -6 route add local fd00:1::/64 dev lo");
	network_command("sysctl -q -w net.ipv4.ping_group_range='0 0'"); /* root's */
	return 0;
}

/* The kernel makes an IPv6 address of a device that came up valid by and by, in a thread of its own, and it can be bound to before packets
 * to it arrive: so one is sent until it does. */
static void wait_for_ipv6_address(void) {
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
	const struct sockaddr *ours = (const struct sockaddr *)&address;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool is_bound = false;
	char byte = 0;

	(void)inet_pton(AF_INET6, NETWORK_IPV6, &address.sin6_addr);
	for (int i = 0; i < 10000; i++) {
		is_bound = is_bound || bind(fd, ours, sizeof address) == 0;
		if (is_bound && sendto(fd, &byte, 1, 0, ours, sizeof address) == 1 &&
		    recv(fd, &byte, 1, 0) == 1) {
			(void)close(fd);
			return;
		}
		(void)usleep(1000);
	}
	perror(NETWORK_IPV6);
	abort();
}

int network_open_tun(void) {
	struct ifreq request = {.ifr_name = "tun0", .ifr_flags = IFF_TUN | IFF_NO_PI};
	int low_fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int fd = fcntl(low_fd, F_DUPFD_CLOEXEC,
		       DESCRIPTOR_FIRST_CLIENT); /* out of the helper's way */

	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
		perror("/dev/net/tun");
		abort();
	}
	(void)close(low_fd);

	network_command("ip address add " NETWORK_IPV4 "/16 dev tun0");
	network_command("ip address add " NETWORK_IPV6 "/64 dev tun0 nodad");
	network_command("ip link set tun0 up");
	wait_for_ipv6_address();
	return fd;
}

void network_drain(int tun) {
	uint8_t packet[2048];

	while (read(tun, packet, sizeof packet) > 0) {
	}
}
