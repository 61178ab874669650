/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/activation.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/text.h"

static const int64_t max_watchdog_us = INT64_MAX / 1000; /* so that nanoseconds can be counted */

/* Whether @variable holds our process id: who inherits the variables of a service is not yet the service. */
static bool is_ours(const char *variable) {
	const char *value = secure_getenv(variable);
	uint32_t pid;

	return value && text_to_number(value, 10, INT32_MAX, &pid) == 0 && (pid_t)pid == getpid();
}

/* @names are separated by ':', one for each socket. */
static int read_names(const char *names, struct activation *activation, struct reason *ret_reason) {
	int n_names = 0;
	bool fit = true;

	for (const char *name = names; name; n_names++) {
		size_t n_bytes = strcspn(name, ":");

		fit &= n_names < activation->n_listeners && n_bytes < ACTIVATION_NAME_BYTES;
		if (fit) {
			memcpy(activation->names[n_names], name, n_bytes);
		}
		name = name[n_bytes] ? name + n_bytes + 1 : NULL;
	}
	if (!fit || n_names != activation->n_listeners) {
		return reason_set(ret_reason, ACTIVATION_E_REFUSED, NULL,
				  "LISTEN_FDNAMES: not a name for each of %d sockets",
				  activation->n_listeners);
	}
	return 0;
}

static int read_listeners(struct activation *activation, struct reason *ret_reason) {
	const char *value = secure_getenv("LISTEN_FDS"), *names = secure_getenv("LISTEN_FDNAMES");
	uint32_t n_listeners;

	if (!value || !is_ours("LISTEN_PID")) {
		return 0;
	}
	if (text_to_number(value, 10, ACTIVATION_MAX_LISTENERS, &n_listeners) < 0) {
		return reason_set(ret_reason, ACTIVATION_E_REFUSED, NULL,
				  "LISTEN_FDS=%s: at most %d sockets can be served", value,
				  ACTIVATION_MAX_LISTENERS);
	}
	activation->n_listeners = (int)n_listeners;
	return names ? read_names(names, activation, ret_reason) : 0;
}

/* A path, or with '@' in front a name in the abstract namespace, which begins with a zero byte and is as long as it is. */
static int read_manager(struct activation *activation, struct reason *ret_reason) {
	const char *value = secure_getenv("NOTIFY_SOCKET");
	struct sockaddr_un *address = &activation->manager;
	size_t n_bytes;

	if (!value) {
		return 0;
	}
	n_bytes = strlen(value);
	if ((*value != '/' && *value != '@') || n_bytes < 2 ||
	    n_bytes >= sizeof address->sun_path) {
		return reason_set(ret_reason, ACTIVATION_E_REFUSED, NULL,
				  "NOTIFY_SOCKET=%s: neither an absolute path nor @NAME", value);
	}
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, value, n_bytes);
	if (*value == '@') {
		address->sun_path[0] = '\0';
	}
	activation->n_manager_bytes =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + n_bytes + (*value == '/'));
	return 0;
}

static int read_watchdog(struct activation *activation, struct reason *ret_reason) {
	const char *value = secure_getenv("WATCHDOG_USEC");
	long long watchdog_us;
	char *end;

	if (!value || (secure_getenv("WATCHDOG_PID") && !is_ours("WATCHDOG_PID"))) {
		return 0;
	}
	errno = 0;
	watchdog_us = strtoll(value, &end, 10);
	if (errno != 0 || *end || watchdog_us <= 0 || watchdog_us > max_watchdog_us) {
		return reason_set(ret_reason, ACTIVATION_E_REFUSED, NULL,
				  "WATCHDOG_USEC=%s: not a number of microseconds", value);
	}
	activation->watchdog_ns = watchdog_us * 1000;
	return 0;
}

int activation_read(struct activation *ret_activation, struct reason *ret_reason) {
	struct activation activation = {0};
	int r;

	if ((r = read_listeners(&activation, ret_reason)) != 0 ||
	    (r = read_manager(&activation, ret_reason)) != 0 ||
	    (r = read_watchdog(&activation, ret_reason)) != 0) {
		return r;
	}
	*ret_activation = activation;
	return 0;
}

int activation_connect(const struct activation *activation) {
	int r;

	if (activation->n_manager_bytes == 0) {
		return 0;
	}
	r = descriptor_place(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
			     DESCRIPTOR_MANAGER);
	if (r == 0 && connect(DESCRIPTOR_MANAGER, (const struct sockaddr *)&activation->manager,
			      activation->n_manager_bytes) < 0) {
		r = -errno;
		(void)close(DESCRIPTOR_MANAGER);
	}
	return r;
}

void activation_tell(const char *state) {
	(void)!write(DESCRIPTOR_MANAGER, state, strlen(state));
}
