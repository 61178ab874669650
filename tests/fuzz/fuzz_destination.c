/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Who may be probed. The input is a list of rules and an address; what is to come out is found again here in the simplest way there
 * is, bit by bit and rule by rule. One IPv4 address gets one verdict, however it is written. */

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "helper/realm.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

enum { MAX_RULES = 12, TEXT_BYTES = 80 };

enum list {
	LIST_ALL,
	LIST_REALM,
	LIST_HOST,
	N_LISTS
}; /* [destinations], the realm's, its host's addresses */

struct plain_rule {
	enum list list;
	bool is_initial, is_denied;
	uint8_t prefix[16];
	unsigned length;
};

struct world {
	struct config config;
	struct host_addresses host;
	struct destination_rule host_rules[MAX_RULES];
	struct realm realm;
	size_t n_plain;
	struct plain_rule plain[MAX_RULES + 16];
};

/* --- the plain way --- */

static bool get_bit(const uint8_t *bytes, unsigned bit) {
	return bytes[bit / 8] >> (7 - bit % 8) & 1;
}

static bool covers(const struct plain_rule *rule, const uint8_t *address) {
	for (unsigned bit = 0; bit < rule->length; bit++) {
		if (get_bit(rule->prefix, bit) != get_bit(address, bit)) {
			return false;
		}
	}
	return true;
}

/* The longest rule of a list, or NULL. */
static const struct plain_rule *longest(const struct world *world, enum list list,
					const uint8_t *address) {
	const struct plain_rule *found = NULL;

	for (size_t i = 0; i < world->n_plain; i++) {
		const struct plain_rule *rule = &world->plain[i];

		if (rule->list == list && covers(rule, address) &&
		    (found == NULL || rule->length > found->length)) {
			found = rule;
		}
	}
	return found;
}

static bool denies_form(const struct world *world, bool is_realm, const uint8_t *address) {
	const struct plain_rule *all = longest(world, LIST_ALL, address);
	const struct plain_rule *own = longest(world, LIST_REALM, address);
	const struct plain_rule *host = longest(world, LIST_HOST, address);

	if ((all != NULL && all->is_denied) || !is_realm) {
		return all != NULL && all->is_denied;
	}
	if (host != NULL && (own == NULL || host->length > own->length)) {
		return true;
	}
	return own != NULL && own->is_denied;
}

static bool is_mapped(const uint8_t address[16]) {
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(address, mapped, sizeof mapped) == 0;
}

static void write_mapped(uint8_t address[16], const uint8_t ipv4[4]) {
	static const uint8_t zero[4], localhost[4] = {127, 0, 0, 1};

	memset(address, 0, 10);
	memset(address + 10, 0xff, 2);
	memcpy(address + 12, memcmp(ipv4, zero, 4) == 0 ? localhost : ipv4, 4);
}

/* Whether there is an IPv4 address inside of @address. */
static bool embeds(const uint8_t address[16], uint8_t ret_mapped[16]) {
	char text[INET6_ADDRSTRLEN];
	bool is_high = false;

	for (int i = 0; i < 12; i++) {
		is_high |= address[i] != 0;
	}
	(void)inet_ntop(AF_INET6, address, text, sizeof text);
	if (strncmp(text, "2002:", 5) == 0) {
		write_mapped(ret_mapped, address + 2);
		return true;
	}
	if (strncmp(text, "64:ff9b::", 9) == 0) {
		for (int i = 4; i < 12; i++) {
			if (address[i] != 0) { /* "::" may stand for less than six groups */
				return false;
			}
		}
	} else if (is_high || strcmp(text, "::") == 0 || strcmp(text, "::1") == 0) {
		return false;
	}
	write_mapped(ret_mapped, address + 12);
	return true;
}

static bool denies(const struct world *world, bool is_realm, const uint8_t *address) {
	uint8_t ipv4[16];

	return denies_form(world, is_realm, address) ||
	       (embeds(address, ipv4) && denies_form(world, is_realm, ipv4));
}

/* --- rules --- */

static bool rule_equals(const struct destination_rule *rule, const struct plain_rule *plain) {
	return rule->length == plain->length && memcmp(&rule->prefix, plain->prefix, 16) == 0;
}

