/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which system calls the helper may make while it serves, and with which arguments. */

#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

/* What argument 0 of a call may be. */
enum sandbox_descriptors {
	SANDBOX_ANY, /* not looked at */
	SANDBOX_LOG,
	SANDBOX_EPOLL,
	SANDBOX_RECEIVE,
	SANDBOX_LISTENER,
	SANDBOX_MANAGER,
	SANDBOX_ROUTES,
	SANDBOX_SEND,
	SANDBOX_CLIENT,
};

/* Argument 0 belongs to @descriptors where, with @mask, it equals @value. Several ranges may make up one set. */
struct sandbox_range {
	enum sandbox_descriptors descriptors;
	uint64_t mask, value;
};

enum { SANDBOX_MAX_CHECKS = 2 };

struct sandbox_rule {
	int call;
	enum sandbox_descriptors descriptors;
	struct scmp_arg_cmp checks[SANDBOX_MAX_CHECKS]; /* all that are not zero must hold */
};

extern const struct sandbox_range sandbox_ranges[];
extern const size_t sandbox_n_ranges;
extern const struct sandbox_rule sandbox_rules[];
extern const size_t sandbox_n_rules;

/* Further ones of the shared helper. */
extern const struct sandbox_rule sandbox_shared_rules[];
extern const size_t sandbox_n_shared_rules;

/* Further ones where clients could send descriptors. */
extern const struct sandbox_rule sandbox_peeking_rules[];
extern const size_t sandbox_n_peeking_rules;

#ifdef MULTIPING_SANITIZE
/* What the sanitizers' run-time calls beyond that. */
extern const struct sandbox_rule sandbox_sanitizer_rules[];
extern const size_t sandbox_n_sanitizer_rules;
#endif
