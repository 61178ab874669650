/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the helper asks of the C library that musl 1.2.3, Debian 12's, does not have: calls that it has no wrapper for. Put in front of each
 * file by tests/musl/build. */
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FSOPEN_CLOEXEC 1
#define FSMOUNT_CLOEXEC 1
#define FSCONFIG_CMD_CREATE 6
#define MOUNT_ATTR_RDONLY 1
#define MOUNT_ATTR_NOSUID 2
#define MOUNT_ATTR_NODEV 4
#define MOUNT_ATTR_NOEXEC 8
#define fsopen(name, flags) ((int)syscall(SYS_fsopen, (name), (flags)))
#define fsconfig(fd, command, key, value, aux)                                                     \
	((int)syscall(SYS_fsconfig, (fd), (command), (key), (value), (aux)))
#define fsmount(fd, flags, attributes) ((int)syscall(SYS_fsmount, (fd), (flags), (attributes)))
#define closefrom(fd) ((void)syscall(SYS_close_range, (fd), ~0U, 0))
#define epoll_pwait2(fd, events, n_events, timeout, signals)                                       \
	((int)syscall(SYS_epoll_pwait2, (fd), (events), (n_events), (timeout), (signals), 8))
