/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Why a step of the start failed, in words for whoever started the helper: what was tried, what was answered, what would help. */

struct reason {
	char text[256];
};

/* Fills @ret_reason: printf's words, then errno's text where @error is negative, then the @advice (or NULL). The whole is cut to
 * fit. Returns @error, so that a failing function can return it at once; where that is 0, nothing has failed and nothing is done. */
__attribute__((format(__printf__, 4, 5))) int
reason_set(struct reason *ret_reason, int error, const char *advice, const char *format, ...);
