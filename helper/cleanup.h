/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Locals that own something: CLEANUP(cleanup_fd) int fd = -1; is closed at the end of its scope. */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

/* Closes a descriptor that is not negative; errno stays. */
static inline void cleanup_fd(int *fd) {
	int error = errno;

	if (*fd >= 0) {
		(void)close(*fd);
	}
	errno = error;
}

/* Frees what a char * points to. */
static inline void cleanup_text(char **text) {
	free(*text);
}
