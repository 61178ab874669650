/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One run of the command line, from the targets to the exit status. */

#include <stdio.h>

#include "client/cli/options.h"

enum { /* fping's */
       STATUS_ALL_ALIVE = 0,
       STATUS_SOME_SILENT = 1,
       STATUS_WRONG_ARGUMENTS = 1,
       STATUS_NAME_NOT_FOUND = 2,
       STATUS_FAILURE = 4,
};

/* Pings as @options (of action OPTIONS_PING) say, and returns the exit status. */
int run(const struct options *options, FILE *out, FILE *err);
