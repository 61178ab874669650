/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* File descriptors that clients send along with their words: nobody here wants them, and they can do harm. */

#include <stdbool.h>

#include "helper/reason.h"

enum { CLIENT_SOCKET_PASSRIGHTS = 83 }; /* SO_PASSRIGHTS, Linux 6.16; newer than the headers */

/* Makes the kernel refuse descriptors sent to @fd and, where it listens, to what is connected from now on. Where the kernel cannot
 * (before Linux 6.16) the log says so. -errno. */
int client_socket_refuse_descriptors(int fd, struct reason *ret_reason);

/* Whether descriptors can be sent to @fd, or could be when it was connected. */
bool client_socket_takes_descriptors(int fd);

/* Whether the next message in @fd brings some: then it must not be read. */
bool client_socket_brings_descriptors(int fd);

/* Installs the signal handler that client_socket_close() needs. -errno. */
int client_socket_prepare(void);

/* Closes @fd, with what lies in it unread, at once. */
void client_socket_close(int fd);
