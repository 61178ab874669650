/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel answers the questions for all local routes one after the other, and tells every change, in the same form and through the
 * same socket. All tables are asked for: the addresses of interfaces in a VRF stand in the VRF's own. After a change, or one that may have
 * been missed (ENOBUFS), all are asked for again, rather than told apart what a route has replaced, or which of two equal ones went;
 * that is why the filter lets messages out here: they reach nobody but the kernel, which changes nothing for a process without
 * CAP_NET_ADMIN. */
#include "helper/host_addresses.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "helper/descriptors.h"
#include "helper/log.h"

enum {
	MESSAGES_PER_TURN = 16,
	READ_BYTES = 32 << 10, /* what the kernel fills at most */
};

/* Of IPv6 each router's anycast addresses lead here too. */
static const struct {
	unsigned char family, type;
} questions[] = {{AF_INET, RTN_LOCAL}, {AF_INET6, RTN_LOCAL}, {AF_INET6, RTN_ANYCAST}};

enum { N_QUESTIONS = sizeof questions / sizeof *questions };

/* Asks the question @number, from 1. */
static void ask(struct host_addresses *host, unsigned number) {
	const struct {
		struct nlmsghdr header;
		struct rtmsg route;
	} question = {
		.header = {.nlmsg_len = sizeof question,
			   .nlmsg_type = RTM_GETROUTE,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.route = {.rtm_family = questions[number - 1].family,
			  .rtm_type = questions[number - 1].type},
	};

	host->asked = number;
	if (send(DESCRIPTOR_ROUTES, &question, sizeof question, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		log_event("host_addresses_unknown errno=%d", errno);
		host->asked = 0;
	}
}

/* Forgets all and asks for all. */
static void start_again(struct host_addresses *host) {
	host->is_stale = false;
	host->n_rules = 0;
	ask(host, 1);
}

/* Not all was told: it is asked for again, when the answer that is on its way has ended. */
static void lose(struct host_addresses *host) {
	host->is_current = false;
	host->is_stale = true;
	if (host->asked == 0) {
		start_again(host);
	}
}

int host_addresses_open(struct host_addresses *ret_host) {
	static const struct sockaddr_nl changes = {
		.nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE};
	static const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	const int fd = DESCRIPTOR_ROUTES, yes = 1;
	int r;

	r = descriptor_place(
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE), fd);
	if (r < 0) {
		return r;
	}
	if (bind(fd, (const struct sockaddr *)&changes, sizeof changes) < 0 ||
	    connect(fd, (const struct sockaddr *)&kernel, sizeof kernel) < 0) {
		return -errno;
	}
	/* then only what is asked for is told, on Linux 4.20 and later */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &yes, sizeof yes);
	*ret_host = (struct host_addresses){0};
	start_again(ret_host);
	return 0;
}

/* --- the table --- */

static void add(struct host_addresses *host, const struct destination_rule *rule) {
	size_t place = destination_rule_place(host->rules, host->n_rules, rule);

	if (host->n_rules == host->room) {
		size_t room = host->room * 2 + 64;
		struct destination_rule *rules = realloc(host->rules, room * sizeof *rules);

		if (rules == NULL) {
			lose(host);
			return;
		}
		host->rules = rules;
		host->room = room;
	}
	memmove(&host->rules[place + 1], &host->rules[place],
		(host->n_rules++ - place) * sizeof *rule);
	host->rules[place] = *rule;
}

/* --- messages --- */

/* For these realms have a rule anyway, which the configuration can replace. */
static bool is_loopback(const struct in6_addr *address) {
	return IN6_IS_ADDR_LOOPBACK(address) ||
	       (IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == IN_LOOPBACKNET);
}

/* Whether a route leads to an address of this host. Everything in the local table does; in the others what the kernel put there, but
 * not what others use local routes for: "local default" in a table of its own, by mark, is how transparent proxies catch packets. */
static bool is_own(const struct rtmsg *route) {
	return (route->rtm_type == RTN_LOCAL ||
		(route->rtm_type == RTN_ANYCAST && route->rtm_family == AF_INET6)) &&
	       (route->rtm_table == RT_TABLE_LOCAL || route->rtm_protocol == RTPROT_KERNEL);
}

