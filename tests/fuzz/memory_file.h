/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A file for code that opens one by its path: in memory, and written anew for each input. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

struct memory_file {
	int fd; /* 0: not there yet */
	char path[32];
};

static inline void memory_file_write(struct memory_file *file, const void *bytes, size_t n_bytes) {
	if (file->fd == 0) {
		file->fd = memfd_create("fuzz", MFD_CLOEXEC);
		FUZZ_CHECK(file->fd > 0 && fchmod(file->fd, 0600) == 0);
		(void)snprintf(file->path, sizeof file->path, "/proc/self/fd/%d", file->fd);
	}
	FUZZ_CHECK(ftruncate(file->fd, 0) == 0);
	FUZZ_CHECK(pwrite(file->fd, bytes, n_bytes, 0) == (ssize_t)n_bytes);
}
