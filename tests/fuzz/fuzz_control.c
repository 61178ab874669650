/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The control messages beside a packet, and in an error queue. The input is what recvmsg(2) would have written: nothing may be told that
 * is not in it. It is also what a kernel's messages are made of, which must be read as they are, and however short they are cut, never
 * as something else. */

#include <string.h>
#include <time.h>

#include <linux/errqueue.h> /* wants struct timespec */

#include "helper/icmp_control.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_CONTROL_BYTES = 256 };

struct control {
	size_t n_bytes;
	_Alignas(struct cmsghdr) uint8_t bytes[MAX_CONTROL_BYTES];
};

static struct icmp_received read_receive(const uint8_t *bytes, size_t n_bytes) {
	struct msghdr header = {.msg_control = (void *)(uintptr_t)bytes, .msg_controllen = n_bytes};
	struct icmp_received received = {0};

	icmp_control_read_receive(&header, &received);
	return received;
}

/* Whether there is a transmit stamp. */
static bool read_stamp(const uint8_t *bytes, size_t n_bytes, struct icmp_queued *ret_stamp) {
	struct msghdr header = {.msg_control = (void *)(uintptr_t)bytes, .msg_controllen = n_bytes};
	struct icmp_extended_error error;

	*ret_stamp = (struct icmp_queued){0};
	return icmp_control_read_queued(&header, ret_stamp, &error) &&
	       error.error.ee_origin == SO_EE_ORIGIN_TIMESTAMPING && ret_stamp->stamp_ns != 0;
}

static uint64_t time_ns(const struct timespec *time) {
	return (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec;
}

/* Whether a message of that kind, whole, stands anywhere at all, with such a time at its start. */
static bool holds_time(const uint8_t *bytes, size_t n_bytes, int type, int64_t stamp_ns) {
	struct cmsghdr message;
	struct timespec time;

	for (size_t i = 0; i + CMSG_LEN(sizeof time) <= n_bytes; i += CMSG_ALIGN(1)) {
		memcpy(&message, bytes + i, sizeof message);
		memcpy(&time, bytes + i + CMSG_LEN(0), sizeof time);
		if (message.cmsg_level == SOL_SOCKET && message.cmsg_type == type &&
		    message.cmsg_len >= CMSG_LEN(sizeof time) && message.cmsg_len <= n_bytes - i &&
		    time_ns(&time) == (uint64_t)stamp_ns) {
			return true;
		}
	}
	return false;
}

static void check_bytes(const uint8_t *bytes, size_t n_bytes) {
	struct icmp_received received = read_receive(bytes, n_bytes);
	struct icmp_queued stamp;

	FUZZ_CHECK(received.stamp_ns == 0 ||
		   holds_time(bytes, n_bytes, SCM_TIMESTAMPNS, received.stamp_ns));
	FUZZ_CHECK(received.message.hop_limit == 0 ||
		   memchr(bytes, received.message.hop_limit, n_bytes) != NULL);
	if (read_stamp(bytes, n_bytes, &stamp)) {
		FUZZ_CHECK(stamp.stamp_ns != 0);
		FUZZ_CHECK(holds_time(bytes, n_bytes, SCM_TIMESTAMPING, stamp.stamp_ns));
		FUZZ_CHECK(memmem(bytes, n_bytes, &stamp.stamp_id, sizeof stamp.stamp_id) != NULL);
	}
}

/* --- as a kernel writes them --- */

struct values {
	uint32_t seconds, nanoseconds, stamp_id;
	uint8_t hop_limit, origin, is_ipv6, n_other, cut;
};

/* As put_cmsg() of the kernel: what does not fit any more is cut short, and what follows it is missing. */
static void add(struct control *control, int level, int type, const void *data, size_t n_data) {
	struct cmsghdr *header = (void *)(control->bytes + control->n_bytes);

	header->cmsg_level = level;
	header->cmsg_type = type;
	header->cmsg_len = CMSG_LEN(n_data);
	memcpy(CMSG_DATA(header), data, n_data);
	control->n_bytes += CMSG_SPACE(n_data);
}

static void cut_to(struct control *control, size_t n_bytes) {
	struct cmsghdr *header;

	if (n_bytes > control->n_bytes) {
		return;
	}
	for (size_t at = 0; at + sizeof *header <= n_bytes; at += CMSG_ALIGN(header->cmsg_len)) {
		header = (void *)(control->bytes + at);
		if (header->cmsg_len > n_bytes - at) {
			header->cmsg_len = n_bytes - at;
		}
	}
	control->n_bytes = n_bytes;
}

static void check_receive(const struct values *values, const struct timespec *time) {
	const int hop_limit = values->hop_limit;
	struct control control = {0};
	struct icmp_received received;

	add(&control, SOL_IP, 99, "what nobody asked for", values->n_other % 20);
	add(&control, SOL_SOCKET, SCM_TIMESTAMPNS, time, sizeof *time);
	add(&control, SOL_IPV6, IPV6_HOPLIMIT, &hop_limit, sizeof hop_limit);
	received = read_receive(control.bytes, control.n_bytes);
	FUZZ_CHECK((uint64_t)received.stamp_ns == time_ns(time));
	FUZZ_CHECK(received.message.hop_limit == hop_limit);

	cut_to(&control, values->cut);
	received = read_receive(control.bytes, control.n_bytes);
	FUZZ_CHECK(received.stamp_ns == 0 || (uint64_t)received.stamp_ns == time_ns(time));
	FUZZ_CHECK(received.message.hop_limit == 0 || received.message.hop_limit == hop_limit);
}

static void check_stamp(const struct values *values, const struct timespec *time) {
	const struct timespec times[3] = {*time};
	const struct {
		struct sock_extended_err error;
		struct sockaddr_in6 offender;
	} error = {.error = {.ee_origin = values->origin, .ee_data = values->stamp_id}};
	bool is_stamp = values->origin == SO_EE_ORIGIN_TIMESTAMPING && time_ns(time) != 0;
	struct control control = {0};
	struct icmp_queued stamp;

	add(&control, SOL_SOCKET, SCM_TIMESTAMPING, times, sizeof times);
	add(&control, values->is_ipv6 & 1 ? SOL_IPV6 : SOL_IP,
	    values->is_ipv6 & 1 ? IPV6_RECVERR : IP_RECVERR, &error, sizeof error);
	FUZZ_CHECK(read_stamp(control.bytes, control.n_bytes, &stamp) == is_stamp);
	FUZZ_CHECK(!is_stamp || stamp.stamp_id == values->stamp_id);
	FUZZ_CHECK(!is_stamp || (uint64_t)stamp.stamp_ns == time_ns(time));

	cut_to(&control, values->cut);
	if (read_stamp(control.bytes, control.n_bytes, &stamp)) {
		FUZZ_CHECK(is_stamp && stamp.stamp_id == values->stamp_id);
		FUZZ_CHECK((uint64_t)stamp.stamp_ns == time_ns(time));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
	struct values values = {0};
	struct timespec time;

	check_bytes(bytes, n_bytes);
	memcpy(&values, bytes, n_bytes < sizeof values ? n_bytes : sizeof values);
	values.origin %= 8; /* the kernel knows seven */
	time.tv_sec = values.seconds;
	time.tv_nsec = values.nanoseconds;
	check_receive(&values, &time);
	check_stamp(&values, &time);
	return 0;
}
