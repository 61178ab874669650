/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Small text files, read whole and taken apart in place: configuration, passwd(5), group(5), /proc. No stdio, no NSS. */

#include <stddef.h>
#include <stdint.h>

/* Reads @fd to its end and adds a zero byte; free() @ret_text. -EFBIG: more than @max_bytes; -EBADMSG: holds a zero byte. */
int text_read(int fd, size_t max_bytes, char **ret_text);

/* The same of the file at @path. -errno of open(2). */
int text_read_file(const char *path, size_t max_bytes, char **ret_text);

/* Cuts off what stands before the next @separator, or before the end, and moves @cursor behind it. NULL after the last piece,
 * which may be empty. */
char *text_next(char **cursor, char separator);

/* Reads a number in @base made of digits alone, at most @greatest. -EINVAL. */
int text_to_number(const char *text, unsigned base, uint32_t greatest, uint32_t *ret_number);
