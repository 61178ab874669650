/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/icmp_control.h"

#include <string.h>

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

bool icmp_control_read_queued(const struct msghdr *header, struct icmp_queued *queued,
			      struct icmp_extended_error *ret_error) {
	const size_t n_ipv4 = sizeof ret_error->error + sizeof(struct sockaddr_in);
	struct timespec software; /* the first of three */

	*ret_error = (struct icmp_extended_error){0};
	if (!control_get(header, IPPROTO_IP, IP_RECVERR, ret_error, n_ipv4) &&
	    !control_get(header, IPPROTO_IPV6, IPV6_RECVERR, ret_error, sizeof *ret_error)) {
		return false;
	}
	queued->stamp_id = ret_error->error.ee_data;
	if (control_get(header, SOL_SOCKET, SCM_TIMESTAMPING, &software, sizeof software)) {
		queued->stamp_ns = time_ns(&software);
	}
	return true;
}
