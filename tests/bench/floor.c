/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The floor under every pinger's cost: a bare loop of sendto(2) and recvmmsg(2) on one raw socket, with kernel time stamps both ways.
 *
 * No second process, no table, no timers, no policy, no output: it pings N addresses from 127.1.0.0 on, once each, one echo request
 * at a time, draining replies and transmit stamps every DRAIN_EVERY sends. What multiping costs above this is its own doing.
 * Prints one line: "replies N processor_us_per_target X median_rtt_us Y". Needs root. */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
	MAX_TARGETS = 65536, /* the sequence number tells them apart */
	DRAIN_EVERY = 16,
	BATCH = 64,
	DATA_BYTES = 56,
	IDENTIFIER = 0x4d50,
	RECEIVE_BYTES = 16 << 20,
	PATIENCE_DRAINS = 1000000,
};

struct echo {
	struct icmphdr header;
	uint8_t data[DATA_BYTES];
};

struct floor {
	int fd;
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
	const struct icmp_filter filter = {.data = ~(1U << ICMP_ECHOREPLY)};
	const int stamps = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE |
			   SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_OPT_ID |
			   SOF_TIMESTAMPING_OPT_TSONLY;
	const int bytes = RECEIVE_BYTES;

	floor->fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP);
	if (floor->fd < 0 ||
	    setsockopt(floor->fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter)) < 0 ||
	    setsockopt(floor->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0 ||
	    setsockopt(floor->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0 ||
	    setsockopt(floor->fd, SOL_SOCKET, SO_TIMESTAMPING, &stamps, sizeof(stamps)) < 0) {
		return -errno;
	}
	return 0;
}

static int floor_send(struct floor *floor, uint32_t number) {
	struct echo echo = {.header = {.type = ICMP_ECHO, .un.echo = {.id = htons(IDENTIFIER)}}};
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(0x7f010000U + number)};

	echo.header.un.echo.sequence = htons((uint16_t)number);
	echo.header.checksum = checksum(&echo, sizeof(echo));
	if (sendto(floor->fd, &echo, sizeof(echo), 0, (const struct sockaddr *)&to, sizeof(to)) <
	    0) {
		return -errno;
	}
	return 0;
}

/* The stamp of a message; @ret_id (or NULL) becomes what SOF_TIMESTAMPING_OPT_ID counted. 0: there is none. */
static int64_t stamp_get(struct msghdr *message, uint32_t *ret_id) {
	int64_t ns = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPING) {
			struct scm_timestamping stamps;

			memcpy(&stamps, CMSG_DATA(c), sizeof(stamps));
			ns = stamps.ts[0].tv_sec * INT64_C(1000000000) + stamps.ts[0].tv_nsec;
		} else if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR &&
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
			memcpy(&header, bytes[i] + (bytes[i][0] & 15) * 4, sizeof(header));
			if (header.un.echo.id == htons(IDENTIFIER)) {
				floor->received_ns[ntohs(header.un.echo.sequence)] = ns;
				floor->n_replies++;
			}
		}
	} while (n == BATCH);
}

static int compare(const void *one, const void *other) {
	const int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;

	return (a > b) - (a < b);
}

/* Sorts in place: the stamps are of no further use. */
static double median_rtt_us(struct floor *floor) {
	for (uint32_t i = 0; i < floor->n_targets; i++) {
		floor->received_ns[i] -= floor->sent_ns[i];
	}
	qsort(floor->received_ns, floor->n_targets, sizeof(floor->received_ns[0]), compare);
	return (double)floor->received_ns[floor->n_targets / 2] / 1e3;
}

static double processor_us(void) {
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int floor_run(struct floor *floor) {
	for (uint32_t i = 0; i < floor->n_targets; i++) {
		const int r = floor_send(floor, i);

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

int main(int argc, char **argv) {
	static struct floor floor;
	double begin_us;
	int r;

	floor.n_targets = argc == 2 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	if (floor.n_targets == 0 || floor.n_targets > MAX_TARGETS) {
		fprintf(stderr, "usage: floor N (1 to %d)\n", MAX_TARGETS);
		return 2;
	}
	r = floor_open(&floor);
	begin_us = processor_us();
	r = r < 0 ? r : floor_run(&floor);
	if (r < 0) {
		fprintf(stderr, "floor: %s\n", strerror(-r));
		return 1;
	}
	printf("replies %u processor_us_per_target %.3f", floor.n_replies,
	       (processor_us() - begin_us) / floor.n_targets);
	printf(" median_rtt_us %.3f\n", median_rtt_us(&floor));
	return 0;
}
