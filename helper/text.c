/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/cleanup.h"

enum { FIRST_BYTES = 4096 }; /* room at first; files of /proc tell no size */

int text_read(int fd, size_t max_bytes, char **ret_text) {
	CLEANUP(cleanup_text) char *text = NULL;
	size_t n_bytes = 0, room = 0;
	ssize_t n;

	do {
		if (room - n_bytes < 2) { /* one byte more than is there, and the zero byte */
			char *larger = realloc(text, room = room == 0 ? FIRST_BYTES : room * 2);

			if (!larger) {
				return -ENOMEM;
			}
			text = larger;
		}
		n = read(fd, text + n_bytes, room - n_bytes - 1);
		if (n < 0) {
			return -errno;
		}
		n_bytes += (size_t)n;
		if (n_bytes > max_bytes) {
			return -EFBIG;
		}
	} while (n > 0);

	text[n_bytes] = 0;
	if (strlen(text) != n_bytes) {
		return -EBADMSG;
	}
	*ret_text = text;
	text = NULL;
	return 0;
}

int text_read_file(const char *path, size_t max_bytes, char **ret_text) {
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	return fd < 0 ? -errno : text_read(fd, max_bytes, ret_text);
}

char *text_next(char **cursor, char separator) {
	char *piece = *cursor, *end;

	if (!piece) {
		return NULL;
	}
	end = strchr(piece, separator);
	if (end) {
		*end++ = 0;
	}
	*cursor = end;
	return piece;
}

int text_to_number(const char *text, unsigned base, uint32_t greatest, uint32_t *ret_number) {
	uint64_t number = 0;

	if (!*text) {
		return -EINVAL;
	}
	for (; *text; text++) {
		unsigned digit = (unsigned)*text - '0';

		if (digit >= base || (number = number * base + digit) > greatest) {
			return -EINVAL;
		}
	}
	*ret_number = (uint32_t)number;
	return 0;
}
