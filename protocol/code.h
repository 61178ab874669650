/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The error codes of the protocol, and one fault in full. */

#include <stdbool.h>
#include <stdint.h>

#include "protocol/limits.h"

enum protocol_code {
	PROTOCOL_CODE_NONE = 0,
	/* these close the session at once */
	PROTOCOL_CODE_NOT_MSGPACK,
	PROTOCOL_CODE_TOO_LARGE,
	PROTOCOL_CODE_TOO_DEEP,
	PROTOCOL_CODE_TRAILING_BYTES,
	PROTOCOL_CODE_DUPLICATE_KEY,
	/* these answer one request, where its msgid could be read */
	PROTOCOL_CODE_WRONG_TYPE,
	PROTOCOL_CODE_UNKNOWN_METHOD,
	PROTOCOL_CODE_UNKNOWN_PARAMETER,
	PROTOCOL_CODE_MISSING_PARAMETER,
	PROTOCOL_CODE_HELLO_FIRST,
	PROTOCOL_CODE_HELLO_AGAIN,
	PROTOCOL_CODE_PROTOCOL_VERSION,
	PROTOCOL_CODE_ID_NOT_GREATER,
	PROTOCOL_CODE_NO_TARGETS,
	PROTOCOL_CODE_TOO_MANY_TARGETS,
	PROTOCOL_CODE_TOO_MANY_REQUESTS,
	PROTOCOL_CODE_BAD_ADDRESS,
	PROTOCOL_CODE_OUT_OF_RANGE,
	PROTOCOL_CODE_OPTION_REFUSED,
	/* these come as `closing` only */
	PROTOCOL_CODE_CONNECTIONS,
	PROTOCOL_CODE_SLOW_START,
	PROTOCOL_CODE_SHUTDOWN,
	PROTOCOL_CODE_NO_BACKEND,
	PROTOCOL_N_CODES,
};

struct fault {
	enum protocol_code code; /* NONE: unpacked, and one that this version does not know */
	char message[PROTOCOL_MAX_TEXT_BYTES + 1];
	char limit[PROTOCOL_MAX_NAME_BYTES + 1]; /* empty: no limit was met */
	int64_t asked, allowed;                  /* only with a limit */
};

/* The code's name on the wire, e.g. "too_large"; NULL for NONE and for what is no code. */
const char *protocol_code_name(enum protocol_code code);

/* The code of a name of @n_bytes; PROTOCOL_CODE_NONE where it is unknown. */
enum protocol_code protocol_code_from_name(const char *name, uint32_t n_bytes);

/* Whether a message with this fault closes its session at once (the first five codes). */
bool protocol_code_closes(enum protocol_code code);

/* Fills @ret_fault, without a limit; the message is printf's, cut to fit. */
__attribute__((format(__printf__, 3, 4))) void
fault_set(struct fault *ret_fault, enum protocol_code code, const char *format, ...);

/* The same with a limit: where 5 was asked as timeout_us and 1000 is the least, these are @limit (a name, cut to fit), @asked and
 * @allowed. */
__attribute__((format(__printf__, 6, 7))) void
fault_set_limit(struct fault *ret_fault, enum protocol_code code, const char *limit, int64_t asked,
		int64_t allowed, const char *format, ...);
