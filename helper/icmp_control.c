/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/icmp_control.h"

#include <string.h>
#include <time.h>

#include <linux/errqueue.h> /* wants struct timespec */

/* Copies the data of the first control message of that kind. CMSG_NXTHDR(3) trusts the lengths; here each is compared with what is
 * left. */
static bool control_get(const struct msghdr *header, int level, int type, void *ret_data,
			size_t n_data) {
	const uint8_t *bytes = header->msg_control;
	size_t n_left = header->msg_controllen, n;

	for (struct cmsghdr message; n_left >= sizeof message; bytes += n, n_left -= n) {
		memcpy(&message, bytes, sizeof message);
		if (message.cmsg_len < sizeof message || message.cmsg_len > n_left) {
			return false;
		}
		if (message.cmsg_level == level && message.cmsg_type == type) {
			if (message.cmsg_len < CMSG_LEN(n_data)) {
				return false;
			}
			memcpy(ret_data, bytes + CMSG_LEN(0), n_data);
			return true;
		}
		n = CMSG_ALIGN(message.cmsg_len);
		n = n < n_left ? n : n_left; /* the last one may lack its padding */
	}
	return false;
}

static int64_t time_ns(const struct timespec *time) {
	return (int64_t)((uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec);
}

void icmp_control_read_receive(const struct msghdr *header, struct icmp_received *received) {
	struct timespec stamp;
	int hop_limit;

	if (control_get(header, SOL_SOCKET, SCM_TIMESTAMPNS, &stamp, sizeof stamp)) {
		received->stamp_ns = time_ns(&stamp);
	}
	if (control_get(header, IPPROTO_IPV6, IPV6_HOPLIMIT, &hop_limit, sizeof hop_limit) ||
	    control_get(header, IPPROTO_IP, IP_TTL, &hop_limit, sizeof hop_limit)) {
		received->message.hop_limit = (uint8_t)hop_limit;
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

struct extended_error {
	struct sock_extended_err error;
	struct sockaddr_in6 reporter; /* of IPv4 a struct sockaddr_in, SO_EE_OFFENDER() */
};

static bool get_extended_error(const struct msghdr *header, struct extended_error *ret_extended) {
	const size_t n_ipv4 = sizeof ret_extended->error + sizeof(struct sockaddr_in);

	*ret_extended = (struct extended_error){0};
	return control_get(header, IPPROTO_IP, IP_RECVERR, ret_extended, n_ipv4) ||
	       control_get(header, IPPROTO_IPV6, IPV6_RECVERR, ret_extended, sizeof *ret_extended);
}

bool icmp_control_read_queued(const struct mmsghdr *entry, enum family family, bool has_stamp_id,
			      struct icmp_queued *ret_queued) {
	const struct msghdr *header = &entry->msg_hdr;
	const uint8_t *bytes = header->msg_iov->iov_base;
	struct icmp_message *message = &ret_queued->message;
	struct timespec software = {0}; /* the first of three */
	struct extended_error extended;
	const struct sock_extended_err *error = &extended.error;

	*ret_queued = (struct icmp_queued){.has_id = has_stamp_id};
	if (!get_extended_error(header, &extended)) {
		return false;
	}
	if (error->ee_origin == SO_EE_ORIGIN_TIMESTAMPING) {
		(void)control_get(header, SOL_SOCKET, SCM_TIMESTAMPING, &software, sizeof software);
		ret_queued->stamp_id = error->ee_data;
		ret_queued->stamp_ns = time_ns(&software);
		return ret_queued->stamp_ns != 0 &&
		       (has_stamp_id ||
			icmp_parse_looped(family, bytes, entry->msg_len, &message->identifier,
					  &message->sequence) == 0);
	}
	if ((error->ee_origin != SO_EE_ORIGIN_ICMP && error->ee_origin != SO_EE_ORIGIN_ICMP6) ||
	    icmp_parse_queued(family, error->ee_type, error->ee_code, error->ee_info, bytes,
			      entry->msg_len, message) != 0) {
		return false;
	}
	ret_queued->is_error = true;
	message->source = icmp_control_address(&extended.reporter);
	message->quoted_destination = icmp_control_address(header->msg_name);
	return true;
}
