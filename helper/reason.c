/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/reason.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void reason_append(struct reason *reason, const char *text) {
	(void)strncat(reason->text, text, sizeof reason->text - strlen(reason->text) - 1);
}

int reason_set(struct reason *ret_reason, int error, const char *advice, const char *format, ...) {
	va_list arguments;

	if (error == 0) {
		return 0;
	}
	va_start(arguments, format);
	(void)vsnprintf(ret_reason->text, sizeof ret_reason->text, format, arguments);
	va_end(arguments);

	if (error < 0) {
		reason_append(ret_reason, ": ");
		reason_append(ret_reason, strerror(-error)); /* reads no file: there is no locale */
	}
	if (advice) {
		reason_append(ret_reason, "; ");
		reason_append(ret_reason, advice);
	}
	return error;
}
