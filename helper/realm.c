/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/realm.h"

static const struct destination_rule *find(const struct destination_rules *rules,
					   const struct in6_addr *address) {
	return destination_rule_find(rules->rules, rules->n_rules, address);
}

/* The rule of the realm, or the address of the host, that says more about @address; a rule where they are as long. */
static const struct destination_rule *find_in_realm(const struct realm *realm,
						    const struct in6_addr *address) {
	const struct destination_rule *rule = find(&realm->listener->destinations, address), *host;

	host = destination_rule_find(realm->host->rules, realm->host->n_rules, address);
	return host != NULL && (rule == NULL || host->length > rule->length) ? host : rule;
}

static const struct destination_rule *judge_form(const struct realm *realm,
						 const struct in6_addr *address) {
	const struct destination_rule *rule =
		find(&realm->config->listeners->destinations, address);

	if (realm->host != NULL && (rule == NULL || !rule->is_denied)) {
		rule = find_in_realm(realm, address);
	}
	return rule != NULL && rule->is_denied ? rule : NULL;
}

const struct destination_rule *realm_judge(const struct realm *realm,
					   const struct in6_addr *address) {
	const struct destination_rule *rule = judge_form(realm, address);
	struct in6_addr ipv4;

	return rule == NULL && destination_embedded(address, &ipv4) ? judge_form(realm, &ipv4)
								    : rule;
}