static void write_text(const struct plain_rule *plain, bool as_ipv4, char text[TEXT_BYTES]) {
	char address[INET6_ADDRSTRLEN];

	(void)inet_ntop(as_ipv4 ? AF_INET : AF_INET6, plain->prefix + (as_ipv4 ? 12 : 0), address,
			sizeof address);
	(void)snprintf(text, TEXT_BYTES, "%s/%u", address, plain->length - (as_ipv4 ? 96 : 0));
}

/* What a rule says of itself is what it is. */
static void check_words(const struct destination_rule *rule) {
	char text[PROTOCOL_MAX_NAME_BYTES + 1];
	struct destination_rule again;

	destination_rule_text(rule, text);
	FUZZ_CHECK(strncmp(text, "deny ", 5) == 0);
	FUZZ_CHECK(destination_rule_parse(text + 5, &again) == 0);
	FUZZ_CHECK(again.length == rule->length);
	FUZZ_CHECK(memcmp(&again.prefix, &rule->prefix, sizeof rule->prefix) == 0);
}

/* The rule as the configuration reads it, in each of its spellings, and not with a bit too many. */
static struct destination_rule parse(const struct plain_rule *plain) {
	bool is_ipv4 = plain->length >= 96 && is_mapped(plain->prefix);
	struct destination_rule rule, other;
	struct plain_rule wrong = *plain;
	char text[TEXT_BYTES];

	write_text(plain, false, text);
	FUZZ_CHECK(destination_rule_parse(text, &rule) == 0 && rule_equals(&rule, plain));
	if (is_ipv4) {
		write_text(plain, true, text);
		FUZZ_CHECK(destination_rule_parse(text, &other) == 0 && rule_equals(&other, plain));
	}
	check_words(&rule);
	if (plain->length < 128) {
		wrong.prefix[plain->length / 8] |= (uint8_t)(0x80 >> plain->length % 8);
		write_text(&wrong, is_ipv4, text);
		FUZZ_CHECK(destination_rule_parse(text, &other) == -EINVAL);
	}
	rule.is_denied = plain->is_denied;
	return rule;
}

static void add_host_rule(struct world *world, struct destination_rule rule) {
	struct host_addresses *host = &world->host;
	size_t place = destination_rule_place(host->rules, host->n_rules, &rule);

	rule.origin = DESTINATION_HOST;
	memmove(&host->rules[place + 1], &host->rules[place],
		(host->n_rules++ - place) * sizeof rule);
	host->rules[place] = rule;
}

/* Adds a rule both ways. */
static void add(struct world *world, const struct plain_rule *plain) {
	struct destination_rule rule = parse(plain);
	struct plain_rule *same = NULL;
	int r;

	for (size_t i = 0; i < world->n_plain; i++) {
		struct plain_rule *other = &world->plain[i];

		if (other->list == plain->list && other->length == plain->length &&
		    memcmp(other->prefix, plain->prefix, 16) == 0) {
			same = other;
		}
	}
	if (plain->list == LIST_HOST) {
		add_host_rule(world, rule);
	} else {
		r = destination_rules_add(&world->config.listeners[plain->list].destinations,
					  &rule);
		FUZZ_CHECK(r == (same != NULL && !same->is_initial ? -EEXIST : 0));
	}
	if (same == NULL) {
		world->plain[world->n_plain++] = *plain;
	} else if (same->is_initial) {
		*same = *plain;
	}
}

static void add_initial(struct world *world, enum list list) {
	const struct destination_rules *rules = &world->config.listeners[list].destinations;

	for (size_t i = 0; i < rules->n_rules; i++) {
		struct plain_rule *plain = &world->plain[world->n_plain++];

		*plain = (struct plain_rule){.list = list,
					     .is_initial = true,
					     .is_denied = rules->rules[i].is_denied,
					     .length = rules->rules[i].length};
		memcpy(plain->prefix, &rules->rules[i].prefix, 16);
	}
}

static void take(struct input *input, uint8_t *ret_bytes, size_t n_bytes) {
	for (size_t i = 0; i < n_bytes; i++) {
		ret_bytes[i] = input_take8(input);
	}
}

