/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/icmp_control.h"

#include <string.h>
#include <time.h>

#include <linux/errqueue.h> /* wants struct timespec */

struct control {
	int level, type;
	const uint8_t *data; /* borrowed */
	size_t n_data;
};

/* Goes on from the offset @at, at first 0, to the next control message. CMSG_NXTHDR(3) trusts the lengths; here each is compared with
 * what is left. */
static bool control_next(const struct msghdr *header, size_t *at, struct control *ret_control) {
	const uint8_t *bytes = (const uint8_t *)header->msg_control + *at;
	size_t n_left = header->msg_controllen - *at, n;
	struct cmsghdr message;

	if (n_left < sizeof message) {
		return false;
	}
	memcpy(&message, bytes, sizeof message);
	if (message.cmsg_len < sizeof message || message.cmsg_len > n_left) {
		return false;
	}
	*ret_control = (struct control){message.cmsg_level, message.cmsg_type, bytes + CMSG_LEN(0),
					message.cmsg_len - CMSG_LEN(0)};
	n = CMSG_ALIGN(message.cmsg_len);
	*at += n < n_left ? n : n_left; /* the last one may lack its padding */
	return true;
}

/* Copies the data where it is of that kind, and whole. */
static bool control_get(const struct control *control, int level, int type, void *ret_data,
			size_t n_data) {
	if (control->level != level || control->type != type || control->n_data < n_data) {
		return false;
	}
	memcpy(ret_data, control->data, n_data);
	return true;
}

static int64_t time_ns(const struct timespec *time) {
	return (int64_t)((uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec);
}

void icmp_control_read_receive(const struct msghdr *header, struct icmp_received *received) {
	struct control control;
	struct timespec stamp;
	int hop_limit;

	for (size_t at = 0; control_next(header, &at, &control);) {
		if (control_get(&control, SOL_SOCKET, SCM_TIMESTAMPNS, &stamp, sizeof stamp)) {
			received->stamp_ns = time_ns(&stamp);
		} else if (control_get(&control, IPPROTO_IPV6, IPV6_HOPLIMIT, &hop_limit,
				       sizeof hop_limit) ||
			   control_get(&control, IPPROTO_IP, IP_TTL, &hop_limit,
				       sizeof hop_limit)) {
			received->message.hop_limit = (uint8_t)hop_limit;
		}
	}
}

struct in6_addr icmp_control_address(const struct sockaddr_in6 *name) {
	struct sockaddr_in ipv4;

	if (name->sin6_family != AF_INET) {
		return name->sin6_addr;
	}
	memcpy(&ipv4, name, sizeof ipv4);
	return address_from_ipv4((const uint8_t *)&ipv4.sin_addr);
}

/* What tells of a packet that was sent. */
struct told {
	struct sock_extended_err error;
	struct sockaddr_in6 reporter; /* of IPv4 a struct sockaddr_in, SO_EE_OFFENDER() */
	struct timespec software;     /* the first of three stamps; 0: none */
};

static bool read_told(const struct msghdr *header, struct told *ret_told) {
	const size_t n_error = sizeof ret_told->error;
	struct control control;
	bool has_error = false;

	*ret_told = (struct told){0};
	for (size_t at = 0; control_next(header, &at, &control);) {
		has_error |= control_get(&control, IPPROTO_IP, IP_RECVERR, ret_told,
					 n_error + sizeof(struct sockaddr_in)) ||
			     control_get(&control, IPPROTO_IPV6, IPV6_RECVERR, ret_told,
					 n_error + sizeof ret_told->reporter);
		(void)control_get(&control, SOL_SOCKET, SCM_TIMESTAMPING, &ret_told->software,
				  sizeof ret_told->software);
	}
	return has_error;
}

bool icmp_control_read_queued(const struct mmsghdr *entry, enum family family,
			      struct icmp_queued *ret_queued) {
	const struct msghdr *header = &entry->msg_hdr;
	const uint8_t *bytes = header->msg_iov->iov_base;
	struct icmp_message *message = &ret_queued->message;
	struct told told;
	const struct sock_extended_err *error = &told.error;

	*ret_queued = (struct icmp_queued){0};
	if (!read_told(header, &told)) {
		return false;
	}
	if (error->ee_origin == SO_EE_ORIGIN_TIMESTAMPING) {
		ret_queued->stamp_ns = time_ns(&told.software);
		return ret_queued->stamp_ns != 0 &&
		       icmp_parse_looped(family, bytes, entry->msg_len, &message->identifier,
					 &message->sequence) == 0;
	}
	if ((error->ee_origin != SO_EE_ORIGIN_ICMP && error->ee_origin != SO_EE_ORIGIN_ICMP6) ||
	    header->msg_name == NULL || /* a raw socket's; the one that receives has it, too */
	    icmp_parse_queued(family, error->ee_type, error->ee_code, error->ee_info, bytes,
			      entry->msg_len, message) != 0) {
		return false;
	}
	ret_queued->is_error = true;
	message->source = icmp_control_address(&told.reporter);
	message->quoted_destination = icmp_control_address(header->msg_name);
	return true;
}
