/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for a destination is a list of owners, in the order of their turns; each owner is there with the first of its probes,
 * which heads a ring of all of them. Only the first owner's first probe has a timer. The links are in the probes: waiting costs no
 * memory but the slot that is charged anyway. */
#include "helper/destination_rates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "helper/ping.h"

enum {
	/* At 100,000 packets a second and 10 ms a token 1,000 entries live; a table far from full keeps runs short. */
	N_ENTRIES = 1 << 15,
	MAX_PROBING = 32,
};

int destination_rates_init(struct destination_rates *ret_rates, uint32_t per_second, uint32_t burst,
			   struct probe_table *table, struct timing_wheel *wheel) {
	struct destination_rates rates = {.table = table, .wheel = wheel};

	token_bucket_init(&rates.shape, per_second, burst);
	if (rates.shape.token_ns != 0) {
		if (getrandom(&rates.key, sizeof rates.key, 0) < 0) {
			return -errno;
		}
		rates.entries = calloc(N_ENTRIES, sizeof *rates.entries);
		if (rates.entries == NULL) {
			return -ENOMEM;
		}
		for (size_t i = 0; i < N_ENTRIES; i++) {
			rates.entries[i].first = PROBE_NONE;
		}
	}
	*ret_rates = rates;
	return 0;
}

void destination_rates_deinit(struct destination_rates *rates) {
	free(rates->entries);
	rates->entries = NULL;
}

/* --- buckets --- */

/* Whether @entry may be taken over rather than @best: nobody waits for it, and it is full earlier. */
static bool entry_is_better(const struct destination_entry *entry,
			    const struct destination_entry *best) {
	return entry->first == PROBE_NONE &&
	       (best->first != PROBE_NONE || entry->full_at_ns < best->full_at_ns);
}

/* The entry of @address, else the one that is full first, whose wait it takes over. Where others wait at all that could be had, it
 * shares one with them. */
static struct destination_entry *entry_find(struct destination_rates *rates,
					    const struct in6_addr *address) {
	struct destination_entry *best;
	uint64_t words[2], hash;

	memcpy(words, address, sizeof *address);
	hash = siphash(&rates->key, words, 2);
	best = &rates->entries[hash % N_ENTRIES];
	for (uint64_t i = 0; i < MAX_PROBING; i++) {
		struct destination_entry *entry = &rates->entries[(hash + i) % N_ENTRIES];

		if (IN6_ARE_ADDR_EQUAL(&entry->address, address)) {
			return entry;
		}
		if (entry_is_better(entry, best)) {
			best = entry;
		}
	}
	if (best->first == PROBE_NONE) {
		best->address = *address;
	}
	return best;
}

static int64_t entry_ready_ns(const struct destination_rates *rates,
			      const struct destination_entry *entry) {
	struct token_bucket bucket = rates->shape;

	bucket.full_at_ns = entry->full_at_ns;
	return token_bucket_ready_ns(&bucket);
}

static void entry_take(const struct destination_rates *rates, struct destination_entry *entry,
		       int64_t now_ns) {
	struct token_bucket bucket = rates->shape;

	bucket.full_at_ns = entry->full_at_ns;
	token_bucket_take(&bucket, now_ns);
	entry->full_at_ns = bucket.full_at_ns;
}

bool destination_rates_take(struct destination_rates *rates, const struct in6_addr *address,
			    int64_t now_ns) {
	struct destination_entry *entry;

	if (rates->shape.token_ns == 0) {
		return true;
	}
	entry = entry_find(rates, address);
	if (entry->first != PROBE_NONE || entry_ready_ns(rates, entry) > now_ns) {
		return false;
	}
	entry_take(rates, entry, now_ns);
	return true;
}

/* --- those that wait --- */

static struct probe *probe_at(const struct destination_rates *rates, uint32_t slot) {
	return &rates->table->probes[slot];
}

