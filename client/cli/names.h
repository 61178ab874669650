/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What targets are called where the library does not know it: -m gives it addresses in place of a name, -n and -d show names
 * that were looked up. Nothing is kept of other targets. */

#include <stddef.h>

struct name {
	char *given; /* by the user; NULL: as the library has it */
	char *shown; /* NULL: the name that was given, or with -A the address */
};

struct names {
	struct name *names; /* by target */
	size_t n;
};

void names_deinit(struct names *names);

/* Notes what @target was given as, or is shown as (copied). -ENOMEM. */
int names_set_given(struct names *names, size_t target, const char *given);
int names_set_shown(struct names *names, size_t target, const char *shown);

/* The same; @otherwise where nothing was noted. */
const char *names_given(const struct names *names, size_t target, const char *otherwise);
const char *names_shown(const struct names *names, size_t target, const char *otherwise);
