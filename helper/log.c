/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/descriptors.h"

int log_open(void) {
	struct stat status;
	int fd, flags;

	if (fstat(DESCRIPTOR_LOG, &status) == 0 && S_ISREG(status.st_mode)) {
		return 0; /* never waits for a reader */
	}
	/* O_NONBLOCK belongs to the open file, which a shell may share with us: so open it anew. */
	fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0) {
		return descriptor_place(fd, DESCRIPTOR_LOG);
	}
	/* a socket (systemd's journal) cannot be opened again */
	flags = fcntl(DESCRIPTOR_LOG, F_GETFL);
	return fcntl(DESCRIPTOR_LOG, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

void log_event(const char *format, ...) {
	char line[512] = "event=";
	const size_t n_prefix = strlen(line);
	va_list arguments;
	size_t n_bytes;

	va_start(arguments, format);
	(void)vsnprintf(line + n_prefix, sizeof line - n_prefix, format, arguments);
	va_end(arguments);

	for (n_bytes = 0; line[n_bytes]; n_bytes++) {
		if (line[n_bytes] < ' ' || line[n_bytes] > '~') {
			line[n_bytes] = '?';
		}
	}
	line[n_bytes] = '\n'; /* in place of the zero byte */
	(void)!write(DESCRIPTOR_LOG, line, n_bytes + 1);
}