/* Starts the timer of the entry's first probe. */
static void entry_arm(struct destination_rates *rates, const struct destination_entry *entry) {
	if (entry->first != PROBE_NONE) {
		struct probe *probe = probe_at(rates, entry->first);

		probe->stamp_ns = entry_ready_ns(rates, entry);
		timing_wheel_add(rates->wheel, entry->first, probe->stamp_ns);
	}
}

/* The link that holds the place in the list of owners which @matches: of @user, or (NULL) of @slot; else the list's end. */
static uint32_t *owner_link(const struct destination_rates *rates, struct destination_entry *entry,
			    const struct user *user, uint32_t slot) {
	uint32_t *link = &entry->first;

	while (*link != PROBE_NONE && *link != slot && probe_at(rates, *link)->ping->user != user) {
		link = &probe_at(rates, *link)->wait.next_owner;
	}
	return link;
}

static void ring_insert(const struct destination_rates *rates, uint32_t first, uint32_t slot) {
	struct probe *head = probe_at(rates, first), *probe = probe_at(rates, slot);

	probe->wait.next = first;
	probe->wait.previous = head->wait.previous;
	probe_at(rates, head->wait.previous)->wait.next = slot;
	head->wait.previous = slot;
}

/* Takes @slot out of its owner's ring. Returns the one behind it; PROBE_NONE: it was the only one. */
static uint32_t ring_remove(const struct destination_rates *rates, uint32_t slot) {
	struct probe *probe = probe_at(rates, slot);

	if (probe->wait.next == slot) {
		return PROBE_NONE;
	}
	probe_at(rates, probe->wait.next)->wait.previous = probe->wait.previous;
	probe_at(rates, probe->wait.previous)->wait.next = probe->wait.next;
	return probe->wait.next;
}

void destination_rates_wait(struct destination_rates *rates, uint32_t slot) {
	struct probe *probe = probe_at(rates, slot);
	struct destination_entry *entry = entry_find(rates, &probe->destination);
	bool is_first = entry->first == PROBE_NONE;
	uint32_t *link = owner_link(rates, entry, probe->ping->user, PROBE_NONE);

	probe->marks |= PROBE_MARK_WAITS_IN_TURN;
	probe->wait.entry = (uint32_t)(entry - rates->entries);
	if (*link != PROBE_NONE) {
		ring_insert(rates, *link, slot);
		return;
	}
	probe->wait.next = probe->wait.previous = slot;
	probe->wait.next_owner = PROBE_NONE;
	*link = slot;
	if (is_first) {
		entry_arm(rates, entry);
	}
}

void destination_rates_turn(struct destination_rates *rates, uint32_t slot, int64_t now_ns) {
	struct probe *probe = probe_at(rates, slot);
	struct destination_entry *entry = &rates->entries[probe->wait.entry];
	uint32_t rest = ring_remove(rates, slot);

	entry->first = probe->wait.next_owner;
	if (rest != PROBE_NONE) { /* the owner has had its turn: back to the end */
		probe_at(rates, rest)->wait.next_owner = PROBE_NONE;
		*owner_link(rates, entry, NULL, PROBE_NONE) = rest;
	}
	probe->marks &= (uint8_t)~PROBE_MARK_WAITS_IN_TURN;
	entry_take(rates, entry, now_ns);
	entry_arm(rates, entry);
}

void destination_rates_leave(struct destination_rates *rates, uint32_t slot) {
	struct probe *probe = probe_at(rates, slot);
	struct destination_entry *entry = &rates->entries[probe->wait.entry];
	uint32_t *link = owner_link(rates, entry, NULL, slot);
	bool was_first = entry->first == slot;
	uint32_t rest = ring_remove(rates, slot);

	probe->marks &= (uint8_t)~PROBE_MARK_WAITS_IN_TURN;
	if (was_first) {
		timing_wheel_remove(rates->wheel, slot);
	}
	if (*link != slot) { /* not the first of its owner */
		return;
	}
	if (rest != PROBE_NONE) {
		probe_at(rates, rest)->wait.next_owner = probe->wait.next_owner;
		*link = rest;
	} else {
		*link = probe->wait.next_owner;
	}
	if (was_first) {
		entry_arm(rates, entry);
	}
}