/* Reads a route that leads to this host. */
static bool read_route(const struct nlmsghdr *header, struct destination_rule *ret_rule) {
	const struct rtmsg *route = NLMSG_DATA(header);
	bool is_ipv4 = route->rtm_family == AF_INET;
	size_t n_address = is_ipv4 ? 4 : 16;
	int n_bytes = (int)RTM_PAYLOAD(header);

	if (header->nlmsg_len < NLMSG_LENGTH(sizeof *route) || !is_own(route) ||
	    (!is_ipv4 && route->rtm_family != AF_INET6) || route->rtm_dst_len > n_address * 8) {
		return false;
	}
	*ret_rule = (struct destination_rule){
		.length = (uint8_t)(route->rtm_dst_len + (is_ipv4 ? 96 : 0)),
		.origin = DESTINATION_HOST,
		.is_denied = true,
	};
	if (is_ipv4) {
		memset(ret_rule->prefix.s6_addr + 10, 0xff, 2);
	}
	for (const struct rtattr *attribute = RTM_RTA(route); RTA_OK(attribute, n_bytes);
	     attribute = RTA_NEXT(attribute, n_bytes)) {
		if (attribute->rta_type == RTA_DST && RTA_PAYLOAD(attribute) == n_address) {
			memcpy(ret_rule->prefix.s6_addr + 16 - n_address, RTA_DATA(attribute),
			       n_address);
		}
	}
	return !is_loopback(&ret_rule->prefix);
}

/* A kernel before 4.20 answers each question with every route. */
static bool is_asked(const struct host_addresses *host, const struct nlmsghdr *header) {
	const struct rtmsg *route = NLMSG_DATA(header);

	return host->asked != 0 && route->rtm_family == questions[host->asked - 1].family &&
	       route->rtm_type == questions[host->asked - 1].type;
}

static void take_route(struct host_addresses *host, const struct nlmsghdr *header) {
	bool is_change = !(header->nlmsg_flags & NLM_F_MULTI);
	struct destination_rule rule;

	if (!read_route(header, &rule)) {
		return;
	}
	if (is_change) {
		lose(host);
	} else if (is_asked(host, header)) {
		add(host, &rule);
	}
}

/* A question was answered, or could not be. */
static void take_end(struct host_addresses *host, const struct nlmsghdr *header) {
	unsigned asked = host->asked;
	int error = 0;

	if (header->nlmsg_len >= NLMSG_LENGTH(sizeof error)) {
		memcpy(&error, NLMSG_DATA(header), sizeof error);
	}
	host->asked = 0;
	if (host->is_stale) {
		start_again(host);
	} else if (error != 0 && (asked == 1 || error != -EOPNOTSUPP)) { /* there may be no IPv6 */
		log_event("host_addresses_unknown errno=%d", -error);
	} else if (asked < N_QUESTIONS) {
		ask(host, asked + 1);
	} else {
		host->is_current = true;
	}
}

static void take(struct host_addresses *host, const struct nlmsghdr *header) {
	if (header->nlmsg_flags & NLM_F_DUMP_INTR) { /* a change between two parts of the answer */
		lose(host);
	}
	switch (header->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE: /* only ever a change */
		take_route(host, header);
		break;
	case NLMSG_DONE:
	case NLMSG_ERROR:
		take_end(host, header);
		break;
	default:
		break;
	}
}

void host_addresses_read(struct host_addresses *host) {
	union {
		struct nlmsghdr header;
		uint8_t bytes[READ_BYTES];
	} input;

	for (int i = 0; i < MESSAGES_PER_TURN; i++) {
		ssize_t n = recv(DESCRIPTOR_ROUTES, &input, sizeof input, MSG_DONTWAIT | MSG_TRUNC);
		const struct nlmsghdr *header = &input.header;

		if (n < 0 && errno == EAGAIN) {
			return;
		}
		if (n < 0 || (size_t)n > sizeof input) {
			lose(host);
			continue;
		}
		for (unsigned left = (unsigned)n; NLMSG_OK(header, left);
		     header = NLMSG_NEXT(header, left)) {
			take(host, header);
		}
	}
}
