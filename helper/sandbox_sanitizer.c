/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Only in builds with sanitizers. Such a build is for tests: its filter is wider, but for the pinned descriptors. */
#include "helper/sandbox_table.h"

#define ALLOW(name)                                                                                \
	{ .call = SCMP_SYS(name), .descriptors = SANDBOX_ANY }

const struct sandbox_rule sandbox_sanitizer_rules[] = {
	ALLOW(mmap), /* shadow memory: MAP_FIXED over what is there, MAP_SHARED never */
	ALLOW(madvise),     ALLOW(futex),    ALLOW(sched_yield),
	ALLOW(sigaltstack), ALLOW(readlink), /* a report names the program */
};
const size_t sandbox_n_sanitizer_rules =
	sizeof sandbox_sanitizer_rules / sizeof *sandbox_sanitizer_rules;
