/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/probe_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "helper/defence.h"

enum { IDENTIFIER_SECONDS = 30, WORD_BITS = 64 };

int probe_table_init(struct probe_table *ret_table, uint32_t n_probes, uint32_t n_identifiers) {
	struct probe_table table = {
		.n_slots = WORD_BITS,
		.n_keys = n_identifiers * PROBE_KEYS_PER_IDENTIFIER,
		.identifier_since_ns = INT64_MIN,
	};

	while (table.n_slots < n_probes && table.n_slots < PROBE_TABLE_MAX &&
	       table.n_slots < table.n_keys) {
		table.n_slots *= 2;
	}
	if (getrandom(&table.secret_key, sizeof table.secret_key, 0) < 0 ||
	    getrandom(&table.next_key, sizeof table.next_key, 0) < 0) {
		return -errno;
	}
	table.next_key %= table.n_keys;
	table.probes = calloc(table.n_slots, sizeof *table.probes);
	table.in_use = calloc(table.n_slots / WORD_BITS, sizeof *table.in_use);
	if (table.probes == NULL || table.in_use == NULL) {
		probe_table_deinit(&table);
		return -ENOMEM;
	}
	*ret_table = table;
	return 0;
}

void probe_table_deinit(struct probe_table *table) {
	free(table->probes);
	free(table->in_use);
	table->probes = NULL;
	table->in_use = NULL;
}

/* How many slots from @slot on, going round, are in use before the first free one. There is one. */
static uint32_t distance_to_free(const struct probe_table *table, uint32_t slot) {
	uint32_t n_words = table->n_slots / WORD_BITS;
	uint32_t word = slot / WORD_BITS;
	uint64_t below = (UINT64_C(1) << slot % WORD_BITS) - 1;
	uint64_t free_bits = ~(table->in_use[word] | below);

	while (free_bits == 0) {
		word = (word + 1) % n_words;
		free_bits = ~table->in_use[word];
	}
	return (word * WORD_BITS + (uint32_t)__builtin_ctzll(free_bits) - slot) &
	       (table->n_slots - 1);
}

static void change_identifier(struct probe_table *table, int64_t now_ns) {
	const int64_t period_ns = IDENTIFIER_SECONDS * INT64_C(1000000000);

	if (table->identifier_since_ns == INT64_MIN) {
		table->identifier_since_ns = now_ns;
	}
	if (now_ns - table->identifier_since_ns >= period_ns) {
		table->identifier_since_ns = now_ns;
		/* the same sequence: so a small table's ring goes on, and does not begin anew at what was just released */
		table->next_key = (table->next_key + PROBE_KEYS_PER_IDENTIFIER) % table->n_keys;
	}
}

uint32_t probe_table_take(struct probe_table *table, int64_t now_ns) {
	uint32_t slot, key;

	if (table->n_in_use == table->n_slots) {
		return PROBE_NONE;
	}
	change_identifier(table, now_ns);
	slot = table->next_key & (table->n_slots - 1);
	key = (table->next_key + distance_to_free(table, slot)) % table->n_keys;
	slot = key & (table->n_slots - 1);
	table->in_use[slot / WORD_BITS] |= UINT64_C(1) << slot % WORD_BITS;
	table->n_in_use++;
	table->next_key = (key + 1) % table->n_keys;
	if (++table->generation == 0) { /* 0 marks a slot that was never used */
		table->generation = 1;
	}
	table->probes[slot] = (struct probe){.key = key, .generation = table->generation};
	return slot;
}

void probe_table_release(struct probe_table *table, uint32_t slot) {
	table->probes[slot].state = PROBE_FREE;
	table->in_use[slot / WORD_BITS] &= ~(UINT64_C(1) << slot % WORD_BITS);
	table->n_in_use--;
}

uint32_t probe_table_find(const struct probe_table *table, uint32_t key) {
	uint32_t slot = key & (table->n_slots - 1);
	const struct probe *probe = &table->probes[slot];

	return probe->generation != 0 && probe->key == key ? slot : PROBE_NONE;
}

uint64_t probe_secret(const struct probe_table *table, const struct probe *probe) {
	uint32_t generation = defence_is_on(GENERATION) ? probe->generation : 0;
	uint64_t words[3] = {[2] = (uint64_t)generation << 32 | probe->key};

	memcpy(words, &probe->destination,
	       sizeof probe->destination); /* IPv4-mapped: so the family is in it */
	return siphash(&table->secret_key, words, 3);
}
