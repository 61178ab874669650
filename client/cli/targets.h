/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which targets were asked for: those of a list (arguments, file), or those of a range. */

#include <stdio.h>

/* Takes one name of a list (borrowed). Anything but 0 ends the reading. */
typedef int targets_take(void *context, const char *name);

/* The first word of each line, unless it is empty or begins with '#'. Returns what ended it: 0, what @take returned, or -errno. */
int targets_read(FILE *file, targets_take *take, void *context);
