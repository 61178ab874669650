/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/destination.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	/* At 100,000 packets a second and 10 ms a token 1,000 entries live; a table far from full keeps runs short. */
	N_ENTRIES = 1 << 15,
	MAX_PROBING = 32,
};

static struct in6_addr mapped(const uint8_t ipv4[4]) {
	struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

	memcpy(address.s6_addr + 12, ipv4, 4);
	return address;
}

struct in6_addr destination_canonical(const struct in6_addr *address) {
	static const uint8_t zero[4], localhost[4] = {127, 0, 0, 1};

	if (IN6_IS_ADDR_UNSPECIFIED(address)) {
		return in6addr_loopback;
	}
	if (IN6_IS_ADDR_V4MAPPED(address) && memcmp(address->s6_addr + 12, zero, 4) == 0) {
		return mapped(localhost);
	}
	return *address;
}

static enum destination_rule judge_ipv4(const uint8_t bytes[4]) {
	static const uint8_t broadcast[4] = {255, 255, 255, 255};

	if (memcmp(bytes, broadcast, 4) == 0) {
		return DESTINATION_BROADCAST;
	}
	return bytes[0] >> 4 == 14 ? DESTINATION_MULTICAST : DESTINATION_ALLOWED; /* 224.0.0.0/4 */
}

enum destination_rule destination_judge(const struct in6_addr *address) {
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b}; /* RFC 6052: 64:ff9b::/96 */
	const uint8_t *bytes = address->s6_addr;

	if (IN6_IS_ADDR_V4MAPPED(address) || IN6_IS_ADDR_V4COMPAT(address) ||
	    memcmp(bytes, nat64, sizeof nat64) == 0) {
		return judge_ipv4(bytes + 12);
	}
	if (bytes[0] == 0x20 && bytes[1] == 0x02) { /* RFC 3056: 2002::/16 */
		return judge_ipv4(bytes + 2);
	}
	return IN6_IS_ADDR_MULTICAST(address) ? DESTINATION_MULTICAST : DESTINATION_ALLOWED;
}

const char *destination_rule_name(enum destination_rule rule) {
	switch (rule) {
	case DESTINATION_MULTICAST:
		return "multicast";
	case DESTINATION_BROADCAST:
		return "broadcast";
	case DESTINATION_ALLOWED:
		break;
	}
	return "allowed";
}

int destination_rates_init(struct destination_rates *ret_rates, uint32_t per_second,
			   uint32_t burst) {
	struct destination_rates rates = {0};

	token_bucket_init(&rates.shape, per_second, burst);
	if (rates.shape.token_ns != 0) {
		if (getrandom(&rates.key, sizeof rates.key, 0) < 0) {
			return -errno;
		}
		rates.entries = calloc(N_ENTRIES, sizeof *rates.entries);
		if (rates.entries == NULL) {
			return -ENOMEM;
		}
	}
	*ret_rates = rates;
	return 0;
}

void destination_rates_deinit(struct destination_rates *rates) {
	free(rates->entries);
	rates->entries = NULL;
}

/* The entry of @address, else the one that is full first: where all are in use that one's wait is shared. */
static struct destination_entry *entry_find(struct destination_rates *rates,
					    const struct in6_addr *address) {
	uint64_t hash = siphash(&rates->key, address, sizeof *address);
	struct destination_entry *best = NULL;

	for (uint64_t i = 0; i < MAX_PROBING; i++) {
		struct destination_entry *entry = &rates->entries[(hash + i) % N_ENTRIES];

		if (IN6_ARE_ADDR_EQUAL(&entry->address, address)) {
			return entry;
		}
		if (best == NULL || entry->full_at_ns < best->full_at_ns) {
			best = entry;
		}
	}
	best->address = *address;
	return best;
}

int64_t destination_rates_take(struct destination_rates *rates, const struct in6_addr *address,
			       int64_t now_ns) {
	struct token_bucket bucket = rates->shape;
	struct destination_entry *entry;
	int64_t ready_ns;

	if (bucket.token_ns == 0) {
		return now_ns;
	}
	entry = entry_find(rates, address);
	bucket.full_at_ns = entry->full_at_ns;
	ready_ns = token_bucket_ready_ns(&bucket);
	if (ready_ns > now_ns + DESTINATION_AHEAD_NS) {
		return ready_ns;
	}
	token_bucket_take(&bucket, now_ns);
	entry->full_at_ns = bucket.full_at_ns;
	return ready_ns > now_ns ? ready_ns : now_ns;
}
