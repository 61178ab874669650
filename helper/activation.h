/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a service manager hands down and wants to hear, in systemd's way: sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3).
 * For a helper whose parent is trusted; the private one reads no environment. */

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "helper/descriptors.h"
#include "helper/reason.h"

enum {
	ACTIVATION_MAX_LISTENERS = DESCRIPTOR_LAST_LISTENER - DESCRIPTOR_FIRST_LISTENER + 1,
	ACTIVATION_NAME_BYTES = 256, /* FileDescriptorName= has at most 255 characters */
	ACTIVATION_E_REFUSED = 1,
};

struct activation {
	int n_listeners; /* listening sockets from DESCRIPTOR_FIRST_INHERITED on; 0: none were handed down */
	char names[ACTIVATION_MAX_LISTENERS][ACTIVATION_NAME_BYTES]; /* FileDescriptorName= of each; "" where none is told */
	struct sockaddr_un manager;                                  /* where it wants to hear what activation_tell() says */
	socklen_t n_manager_bytes;                                   /* 0: nobody wants to */
	int64_t watchdog_ns; /* longer silence means that this process hangs; 0: silence means nothing */
};

/* Reads the variables that are meant for this very process, and none in a start that gains privilege (secure_getenv(3)).
 * ACTIVATION_E_REFUSED: one makes no sense. */
int activation_read(struct activation *ret_activation, struct reason *ret_reason);

/* Connects DESCRIPTOR_MANAGER to the manager, where there is one to hear. -errno. */
int activation_connect(const struct activation *activation);

/* Tells the manager @state, as "READY=1". Never waits; where nobody hears, DESCRIPTOR_MANAGER is on /dev/null. Allowed by the filter. */
void activation_tell(const char *state);
