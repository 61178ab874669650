/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The floor under every pinger's cost: a bare loop of sendto(2) and recvmmsg(2) on one raw socket, with kernel time stamps both ways.
 *
 * No second process, no table, no timers, no policy, no output: it pings N addresses from 127.1.0.0 or fd00:1:: on, once each, one echo
 * request at a time, draining replies and transmit stamps every DRAIN_EVERY sends. What multiping costs above this is its own doing.
 * With -i it sends one each INTERVAL_US, and sleeps meanwhile; -a: IPv4, from another address on; -t: the file TIMES gets a line "ADDRESS
 * NANOSECONDS" for each reply. Prints one JSON object: replies, processor and wall seconds, round-trip times in microseconds. Needs
 * root. */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/net_tstamp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	MAX_TARGETS = 1 << 20,
	DRAIN_EVERY = 16,
	BATCH = 64,
	DATA_BYTES = 56,
	FIRST = 0x7f010000,
	IDENTIFIER =
		0x4d50, /* and the next ones: they and the sequence number tell the targets apart */
	RECEIVE_BYTES = 16 << 20,
	PATIENCE_DRAINS = 1000000,
};

struct echo {
	struct icmphdr header;
	uint8_t data[DATA_BYTES];
};

struct floor {
	bool ipv6;
	int fd;
	uint32_t first; /* IPv4 address */
	int64_t interval_ns;
	const char *times_path;
	uint32_t n_targets, n_replies, n_stamps;
	int64_t sent_ns[MAX_TARGETS], received_ns[MAX_TARGETS]; /* the kernel's stamps */
};

static uint16_t checksum(const void *bytes, size_t n_bytes) {
	const uint16_t *words = bytes;
	uint32_t sum = 0;

	for (size_t i = 0; i < n_bytes / 2; i++) {
		sum += words[i];
	}
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t) ~(sum + (sum >> 16));
}

static int floor_open(struct floor *floor) {
	const struct icmp_filter ipv4 = {.data = ~(1U << ICMP_ECHOREPLY)};
	const int stamps = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE |
			   SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_OPT_ID |
			   SOF_TIMESTAMPING_OPT_TSONLY;
	const int bytes = RECEIVE_BYTES;
	struct icmp6_filter ipv6;
	int r;

	ICMP6_FILTER_SETBLOCKALL(&ipv6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &ipv6);
	floor->fd =
		socket(floor->ipv6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       floor->ipv6 ? (int)IPPROTO_ICMPV6 : (int)IPPROTO_ICMP);
	r = floor->ipv6 ? setsockopt(floor->fd, IPPROTO_ICMPV6, ICMP6_FILTER, &ipv6, sizeof(ipv6))
			: setsockopt(floor->fd, SOL_RAW, ICMP_FILTER, &ipv4, sizeof(ipv4));
	if (r < 0 || setsockopt(floor->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0 ||
	    setsockopt(floor->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0 ||
	    setsockopt(floor->fd, SOL_SOCKET, SO_TIMESTAMPING, &stamps, sizeof(stamps)) < 0) {
		return -errno;
	}
	return 0;
}

static int floor_send(struct floor *floor, uint32_t number) {
	struct echo echo = {
		.header = {.un.echo = {.id = htons((uint16_t)(IDENTIFIER + (number >> 16))),
				       .sequence = htons((uint16_t)number)}}};
	struct sockaddr_in ipv4 = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(floor->first + number)};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_addr.s6_addr = {0xfd, 0, 0, 1}};
	ssize_t n;

	if (floor->ipv6) { /* the kernel adds the checksum */
		echo.header.type = ICMP6_ECHO_REQUEST;
		ipv6.sin6_addr.s6_addr32[3] = htonl(number);
		n = sendto(floor->fd, &echo, sizeof(echo), 0, (const struct sockaddr *)&ipv6,
			   sizeof(ipv6));
	} else {
		echo.header.type = ICMP_ECHO;
		echo.header.checksum = checksum(&echo, sizeof(echo));
		n = sendto(floor->fd, &echo, sizeof(echo), 0, (const struct sockaddr *)&ipv4,
			   sizeof(ipv4));
	}
	return n < 0 ? -errno : 0;
}

/* The stamp of a message; @ret_id (or NULL) becomes what SOF_TIMESTAMPING_OPT_ID counted. 0: there is none. */
static int64_t stamp_get(struct msghdr *message, uint32_t *ret_id) {
	int64_t ns = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPING) {
			struct scm_timestamping stamps;

			memcpy(&stamps, CMSG_DATA(c), sizeof(stamps));
			ns = stamps.ts[0].tv_sec * INT64_C(1000000000) + stamps.ts[0].tv_nsec;
		} else if (((c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) ||
			    (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR)) &&
			   ret_id != NULL) {
			struct sock_extended_err error;

			memcpy(&error, CMSG_DATA(c), sizeof(error));
			*ret_id = error.ee_data;
		}
	}
	return ns;
}

