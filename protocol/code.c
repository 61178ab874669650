/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Codes and faults: what is wrong, as a name for programs and as a sentence for people. */

#include "protocol/code.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char *const code_names[PROTOCOL_N_CODES] = {
	[PROTOCOL_CODE_NOT_MSGPACK] = "not_msgpack",
	[PROTOCOL_CODE_TOO_LARGE] = "too_large",
	[PROTOCOL_CODE_TOO_DEEP] = "too_deep",
	[PROTOCOL_CODE_TRAILING_BYTES] = "trailing_bytes",
	[PROTOCOL_CODE_DUPLICATE_KEY] = "duplicate_key",
	[PROTOCOL_CODE_WRONG_TYPE] = "wrong_type",
	[PROTOCOL_CODE_UNKNOWN_METHOD] = "unknown_method",
	[PROTOCOL_CODE_UNKNOWN_PARAMETER] = "unknown_parameter",
	[PROTOCOL_CODE_MISSING_PARAMETER] = "missing_parameter",
	[PROTOCOL_CODE_HELLO_FIRST] = "hello_first",
	[PROTOCOL_CODE_HELLO_AGAIN] = "hello_again",
	[PROTOCOL_CODE_PROTOCOL_VERSION] = "protocol_version",
	[PROTOCOL_CODE_ID_NOT_GREATER] = "id_not_greater",
	[PROTOCOL_CODE_NO_TARGETS] = "no_targets",
	[PROTOCOL_CODE_TOO_MANY_TARGETS] = "too_many_targets",
	[PROTOCOL_CODE_TOO_MANY_REQUESTS] = "too_many_requests",
	[PROTOCOL_CODE_BAD_ADDRESS] = "bad_address",
	[PROTOCOL_CODE_OUT_OF_RANGE] = "out_of_range",
	[PROTOCOL_CODE_OPTION_REFUSED] = "option_refused",
	[PROTOCOL_CODE_CONNECTIONS] = "connections",
	[PROTOCOL_CODE_SLOW_START] = "slow_start",
	[PROTOCOL_CODE_SHUTDOWN] = "shutdown",
	[PROTOCOL_CODE_NO_BACKEND] = "no_backend",
};

const char *protocol_code_name(enum protocol_code code) {
	return (unsigned)code < PROTOCOL_N_CODES ? code_names[code] : NULL;
}

enum protocol_code protocol_code_from_name(const char *name, uint32_t n_bytes) {
	for (unsigned code = PROTOCOL_CODE_NONE + 1; code < PROTOCOL_N_CODES; code++) {
		if (strlen(code_names[code]) == n_bytes &&
		    memcmp(code_names[code], name, n_bytes) == 0) {
			return (enum protocol_code)code;
		}
	}

	return PROTOCOL_CODE_NONE;
}

bool protocol_code_closes(enum protocol_code code) {
	return code >= PROTOCOL_CODE_NOT_MSGPACK && code <= PROTOCOL_CODE_DUPLICATE_KEY;
}

void fault_set(struct fault *ret_fault, enum protocol_code code, const char *format, ...) {
	va_list arguments;

	*ret_fault = (struct fault){.code = code};
	va_start(arguments, format);
	(void)vsnprintf(ret_fault->message, sizeof(ret_fault->message), format, arguments);
	va_end(arguments);
}

void fault_set_limit(struct fault *ret_fault, enum protocol_code code, const char *limit,
		     int64_t asked, int64_t allowed, const char *format, ...) {
	va_list arguments;

	*ret_fault = (struct fault){.code = code, .asked = asked, .allowed = allowed};
	(void)snprintf(ret_fault->limit, sizeof(ret_fault->limit), "%s", limit);
	va_start(arguments, format);
	(void)vsnprintf(ret_fault->message, sizeof(ret_fault->message), format, arguments);
	va_end(arguments);
}
