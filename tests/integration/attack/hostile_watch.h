/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a hostile parent does to the helper while it starts and serves. */

struct helper_start {
	const char *program;
	char **arguments, **environment;
	const char *value; /* of the attack; NULL: none */
};

/* Each starts the helper as its child, does its evil until that has ended, and says how it went on standard output. Returns the
 * helper's exit status, or 128 and the signal that ended it. */
int watch_and_steal(const struct helper_start *start);
int watch_and_trace(const struct helper_start *start);
int watch_and_wait(const struct helper_start *start);
int watch_and_kill(const struct helper_start *start); /* so many microseconds after the execve */
