/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Sending and receiving: after the privileges are gone, so nothing here sets an option. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/sock_diag.h>

#include "helper/defence.h"
#include "helper/icmp_control.h"
#include "helper/icmp_sockets_private.h"

enum {
	/* that a socket tells, one after the other, before it is left for this turn */
	MAX_ERRORS = 16,
	/* With DF the kernel need not find an identification for an IPv4 packet (RFC 6864), which takes it 0.2 us. No network fragments so
	 * small a one, an echo request of the usual size; should one of this machine's own, the kernel says EMSGSIZE. */
	NEVER_CUT_BYTES = ICMP_HEADER_BYTES + PROTOCOL_DEFAULT_DATA_BYTES,
};

/* --- sending --- */

union address {
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

static socklen_t address_set(const struct icmp_send *send, union address *ret_address) {
	if (send->family == FAMILY_IPV6) {
		ret_address->ipv6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
							  .sin6_addr = send->destination,
							  .sin6_scope_id = send->scope};
		return sizeof ret_address->ipv6;
	}
	ret_address->ipv4 = (struct sockaddr_in){.sin_family = AF_INET,
						 .sin_addr.s_addr = send->destination.s6_addr32[3]};
	return sizeof ret_address->ipv4;
}

/* Control messages of one send; the widest set is TTL, TOS and packet information, and where the way is asked for IPV6_DONTFRAG. */
struct control {
	size_t n_bytes;
	_Alignas(struct cmsghdr)
		uint8_t bytes[3 * CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static void control_add(struct control *control, int level, int type, const void *data,
			size_t n_data) {
	struct cmsghdr *header = (void *)(control->bytes + control->n_bytes);

	header->cmsg_level = level;
	header->cmsg_type = type;
	header->cmsg_len = CMSG_LEN(n_data);
	memcpy(CMSG_DATA(header), data, n_data);
	control->n_bytes += CMSG_SPACE(n_data);
}

static void control_add_ipv4(struct control *control, const struct icmp_send *send) {
	if (send->ttl >= 0) {
		control_add(control, IPPROTO_IP, IP_TTL, &send->ttl, sizeof send->ttl);
	}
	if (send->tos >= 0) {
		control_add(control, IPPROTO_IP, IP_TOS, &send->tos, sizeof send->tos);
	}
	if (send->interface != 0 || !IN6_IS_ADDR_UNSPECIFIED(&send->source)) {
		struct in_pktinfo info = {.ipi_ifindex = (int)send->interface};

		if (!IN6_IS_ADDR_UNSPECIFIED(&send->source)) {
			memcpy(&info.ipi_spec_dst, send->source.s6_addr + 12, 4);
		}
		control_add(control, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
	}
}

static void control_add_ipv6(struct control *control, const struct icmp_send *send) {
	if (send->ttl >= 0) {
		control_add(control, IPPROTO_IPV6, IPV6_HOPLIMIT, &send->ttl, sizeof send->ttl);
	}
	if (send->tos >= 0) {
		control_add(control, IPPROTO_IPV6, IPV6_TCLASS, &send->tos, sizeof send->tos);
	}
	if (send->interface != 0 || !IN6_IS_ADDR_UNSPECIFIED(&send->source)) {
		struct in6_pktinfo info = {.ipi6_addr = send->source,
					   .ipi6_ifindex = send->interface};

		control_add(control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
	}
}

/* Whether to set DF, asked for or not. */
static bool is_sent_whole(const struct icmp_send *send) {
	return send->dont_fragment ||
	       (send->family == FAMILY_IPV4 && send->n_bytes <= NEVER_CUT_BYTES);
}

/* The socket to send on, of those whose packets may or may not be fragmented. */
static int send_socket(const struct icmp_sockets *sockets, const struct icmp_send *send,
		       bool dont_fragment) {
	const struct icmp_facts *facts = &sockets->facts;
	uint32_t i = send->socket_hash % N_SEND_SOCKETS;

	if (facts->are_ping) {
		return DESCRIPTOR_FIRST_SEND + send->identifier - facts->identifier_block;
	}
	for (uint32_t mark = 0; send->fwmark != 0 && mark < facts->fwmarks.n; mark++) {
		i = facts->fwmarks.marks[mark] == send->fwmark ? FIRST_FWMARK_SOCKET + mark : i;
	}
	return DESCRIPTOR_FIRST_SEND + (int)send->family * FAMILY_SOCKETS +
	       dont_fragment * DONT_FRAGMENT_SOCKETS + (int)i;
}

/* A number of SO_MEMINFO. */
static uint32_t memory_info(int fd, int which) {
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t n_bytes = sizeof info;

	(void)getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &n_bytes);
	return info[which];
}

/* What waits in a socket's send buffer: not yet handed to a driver, or not yet freed by it. */
static uint32_t queued_bytes(int fd) {
	return memory_info(fd, SK_MEMINFO_WMEM_ALLOC);
}

static uint64_t active_senders(const struct icmp_sockets *sockets) {
	return sockets->active & ~(socket_bit(DESCRIPTOR_FIRST_SEND) - 1);
}

uint32_t icmp_sockets_queued_bytes(const struct icmp_sockets *sockets, uint32_t socket_hash) {
	uint64_t set = active_senders(sockets);
	uint32_t n_bytes = 0;

	while (set != 0) { /* a fwmark's, and a ping socket, may be anybody's */
		int fd = take_socket(&set);
		uint32_t i = (uint32_t)(fd - DESCRIPTOR_FIRST_SEND) % DONT_FRAGMENT_SOCKETS;

		if (sockets->facts.are_ping || i >= FIRST_FWMARK_SOCKET ||
		    i == socket_hash % N_SEND_SOCKETS) {
			n_bytes += queued_bytes(fd);
		}
	}
	return n_bytes;
}

/* sendto(2) is what most sends need, and takes 0.2 us less than a message. */
static int send_once(int fd, const struct msghdr *header) {
	const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	const struct iovec *vector = header->msg_iov;
	ssize_t n = header->msg_controllen > 0 || header->msg_iovlen > 1
			    ? sendmsg(fd, header, flags)
			    : sendto(fd, vector->iov_base, vector->iov_len, flags, header->msg_name,
				     header->msg_namelen);

	return n < 0 ? -errno : 0;
}

/* Whether the kernel makes such a thing of ICMP errors (and, EREMOTEIO, of redirects). */
static bool may_be_told(int error) {
	static const int told[] = {EACCES,     ECONNREFUSED, EHOSTDOWN, EHOSTUNREACH,
				   EMSGSIZE,   ENETUNREACH,  ENONET,    ENOPROTOOPT,
				   EOPNOTSUPP, EPROTO,       EREMOTEIO};

	for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
		if (error == -told[i]) {
			return true;
		}
	}
	return false;
}

/* Whether the kernel knows a way to the destination of @header. A packet longer than any can be is refused with EMSGSIZE as soon as its
 * way was found, and before the socket is asked for an error that it has to tell; nothing leaves, since the data are nowhere. */
static bool has_way(int fd, enum family family, const struct msghdr *header) {
	const int dont_fragment = 1; /* IPv6 would begin to cut it up */
	struct iovec vectors[] = {{header->msg_iov->iov_base, ICMP_HEADER_BYTES},
				  {NULL, UINT16_MAX - ICMP_HEADER_BYTES}};
	struct control control = {.n_bytes = header->msg_controllen};
	struct msghdr too_long = *header;

	memcpy(control.bytes, header->msg_control, header->msg_controllen);
	if (family == FAMILY_IPV6) {
		control_add(&control, IPPROTO_IPV6, IPV6_DONTFRAG, &dont_fragment,
			    sizeof dont_fragment);
	}
	too_long.msg_iov = vectors;
	too_long.msg_iovlen = sizeof vectors / sizeof *vectors;
	too_long.msg_control = control.bytes;
	too_long.msg_controllen = control.n_bytes;
	return send_once(fd, &too_long) == -EMSGSIZE;
}

/* Sends on a ping socket. An ICMP error about a packet that it sent earlier, or that somebody forged, makes its next call fail and is
 * thereby told. So a failure of that kind is not believed where there is a way; it is tried again, at once and then, since errors may
 * come as fast as we send, later. What is too large for its way is as much as ever known, where it may not be cut up. */
static int send_ping(int fd, const struct icmp_send *send, const struct msghdr *header) {
	int r = send_once(fd, header);

	for (int n_tries = 1; may_be_told(r) && defence_is_on(ASKED_WAY); n_tries++) {
		if (!has_way(fd, send->family, header)) {
			return r;
		}
		if (n_tries == MAX_ERRORS) {
			return r == -EMSGSIZE && send->dont_fragment ? r
								     : ICMP_SOCKETS_E_DESTINATION;
		}
		r = send_once(fd, header);
	}
	return r;
}

/* (Raw sockets look at no pending error when they send.) */
static int send_message(struct icmp_sockets *sockets, int fd, const struct icmp_send *send,
			const struct msghdr *header) {
	icmp_sockets_note(sockets, fd);
	return sockets->facts.are_ping ? send_ping(fd, send, header) : send_once(fd, header);
}

void icmp_sockets_note(struct icmp_sockets *sockets, int fd) {
	sockets->active |= socket_bit(fd);
	if (is_send_socket(fd)) {
		sockets->active |= socket_bit(DESCRIPTOR_RECEIVE_IPV4 + (int)socket_family(fd));
		sockets->used |= socket_bit(fd);
	}
}

int icmp_sockets_send(struct icmp_sockets *sockets, const struct icmp_send *send) {
	union address address;
	struct iovec vector = {(void *)(uintptr_t)send->bytes, send->n_bytes};
	struct control control;
	struct msghdr header = {
		.msg_name = &address,
		.msg_namelen = address_set(send, &address),
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
	};
	int fd = send_socket(sockets, send, is_sent_whole(send));
	int asked_fd = send_socket(sockets, send, send->dont_fragment);
	int r;

	if (!sockets->facts.have[send->family]) {
		return -EAFNOSUPPORT;
	}
	if (sockets->facts.are_ping && send->family == FAMILY_IPV6 &&
	    !IN6_IS_ADDR_UNSPECIFIED(&send->source)) {
		return -EOPNOTSUPP; /* the kernel would choose another and say nothing */
	}
	control.n_bytes = 0;
	(send->family == FAMILY_IPV4 ? control_add_ipv4 : control_add_ipv6)(&control, send);
	header.msg_controllen = control.n_bytes;
	r = send_message(sockets, fd, send, &header);
	if (r == -EMSGSIZE && fd != asked_fd) {
		fd = asked_fd;
		r = send_message(sockets, fd, send, &header);
	}
	if (r == -EINVAL && send->family == FAMILY_IPV6 && send->interface == 0 &&
	    IN6_IS_ADDR_UNSPECIFIED(&send->source) && /* which could be the invalid arguments */
	    (send->scope != 0 || !IN6_IS_ADDR_LINKLOCAL(&send->destination))) {
		return ICMP_SOCKETS_E_NEIGHBOUR;
	}
	if (r != -ENOBUFS && r != -EAGAIN) {
		return r;
	}
	/* a full send buffer answers ENOBUFS too, not only EAGAIN */
	return queued_bytes(fd) >= sockets->facts.send_buffer_bytes ? ICMP_SOCKETS_E_FULL
								    : ICMP_SOCKETS_E_DESTINATION;
}

/* --- receiving --- */

/* Whether the address that belongs to a packet must be asked for. An IPv4 header has it; of a raw socket's own packets nobody needs it. */
static bool needs_names(const struct icmp_sockets *sockets, int fd) {
	return sockets->facts.are_ping || fd == DESCRIPTOR_RECEIVE_IPV6;
}

static struct batch *batch_prepare(struct icmp_sockets *sockets, bool has_names) {
	struct batch *batch = &sockets->batches[has_names];

	for (size_t i = 0; i < batch->n_stale; i++) {
		struct receive_slot *slot = &sockets->slots[i];

		batch->headers[i].msg_hdr = (struct msghdr){
			.msg_name = has_names ? &slot->name : NULL,
			.msg_namelen = has_names ? sizeof slot->name : 0,
			.msg_iov = &sockets->vectors[i],
			.msg_iovlen = 1,
			.msg_control = slot->control,
			.msg_controllen = CONTROL_BYTES,
		};
	}
	batch->n_stale = 0;
	return batch;
}

/* Reads packets, or with MSG_ERRQUEUE in @flags entries of an error queue, and returns how many. What a ping socket tells of a packet
 * that it sent earlier must not hide what waits. */
static size_t receive_batch(struct icmp_sockets *sockets, int fd, int flags,
			    const struct mmsghdr **ret_headers) {
	struct batch *batch = batch_prepare(sockets, needs_names(sockets, fd));
	int n, n_errors = 0;

	do {
		n = recvmmsg(fd, batch->headers, ICMP_SOCKETS_BATCH, flags | MSG_DONTWAIT, NULL);
	} while (n < 0 && errno != EAGAIN && ++n_errors < MAX_ERRORS);
	*ret_headers = batch->headers;
	return batch->n_stale = n < 0 ? 0 : (size_t)n;
}

/* --- packets --- */

uint64_t icmp_sockets_active_receivers(const struct icmp_sockets *sockets) {
	return sockets->facts.receivers & sockets->active;
}

static void read_packet(const struct icmp_sockets *sockets, enum family family,
			const struct mmsghdr *header, struct icmp_received *ret_received) {
	const uint8_t *bytes = header->msg_hdr.msg_iov->iov_base;
	size_t n_packet_bytes = header->msg_len; /* MSG_TRUNC: the real length */
	size_t n_bytes = n_packet_bytes < sockets->packet_buffer_bytes
				 ? n_packet_bytes
				 : sockets->packet_buffer_bytes;
	struct icmp_message *message = &ret_received->message;

	*ret_received = (struct icmp_received){0};
	if (sockets->facts.are_ping) {
		ret_received->fault =
			icmp_parse_reply(family, bytes, n_bytes, n_packet_bytes, message);
	} else if (family == FAMILY_IPV4) {
		ret_received->fault = icmp_parse_ipv4(bytes, n_bytes, n_packet_bytes, message);
	} else {
		ret_received->fault = icmp_parse_ipv6(bytes, n_bytes, n_packet_bytes, message);
	}
	if (header->msg_hdr.msg_name != NULL) { /* else the IP header has told */
		message->source = icmp_control_address(header->msg_hdr.msg_name);
	}
	icmp_control_read_receive(&header->msg_hdr, ret_received);
}

size_t icmp_sockets_receive(struct icmp_sockets *sockets, int fd,
			    struct icmp_received ret_received[ICMP_SOCKETS_BATCH]) {
	const struct mmsghdr *headers;
	size_t n = receive_batch(sockets, fd, MSG_TRUNC, &headers);

	for (size_t i = 0; i < n; i++) {
		read_packet(sockets, socket_family(fd), &headers[i], &ret_received[i]);
	}
	return n;
}

bool icmp_sockets_dropped(struct icmp_sockets *sockets) {
	uint64_t set =
		sockets->facts.receivers & (sockets->facts.are_ping ? sockets->active : UINT64_MAX);
	bool dropped = false;

	while (set != 0) {
		int fd = take_socket(&set);
		uint32_t n_dropped = memory_info(fd, SK_MEMINFO_DROPS);

		dropped |= n_dropped != sockets->n_dropped[fd];
		sockets->n_dropped[fd] = n_dropped;
	}
	return dropped;
}

struct icmp_sockets_fill icmp_sockets_get_fill(const struct icmp_sockets *sockets) {
	struct icmp_sockets_fill fill = {0};
	uint64_t set = sockets->open;

	while (set != 0) {
		int fd = take_socket(&set);

		fill.send_bytes += queued_bytes(fd);
		if (sockets->facts.receivers >> fd & 1) {
			fill.receive_bytes += memory_info(fd, SK_MEMINFO_RMEM_ALLOC);
			fill.n_dropped += memory_info(fd, SK_MEMINFO_DROPS);
		}
	}
	return fill;
}

/* --- error queues: transmit time stamps, and what a ping socket is told of its packets --- */

size_t icmp_sockets_read_queues(struct icmp_sockets *sockets, bool all,
				struct icmp_queued ret_queued[ICMP_SOCKETS_BATCH]) {
	size_t n_queued = 0;

	if (all) {
		sockets->used = active_senders(sockets);
	}
	while (sockets->used != 0 && n_queued == 0) {
		int fd = __builtin_ctzll(sockets->used);
		const struct mmsghdr *headers;
		size_t n = receive_batch(sockets, fd, MSG_ERRQUEUE, &headers);

		for (size_t i = 0; i < n; i++) {
			n_queued += icmp_control_read_queued(&headers[i], socket_family(fd),
							     &ret_queued[n_queued]);
		}
		if (n < ICMP_SOCKETS_BATCH) {
			(void)take_socket(&sockets->used);
		}
	}
	return n_queued;
}
