/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/netsim/rule.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cleanup.h"

enum { ADDRESS_BITS = 128, MAPPED_BITS = 96 };

static const char *const errors[] = {
	[RULE_E_PREFIX] = "not PREFIX/BITS, or bits set behind them",
	[RULE_E_BODY] = "an answer begins with echo or error",
	[RULE_E_WORD] = "there is no such number to set",
	[RULE_E_VALUE] = "a number out of range, or an address of the wrong family",
	[RULE_E_MANY] = "too many answers",
};

const char *rule_error(int error) {
	return error < 0 ? strerror(-error) : errors[error];
}

/* Reads an address of either family, IPv4 as IPv4-mapped. */
static bool address_parse(const char *text, struct in6_addr *ret_address) {
	struct in6_addr mapped = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

	if (inet_pton(AF_INET6, text, ret_address) == 1) {
		return true;
	}
	if (inet_pton(AF_INET, text, mapped.s6_addr + 12) != 1) {
		return false;
	}
	*ret_address = mapped;
	return true;
}

static bool is_ipv4(const struct in6_addr *address) {
	return IN6_IS_ADDR_V4MAPPED(address);
}

static bool has_prefix(const struct rule *rule, const struct in6_addr *address) {
	unsigned n_bytes = rule->n_bits / 8, n_bits = rule->n_bits % 8;
	uint8_t difference;

	if (memcmp(&rule->prefix, address, n_bytes) != 0) {
		return false;
	}
	difference = n_bits ? rule->prefix.s6_addr[n_bytes] ^ address->s6_addr[n_bytes] : 0;
	return difference >> (8 - n_bits) == 0;
}

static int prefix_parse(char *text, struct rule *rule) {
	char *end, *bits = text == NULL ? NULL : strchr(text, '/');
	unsigned long n_bits;

	if (bits == NULL) {
		return RULE_E_PREFIX;
	}
	*bits++ = '\0';
	n_bits = strtoul(bits, &end, 10);
	if (end == bits || *end != '\0' || n_bits > ADDRESS_BITS ||
	    !address_parse(text, &rule->prefix)) {
		return RULE_E_PREFIX;
	}
	rule->n_bits = (unsigned)n_bits + (is_ipv4(&rule->prefix) ? MAPPED_BITS : 0);
	return rule->n_bits > ADDRESS_BITS || rule_host(rule, &rule->prefix) != 0 ? RULE_E_PREFIX
										  : 0;
}

/* Reads the value of the field or role that @name names. */
static int value_parse(const char *name, const char *value, const struct rule *rule,
		       struct answer *answer) {
	enum field field = field_find(name);
	enum role role = role_find(name);

	if (value == NULL || (field == N_FIELDS && role == N_ROLES)) {
		return RULE_E_WORD;
	}
	if (field != N_FIELDS) {
		return number_parse(value, field, &answer->numbers[field]) ? 0 : RULE_E_VALUE;
	}
	answer->has_address[role] = address_parse(value, &answer->addresses[role]) &&
				    is_ipv4(&answer->addresses[role]) == is_ipv4(&rule->prefix);
	return answer->has_address[role] ? 0 : RULE_E_VALUE;
}

/* Reads one answer, to its end or its "+". */
static int answer_parse(char *word, char **rest, struct rule *rule) {
	struct answer *answer = &rule->answers[rule->n_answers];
	enum body body = body_find(word);
	int r = 0;

	if (body == N_BODIES) {
		return RULE_E_BODY;
	}
	answer_init(answer, body);
	while (r == 0 && (word = strtok_r(NULL, " ", rest)) != NULL && strcmp(word, "+") != 0) {
		r = value_parse(word, strtok_r(NULL, " ", rest), rule, answer);
	}
	return r;
}

int rule_parse(const char *text, struct rule *ret_rule) {
	struct rule rule = {.text = text};
	CLEANUP(cleanup_text) char *copy = strdup(text);
	char *rest, *word;
	int r;

	if (copy == NULL) {
		return -ENOMEM;
	}
	r = prefix_parse(strtok_r(copy, " ", &rest), &rule);
	while (r == 0 && (word = strtok_r(NULL, " ", &rest)) != NULL) {
		if (rule.n_answers == RULE_MAX_ANSWERS) {
			return RULE_E_MANY;
		}
		r = answer_parse(word, &rest, &rule);
		rule.n_answers++;
	}
	if (r == 0) {
		*ret_rule = rule;
	}
	return r;
}

struct rule *rule_find(struct rule *rules, size_t n_rules, const struct in6_addr *address) {
	for (size_t i = 0; i < n_rules; i++) {
		if (has_prefix(&rules[i], address)) {
			return &rules[i];
		}
	}
	return NULL;
}

uint32_t rule_host(const struct rule *rule, const struct in6_addr *address) {
	unsigned n_host_bits = ADDRESS_BITS - rule->n_bits;
	uint32_t last;

	memcpy(&last, address->s6_addr + 12, sizeof last);
	return ntohl(last) & (n_host_bits < 32 ? (UINT32_C(1) << n_host_bits) - 1 : UINT32_MAX);
}
