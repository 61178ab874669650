/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What recvmsg(2) writes beside a packet, and for an entry of an error queue. The input is those control messages and the packet:
 * nothing may be told that is not in them. It is also what a kernel's messages are made of, which must be read as they are, and however
 * short they are cut, never as something else. */

#include <string.h>
#include <time.h>

#include <linux/errqueue.h> /* wants struct timespec */

#include "helper/icmp_control.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_CONTROL_BYTES = 256, INPUT_HEADER_BYTES = 2 };

struct control {
	size_t n_bytes;
	_Alignas(struct cmsghdr) uint8_t bytes[MAX_CONTROL_BYTES];
};

/* The rest of what recvmsg(2) gives. */
struct entry {
	enum family family;
	const uint8_t *packet;
	size_t n_packet_bytes;
};

static const struct sockaddr_in6 destination = {
	.sin6_family = AF_INET6, .sin6_addr.s6_addr = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};

static struct icmp_received read_receive(const uint8_t *bytes, size_t n_bytes) {
	struct msghdr header = {.msg_control = (void *)(uintptr_t)bytes, .msg_controllen = n_bytes};
	struct icmp_received received = {0};

	icmp_control_read_receive(&header, &received);
	return received;
}

static bool read_queued(const struct entry *entry, const uint8_t *bytes, size_t n_bytes,
			struct icmp_queued *ret_queued) {
	struct sockaddr_in6 name = destination;
	struct iovec vector = {(void *)(uintptr_t)entry->packet, entry->n_packet_bytes};
	const struct mmsghdr header = {
		.msg_hdr = {.msg_name = &name,
			    .msg_iov = &vector,
			    .msg_iovlen = 1,
			    .msg_control = (void *)(uintptr_t)bytes,
			    .msg_controllen = n_bytes},
		.msg_len = (unsigned)entry->n_packet_bytes,
	};

	return icmp_control_read_queued(&header, entry->family, ret_queued);
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

/* An error that is told stands in the packet, but for its type, code and reporter. */
static void check_error(const struct entry *entry, const struct icmp_message *message) {
	size_t n_secret = entry->n_packet_bytes - ICMP_HEADER_BYTES;
	bool is_ipv4 = entry->family == FAMILY_IPV4;

	FUZZ_CHECK(entry->n_packet_bytes >= ICMP_HEADER_BYTES && message->is_error);
	FUZZ_CHECK(is_ipv4 ? message->type == 3 || message->type == 11 || message->type == 12
			   : message->type >= 1 && message->type <= 4);
	FUZZ_CHECK(message->identifier == entry->packet[4] * 256 + entry->packet[5]);
	FUZZ_CHECK(message->sequence == entry->packet[6] * 256 + entry->packet[7]);
	FUZZ_CHECK(message->n_secret_bytes ==
		   (n_secret < ICMP_SECRET_BYTES ? n_secret : ICMP_SECRET_BYTES));
	FUZZ_CHECK(memcmp(&message->secret, entry->packet + ICMP_HEADER_BYTES,
			  message->n_secret_bytes) == 0);
	FUZZ_CHECK(IN6_ARE_ADDR_EQUAL(&message->quoted_destination, &destination.sin6_addr));
}

/* What is stamped is an echo request in the packet. */
static void check_stamped(const struct entry *entry, const struct icmp_message *message) {
	const uint8_t echo[] = {
		(uint8_t)(message->identifier >> 8),
		(uint8_t)message->identifier,
		(uint8_t)(message->sequence >> 8),
		(uint8_t)message->sequence,
	};

	FUZZ_CHECK(memmem(entry->packet, entry->n_packet_bytes, echo, sizeof echo) != NULL);
}

static void check_bytes(const struct entry *entry, const uint8_t *bytes, size_t n_bytes) {
	struct icmp_received received = read_receive(bytes, n_bytes);
	struct icmp_queued queued;

	FUZZ_CHECK(received.stamp_ns == 0 ||
		   holds_time(bytes, n_bytes, SCM_TIMESTAMPNS, received.stamp_ns));
	FUZZ_CHECK(received.message.hop_limit == 0 ||
		   memchr(bytes, received.message.hop_limit, n_bytes) != NULL);
	if (!read_queued(entry, bytes, n_bytes, &queued)) {
		return;
	}

	if (queued.is_error) {
		check_error(entry, &queued.message);
		return;
	}
	FUZZ_CHECK(queued.stamp_ns != 0);
	FUZZ_CHECK(holds_time(bytes, n_bytes, SCM_TIMESTAMPING, queued.stamp_ns));
	check_stamped(entry, &queued.message);
}

/* --- as a kernel writes them --- */

struct values {
	uint32_t seconds, nanoseconds, data;
	uint8_t hop_limit, origin, type, code, n_other, cut;
	uint32_t info;
	uint8_t reporter[16];
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

static void check_receive(const struct values *values, enum family family,
			  const struct timespec *time) {
	const int hop_limit = values->hop_limit;
	struct control control = {0};
	struct icmp_received received;

	add(&control, SOL_IP, 99, "what nobody asked for", values->n_other % 20);
	add(&control, SOL_SOCKET, SCM_TIMESTAMPNS, time, sizeof *time);
	if (family == FAMILY_IPV4) { /* of a ping socket; a raw one has the IP header */
		add(&control, SOL_IP, IP_TTL, &hop_limit, sizeof hop_limit);
	} else {
		add(&control, SOL_IPV6, IPV6_HOPLIMIT, &hop_limit, sizeof hop_limit);
	}
	received = read_receive(control.bytes, control.n_bytes);
	FUZZ_CHECK((uint64_t)received.stamp_ns == time_ns(time));
	FUZZ_CHECK(received.message.hop_limit == hop_limit);

	cut_to(&control, values->cut);
	received = read_receive(control.bytes, control.n_bytes);
	FUZZ_CHECK(received.stamp_ns == 0 || (uint64_t)received.stamp_ns == time_ns(time));
	FUZZ_CHECK(received.message.hop_limit == 0 || received.message.hop_limit == hop_limit);
}

/* Adds an extended error with the address of who reports it. */
static void add_error(struct control *control, enum family family, const struct values *values) {
	struct {
		struct sock_extended_err error;
		union {
			struct sockaddr_in ipv4;
			struct sockaddr_in6 ipv6;
		};
	} error = {.error = {.ee_origin = values->origin,
			     .ee_type = values->type,
			     .ee_code = values->code,
			     .ee_info = values->info,
			     .ee_data = values->data}};

	if (family == FAMILY_IPV4) {
		error.ipv4.sin_family = AF_INET;
		memcpy(&error.ipv4.sin_addr, values->reporter, 4);
		add(control, SOL_IP, IP_RECVERR, &error, sizeof error.error + sizeof error.ipv4);
	} else {
		error.ipv6.sin6_family = AF_INET6;
		memcpy(&error.ipv6.sin6_addr, values->reporter, 16);
		add(control, SOL_IPV6, IPV6_RECVERR, &error, sizeof error);
	}
}

static void check_same(const struct entry *entry, const struct values *values,
		       const struct timespec *time, const struct icmp_queued *queued) {
	size_t n_reporter = entry->family == FAMILY_IPV4 ? 4 : 16;

	if (queued->is_error) {
		FUZZ_CHECK(queued->message.type == values->type);
		FUZZ_CHECK(queued->message.code == values->code);
		FUZZ_CHECK(memcmp(queued->message.source.s6_addr + 16 - n_reporter,
				  values->reporter, n_reporter) == 0);
		FUZZ_CHECK(queued->message.next_hop_mtu == 0 ||
			   queued->message.next_hop_mtu == values->info);
		check_error(entry, &queued->message);
	} else {
		FUZZ_CHECK((uint64_t)queued->stamp_ns == time_ns(time));
		check_stamped(entry, &queued->message);
	}
}

static void check_queued(const struct entry *entry, const struct values *values,
			 const struct timespec *time) {
	const struct timespec times[3] = {*time};
	uint16_t identifier, sequence;
	bool is_stamp = values->origin == SO_EE_ORIGIN_TIMESTAMPING && time_ns(time) != 0 &&
			icmp_parse_looped(entry->family, entry->packet, entry->n_packet_bytes,
					  &identifier, &sequence) == 0;
	struct control control = {0};
	struct icmp_queued queued;

	add(&control, SOL_SOCKET, SCM_TIMESTAMPING, times, sizeof times);
	add_error(&control, entry->family, values);
	if (read_queued(entry, control.bytes, control.n_bytes, &queued)) {
		FUZZ_CHECK(queued.is_error == (values->origin == SO_EE_ORIGIN_ICMP ||
					       values->origin == SO_EE_ORIGIN_ICMP6));
		check_same(entry, values, time, &queued);
	} else {
		FUZZ_CHECK(!is_stamp);
	}

	cut_to(&control, values->cut);
	if (read_queued(entry, control.bytes, control.n_bytes, &queued)) {
		check_same(entry, values, time, &queued);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
	struct entry entry;
	struct values values = {0};
	struct timespec time;
	uint8_t *control;
	size_t n_control;

	if (n_bytes < INPUT_HEADER_BYTES) {
		return 0;
	}

	entry.family = bytes[0] & 1 ? FAMILY_IPV6 : FAMILY_IPV4;
	n_control = n_bytes - INPUT_HEADER_BYTES;
	n_control = bytes[1] < n_control ? bytes[1] : n_control;
	control = malloc(n_control + 1); /* of its own, so that the packet is not behind it */
	FUZZ_CHECK(control != NULL);
	memcpy(control + 1, bytes + INPUT_HEADER_BYTES, n_control);
	entry.packet = bytes + INPUT_HEADER_BYTES + n_control;
	entry.n_packet_bytes = n_bytes - INPUT_HEADER_BYTES - n_control;
	check_bytes(&entry, control + 1, n_control);
	memcpy(&values, control + 1, n_control < sizeof values ? n_control : sizeof values);
	free(control);

	values.origin %= 8; /* the kernel knows seven */
	time.tv_sec = values.seconds;
	time.tv_nsec = values.nanoseconds;
	check_receive(&values, entry.family, &time);
	check_queued(&entry, &values, &time);
	return 0;
}
