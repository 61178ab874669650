/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/reason.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int reason_set(struct reason *ret_reason, int error, const char *advice, const char *format, ...) {
	char words[sizeof ret_reason->text];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(words, sizeof words, format, arguments);
	va_end(arguments);

	/* No locale is ever set in here: strerror() reads no file. */
	(void)snprintf(ret_reason->text, sizeof ret_reason->text, "%s%s%s%s%s", words,
		       error < 0 ? ": " : "", error < 0 ? strerror(-error) : "", advice ? "; " : "",
		       advice ? advice : "");
	return error;
}