static void take_rule(struct world *world, struct input *input) {
	uint8_t flags = input_take8(input), length = input_take8(input);
	bool is_ipv4 = flags & 1;
	struct plain_rule plain = {.list = (enum list)((flags >> 1 & 3) % N_LISTS)};

	plain.is_denied = flags & 8 || plain.list == LIST_HOST;
	plain.length = is_ipv4 ? 96 + length % 33U : length % 129U;
	if (is_ipv4) {
		memset(plain.prefix + 10, 0xff, 2);
	}
	take(input, plain.prefix + (is_ipv4 ? 12 : 0), is_ipv4 ? 4 : 16);
	for (unsigned bit = plain.length; bit < 128; bit++) {
		plain.prefix[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	}
	add(world, &plain);
}

/* --- judging --- */

static bool judge(const struct world *world, bool is_realm, const uint8_t address[16]) {
	struct realm realm = world->realm;
	struct in6_addr wish, canonical, again;

	memcpy(&wish, address, sizeof wish);
	canonical = destination_canonical(&wish);
	again = destination_canonical(&canonical);
	FUZZ_CHECK(memcmp(&again, &canonical, sizeof again) == 0);
	if (!is_realm) {
		realm.listener = world->config.listeners;
		realm.host = NULL;
	}
	return realm_judge(&realm, &canonical) != NULL;
}

static void check_address(const struct world *world, const uint8_t address[16]) {
	static const uint8_t none[16];
	uint8_t plain[16] = {[15] = 1}; /* what the kernel takes "::" for */

	if (memcmp(address, none, 16) != 0) {
		memcpy(plain, address, 16);
	}
	if (is_mapped(plain)) {
		write_mapped(plain, address + 12);
	}
	for (int is_realm = 0; is_realm < 2; is_realm++) {
		FUZZ_CHECK(judge(world, is_realm, address) == denies(world, is_realm, plain));
	}
}

/* No way of writing an IPv4 address gets it past a rule that denies it. */
static void check_ipv4(const struct world *world, const uint8_t ipv4[4], const uint8_t rest[10]) {
	uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff};
	uint8_t forms[3][16] = {{0}, {0x00, 0x64, 0xff, 0x9b}, {0x20, 0x02}};

	memcpy(mapped + 12, ipv4, 4);
	memcpy(forms[0] + 12, ipv4, 4);
	memcpy(forms[1] + 12, ipv4, 4);
	memcpy(forms[2] + 2, ipv4, 4);
	memcpy(forms[2] + 6, rest, 10);
	check_address(world, mapped);
	for (int i = 0; i < 3; i++) {
		bool is_one =
			i == 0 && memcmp(ipv4, "\0\0\0", 3) == 0 && ipv4[3] < 2; /* :: and ::1 */

		check_address(world, forms[i]);
		for (int is_realm = 0; is_realm < 2; is_realm++) {
			FUZZ_CHECK(is_one || !judge(world, is_realm, mapped) ||
				   judge(world, is_realm, forms[i]));
		}
	}
}

static void check_text(const struct input *input) {
	char text[TEXT_BYTES];
	struct destination_rule rule;
	size_t n_bytes = input->n_bytes < sizeof text ? input->n_bytes : sizeof text - 1;

	memcpy(text, input->bytes, n_bytes);
	text[n_bytes] = 0;
	if (destination_rule_parse(text, &rule) == 0) {
		check_words(&rule);
	}
}

static void start(struct world *world) {
	struct config *config = &world->config;

	config->n_listeners = 2;
	destination_rules_init(&config->listeners[LIST_ALL].destinations, false);
	destination_rules_init(&config->listeners[LIST_REALM].destinations, true);
	world->host = (struct host_addresses){.is_current = true, .rules = world->host_rules};
	world->realm = (struct realm){config, &config->listeners[LIST_REALM], &world->host};
	world->n_plain = 0;
	add_initial(world, LIST_ALL);
	add_initial(world, LIST_REALM);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
	static struct world world;
	struct input input = {bytes, n_bytes};
	uint8_t address[16];
	size_t n_initial;

	check_text(&input);
	take(&input, address, sizeof address);
	start(&world);
	n_initial = world.n_plain;
	for (int i = 0; i < MAX_RULES && input.n_bytes > 0; i++) {
		take_rule(&world, &input);
	}
	check_address(&world, address);
	check_ipv4(&world, address, address + 6);
	check_ipv4(&world, address + 12, address);
	for (size_t i = n_initial; i < world.n_plain; i++) { /* where the rules begin */
		check_address(&world, world.plain[i].prefix);
	}
	return 0;
}
