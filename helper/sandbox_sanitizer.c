/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Only in builds with sanitizers: what their run-time calls beyond sandbox_table.c to keep its memory and to report. Such a build is
 * for tests. */
#include "helper/sandbox_table.h"

/* clang-format off */
#define ALLOW(name) {.call = SCMP_SYS(name), .descriptors = SANDBOX_ANY}

const struct sandbox_rule sandbox_sanitizer_rules[] = {
	ALLOW(madvise),
	ALLOW(futex),
	ALLOW(sched_yield),
	ALLOW(sigaltstack),
	ALLOW(readlink), /* the program's name; finds nothing in the empty root */
	ALLOW(open),     /* its arguments; the same */
};
/* clang-format on */
const size_t sandbox_n_sanitizer_rules =
	sizeof sandbox_sanitizer_rules / sizeof *sandbox_sanitizer_rules;
