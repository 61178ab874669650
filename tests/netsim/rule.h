/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which hosts answer how: a prefix and the answers to each echo request for an address within it. */

#include "tests/netsim/answer.h"

enum { RULE_MAX_ANSWERS = 4 };

struct rule {
	const char *text; /* borrowed */
	struct in6_addr prefix;
	unsigned n_bits; /* of the prefix; of IPv4 96 more */
	size_t n_answers;
	struct answer answers[RULE_MAX_ANSWERS];
	uint64_t n_requests;
};

enum {
	RULE_E_PREFIX = 1, /* not PREFIX/BITS, or bits set behind them */
	RULE_E_BODY,       /* an answer begins with neither echo nor error */
	RULE_E_WORD,       /* no such field */
	RULE_E_VALUE,      /* not a number for this field, or an address of another family */
	RULE_E_MANY,       /* more than RULE_MAX_ANSWERS answers */
};

/* Reads "PREFIX [ANSWER [+ ANSWER]...]", as --help describes it; @text must live as long as the rule. Returns 0, -ENOMEM, or RULE_E_*. */
int rule_parse(const char *text, struct rule *ret_rule);

/* What is wrong, in words. */
const char *rule_error(int error);

/* The first of @n_rules rules whose prefix @address has, or NULL. */
struct rule *rule_find(struct rule *rules, size_t n_rules, const struct in6_addr *address);

/* The bits of @address behind the prefix, the last 32 at most. */
uint32_t rule_host(const struct rule *rule, const struct in6_addr *address);
