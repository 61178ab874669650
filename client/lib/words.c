/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Failures in words. A fixed buffer: telling that memory ran out must not need any. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/lib/words.h"

void words_set(struct words *words, const char *format, ...) {
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(words->text, sizeof words->text, format, arguments);
	va_end(arguments);
}

void words_add(struct words *words, const char *format, ...) {
	size_t n_bytes = strlen(words->text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(words->text + n_bytes, sizeof words->text - n_bytes, format, arguments);
	va_end(arguments);
}

const char *words_of_error(int error) {
	const char *text = strerrordesc_np(error);

	return text ? text : "unknown error";
}
