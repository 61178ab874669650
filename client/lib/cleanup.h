/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What owns something cleans up by itself when it goes out of scope; it is handed over by `*ret_x =
 * x; x = NULL;`. */

#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

static inline void cleanup_fd(int *fd) {
	if (*fd >= 0) {
		close(*fd);
	}
}

static inline void cleanup_free(void *pointer) {
	free(*(void **)pointer);
}
