/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/helper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "helper/client_socket.h"
#include "helper/defence.h"
#include "helper/descriptors.h"
#include "helper/helper_private.h"
#include "helper/log.h"

enum { REQUEST_BYTES = 32 << 20 }; /* the pool for targets not yet admitted */

static uint64_t namespace_inode(void) {
	struct stat status;

	return stat("/proc/self/ns/net", &status) < 0 ? 0 : status.st_ino;
}

static struct hello_result hello_make(const struct helper *helper) {
	const struct icmp_facts *facts = icmp_sockets_facts(helper->sockets);
	struct hello_result hello = {
		/* and each owner's limits */
		.protocol = PROTOCOL_VERSION,
		.helper = "multiping-helper " MULTIPING_VERSION,
		.namespace_inode = namespace_inode(),
		.receive_buffer_bytes = facts->receive_buffer_bytes,
		.features = HELLO_FEATURE_TRANSMIT_STAMPS | HELLO_FEATURE_RECEIVE_STAMPS,
		.targets_per_message = PROTOCOL_MAX_TARGETS,
		.timeout_us = PROTOCOL_MAX_TIMEOUT_US,
	};

	(void)strcpy(hello.backend, facts->are_ping ? "ping" : "raw");
	if (facts->have[FAMILY_IPV4]) {
		hello.features |= HELLO_FEATURE_IPV4;
	}
	if (facts->have[FAMILY_IPV6]) {
		hello.features |= HELLO_FEATURE_IPV6;
	}
	return hello;
}

int helper_watch(int operation, int fd, uint32_t events, enum source source, uint32_t number) {
	struct epoll_event event = {.events = events, .data.u64 = (uint64_t)source << 32 | number};

	return epoll_ctl(DESCRIPTOR_EPOLL, operation, fd, &event) < 0 ? -errno : 0;
}

/* What the owners share: ping sockets have identifiers for fewer than may be configured. */
static uint32_t probes_in_flight(const struct helper *helper) {
	uint32_t wanted = helper->config.probes_in_flight, most = helper->prober.table.n_slots;

	if (wanted <= most) {
		return wanted;
	}
	log_event("limited what=probes_in_flight to=%u by=ping_sockets", most);
	return most;
}

static void realms_init(struct helper *helper) {
	for (size_t i = 0; i < helper->config.n_listeners; i++) {
		helper->realms[i] = (struct realm){
			.config = &helper->config,
			.listener = &helper->config.listeners[i],
			.host = i > 0 && defence_is_on(SPARED_HOST) ? &helper->host : NULL,
		};
	}
}

int helper_new(const struct config *config, struct icmp_sockets *sockets,
	       struct helper **ret_helper) {
	struct helper *helper = calloc(1, sizeof *helper);
	int r;

	if (helper == NULL) {
		return -ENOMEM;
	}
	helper->config = *config;
	helper->sockets = sockets;
	helper->next_number = 1;
	helper->accept_ns = helper->alive_ns = INT64_MAX;
	helper->stranger = (uid_t)-1;
	r = client_socket_prepare();
	if (r == 0) {
		r = descriptor_place(epoll_create1(EPOLL_CLOEXEC), DESCRIPTOR_EPOLL);
	}
	if (r == 0) {
		r = prober_init(&helper->prober, &helper->config, sockets);
	}
	if (r < 0) {
		free(helper);
		return r;
	}
	users_init(&helper->users, probes_in_flight(helper), REQUEST_BYTES);
	realms_init(helper);
	scheduler_init(&helper->scheduler, &helper->prober, &helper->config);
	helper->context.prober = &helper->prober;
	helper->context.users = &helper->users;
	helper->context.hello = hello_make(helper);
	*ret_helper = helper;
	return 0;
}

int helper_read_owners(struct helper *helper, const struct passwd_files *files) {
	int r = passwd_find_stranger(files, &helper->stranger);

	return r < 0 ? r : passwd_read_subordinates(files, &helper->subordinates);
}

/* What realms may not reach is followed as soon as there is one. */
static int follow_routes(struct helper *helper) {
	int r = host_addresses_open(&helper->host);

	helper->has_routes = r == 0;
	return r < 0 ? r
		     : helper_watch(EPOLL_CTL_ADD, DESCRIPTOR_ROUTES, EPOLLIN, SOURCE_ROUTES, 0);
}

int helper_add_listener(struct helper *helper, int fd, unsigned realm) {
	int r = realm > 0 && !helper->has_routes ? follow_routes(helper) : 0;

	if (r < 0) {
		return r;
	}
	helper->listener_realms[fd] = realm;
	return helper_watch(EPOLL_CTL_ADD, fd, EPOLLIN, SOURCE_LISTENER, (uint32_t)fd);
}

int helper_watch_signals(struct helper *helper, int fd) {
	return helper_watch(EPOLL_CTL_ADD, fd, EPOLLIN, SOURCE_SIGNAL, 0);
}

void helper_tell_alive(struct helper *helper, int64_t interval_ns) {
	helper->watchdog_ns = interval_ns;
	helper->alive_ns = 0; /* at once */
}
