/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Starts a private helper. */

/* Starts the program at @path (no search) with one end of a socket pair as its descriptor 3, an
 * empty environment, and nothing else of ours: no terminal, no session, no descriptor, no signal
 * state; and not as our child. @ret_fd becomes the other end, non-blocking, for the caller to
 * close. -errno, also of the execve(2). */
int spawn_helper(const char *path, int *ret_fd);
