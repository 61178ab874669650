/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The socket that clients connect to. */

#include <sys/types.h>

#include "helper/reason.h"

enum { LISTENER_E_REFUSED = 1 };

/* Listens at @path (absolute, its folder there already), with file mode @mode and group @group ((gid_t)-1: that of this process).
 * A socket left behind by a process that is gone is replaced; anything else at @path is not. -errno or LISTENER_E_REFUSED. */
int listener_open(const char *path, mode_t mode, gid_t group, int *ret_fd,
		  struct reason *ret_reason);

/* Makes of @fd, which somebody else opened, what listener_open() would have; it is borrowed and may be shared with him. -errno;
 * LISTENER_E_REFUSED: it is no listening SOCK_SEQPACKET socket of the Unix domain. */
int listener_take(int fd, struct reason *ret_reason);
