/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the helper's policy refuses to every probe of a run, in the words of this command line and of helper.conf. */

#include <stddef.h>

#include "client/cli/options.h"
#include "client/include/multiping.h"

/* Writes which option it is, and what would allow it. @error: of the probe that was denied. */
void refusal_explain(const struct options *options, const struct multiping *multiping, int error,
		     char *ret_text, size_t text_bytes);
