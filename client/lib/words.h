/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The last failure in words: what multiping_message() returns. */

enum { WORDS_BYTES = 2048 };
struct words {
	char text[WORDS_BYTES];
};

/* Replaces the text, as printf does; what does not fit is cut off. */
__attribute__((format(printf, 2, 3))) void words_set(struct words *words, const char *format, ...);

/* Appends to the text. */
__attribute__((format(printf, 2, 3))) void words_add(struct words *words, const char *format, ...);

/* The text of an errno, never NULL; unlike strerror(3) it belongs to no thread. */
const char *words_of_error(int error);
