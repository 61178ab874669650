/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How numbers and ICMP errors are worded; both are read by programs, so they are fping's to the letter. */

#include <stdbool.h>
#include <stdint.h>

enum { MILLISECONDS_TEXT_BYTES = 24 };

/* @ns in milliseconds, with about three digits: "0.064", "1.23", "12.3", "123", "1.234e+06". Returns @ret_text. */
const char *milliseconds_text(int64_t ns, char ret_text[MILLISECONDS_TEXT_BYTES]);

/* "ICMP Host Unreachable" and its like; NULL for a type that is no error. */
const char *icmp_error_text(bool ipv6, uint8_t type, uint8_t code);