/* Takes in all that waits, replies (@flags 0) or transmit stamps (MSG_ERRQUEUE). */
static void floor_drain(struct floor *floor, int flags) {
	static struct mmsghdr messages[BATCH];
	static struct iovec buffers[BATCH];
	static uint8_t bytes[BATCH][128], controls[BATCH][256];
	int n;

	do {
		for (int i = 0; i < BATCH; i++) {
			buffers[i] =
				(struct iovec){.iov_base = bytes[i], .iov_len = sizeof(bytes[i])};
			messages[i].msg_hdr =
				(struct msghdr){.msg_iov = &buffers[i],
						.msg_iovlen = 1,
						.msg_control = controls[i],
						.msg_controllen = sizeof(controls[i])};
		}
		n = recvmmsg(floor->fd, messages, BATCH, flags | MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++) {
			struct icmphdr header;
			uint32_t number = 0;
			const int64_t ns = stamp_get(&messages[i].msg_hdr, &number);

			if (flags == MSG_ERRQUEUE) {
				floor->sent_ns[number % MAX_TARGETS] = ns;
				floor->n_stamps++;
				continue;
			}
			memcpy(&header, bytes[i] + (floor->ipv6 ? 0 : (bytes[i][0] & 15) * 4),
			       sizeof(header));
			number = (uint32_t)(ntohs(header.un.echo.id) - IDENTIFIER) << 16 |
				 ntohs(header.un.echo.sequence);
			if (number < floor->n_targets) {
				floor->received_ns[number] = ns;
				floor->n_replies++;
			}
		}
	} while (n == BATCH);
}

static int compare(const void *one, const void *other) {
	const int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;

	return (a > b) - (a < b);
}

static int write_times(const struct floor *floor) {
	FILE *file = fopen(floor->times_path, "we");
	char text[INET_ADDRSTRLEN];

	for (uint32_t i = 0; file != NULL && i < floor->n_targets; i++) {
		const struct in_addr address = {htonl(floor->first + i)};

		fprintf(file, "%s %lld\n", inet_ntop(AF_INET, &address, text, sizeof(text)),
			(long long)floor->received_ns[i]);
	}
	return file == NULL || fclose(file) != 0 ? -errno : 0;
}

/* Leaves the round-trip times where the replies' stamps were, sorted. */
static int take_times(struct floor *floor) {
	int r = 0;

	for (uint32_t i = 0; i < floor->n_targets; i++) {
		floor->received_ns[i] -= floor->sent_ns[i];
	}
	if (floor->times_path != NULL) {
		r = write_times(floor);
	}
	qsort(floor->received_ns, floor->n_targets, sizeof(floor->received_ns[0]), compare);
	return r;
}

static int64_t now_ns(clockid_t clock) {
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Drains, asleep in between. */
static void floor_wait(struct floor *floor, int64_t until_ns) {
	struct pollfd readable = {.fd = floor->fd, .events = POLLIN};

	for (int64_t left_ns; (left_ns = until_ns - now_ns(CLOCK_MONOTONIC)) > 0;) {
		const struct timespec left = {left_ns / 1000000000, left_ns % 1000000000};

		ppoll(&readable, 1, &left, NULL);
		floor_drain(floor, 0);
		floor_drain(floor, MSG_ERRQUEUE);
	}
}

static int floor_run(struct floor *floor) {
	const int64_t begin_ns = now_ns(CLOCK_MONOTONIC);

	for (uint32_t i = 0; i < floor->n_targets; i++) {
		int r;

		if (floor->interval_ns > 0) {
			floor_wait(floor, begin_ns + i * floor->interval_ns);
		}
		r = floor_send(floor, i);
		if (r < 0) {
			return r;
		}
		if (i % DRAIN_EVERY == DRAIN_EVERY - 1) {
			floor_drain(floor, 0);
			floor_drain(floor, MSG_ERRQUEUE);
		}
	}
	for (int i = 0; floor->n_replies < floor->n_targets || floor->n_stamps < floor->n_targets;
	     i++) {
		if (i == PATIENCE_DRAINS) {
			return -ETIMEDOUT;
		}
		floor_drain(floor, 0);
		floor_drain(floor, MSG_ERRQUEUE);
	}
	return 0;
}

static int floor_parse(struct floor *floor, int argc, char **argv) {
	struct in_addr first;

	floor->first = FIRST;
	for (int option; (option = getopt(argc, argv, "6a:i:t:")) != -1;) {
		if (option == '6') {
			floor->ipv6 = true;
		} else if (option == 'a' && inet_pton(AF_INET, optarg, &first) == 1) {
			floor->first = ntohl(first.s_addr);
		} else if (option == 'i') {
			floor->interval_ns = strtoll(optarg, NULL, 10) * 1000;
		} else if (option == 't') {
			floor->times_path = optarg;
		} else {
			return -EINVAL;
		}
	}
	floor->n_targets = optind == argc - 1 ? (uint32_t)strtoul(argv[optind], NULL, 10) : 0;
	return floor->n_targets == 0 || floor->n_targets > MAX_TARGETS ? -EINVAL : 0;
}

int main(int argc, char **argv) {
	static struct floor floor;
	int64_t processor_ns, wall_ns;
	int r;

	if (floor_parse(&floor, argc, argv) < 0) {
		fprintf(stderr,
			"usage: floor [-6] [-a FIRST] [-i INTERVAL_US] [-t TIMES] N (1 to %d)\n",
			MAX_TARGETS);
		return 2;
	}
	r = floor_open(&floor);
	processor_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	wall_ns = now_ns(CLOCK_MONOTONIC);
	r = r < 0 ? r : floor_run(&floor);
	processor_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - processor_ns;
	wall_ns = now_ns(CLOCK_MONOTONIC) - wall_ns;
	r = r < 0 ? r : take_times(&floor);
	if (r < 0) {
		fprintf(stderr, "floor: %s\n", strerror(-r));
		return 1;
	}
	printf("{\"replies\": %u, \"processor_s\": %.6f, \"wall_s\": %.6f, \"p50_us\": %.3f, "
	       "\"p99_us\": %.3f}\n",
	       floor.n_replies, (double)processor_ns / 1e9, (double)wall_ns / 1e9,
	       (double)floor.received_ns[floor.n_targets / 2] / 1e3,
	       (double)floor.received_ns[(uint64_t)floor.n_targets * 99 / 100] / 1e3);
	return 0;
}
