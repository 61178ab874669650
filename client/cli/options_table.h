/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Every option of the command line, once: letter, long name, what its value is and where it goes, and what -h says of it. */

#include <stddef.h>
#include <stdint.h>

enum { /* options without a letter are numbered from here */
       LETTER_NONE = 256,
       LETTER_CHECK_SOURCE = LETTER_NONE,
       LETTER_SOCKET,
       LETTER_STATS_HELPER,
};

#define OPTION_MIN_BACKOFF 1.0
#define OPTION_MAX_BACKOFF 5.0
enum {
	OPTION_MAX_DATA_BYTES = 65488, /* fping's limit */
	OPTION_MAX_TTL = 255,
	OPTION_MAX_REPORT_SECONDS = 1000000000,
};

enum option_kind {
	KIND_FLAG,
	KIND_NUMBER,  /* decimal, may be written with a fraction or exponent */
	KIND_INTEGER, /* 16, 0x10 or 020 */
	KIND_MILLISECONDS,
	KIND_FACTOR,
	KIND_TEXT,
	KIND_IGNORED, /* is taken and has no effect */
	KIND_SPECIAL,
};

struct option {
	int letter;
	enum option_kind kind;
	const char *name;  /* NULL: has a letter only */
	const char *value; /* what -h calls it; NULL: takes none */
	size_t offset;     /* of the field in struct options */
	uint32_t min, max;
	const char *help;
};

/* Writes which values are valid: "a whole number from 1 to 9". */
void option_describe_value(const struct option *option, char *ret_text, size_t text_bytes);

/* The option of that letter, or of the long name @name of @n_name bytes; NULL: there is none. */
const struct option *option_of_letter(int letter);
const struct option *option_of_name(const char *name, size_t n_name);
