/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "helper/probe_table.h"

#define SECOND_NS INT64_C(1000000000)

_Static_assert(sizeof(struct probe) == 96, "a million probes are 96 MB");

enum {
	N_SLOTS = 128,
	NOW_NS = 1000,
	N_IDENTIFIERS = 64,
	N_KEYS = N_IDENTIFIERS * PROBE_KEYS_PER_IDENTIFIER
};

static int set_up(void **state) {
	struct probe_table *table = calloc(1, sizeof *table);

	assert_non_null(table);
	assert_int_equal(probe_table_init(table, N_SLOTS, N_IDENTIFIERS), 0);
	table->next_key = 0;
	*state = table;
	return 0;
}

static int tear_down(void **state) {
	probe_table_deinit(*state);
	free(*state);
	return 0;
}

static uint32_t identifier_of(const struct probe_table *table, uint32_t slot) {
	return table->probes[slot].key / PROBE_KEYS_PER_IDENTIFIER;
}

static void probe_table_init_rounds_up_to_a_power_of_two(void **state) {
	static const uint32_t sizes[][2] = {{1, 64}, {64, 64}, {65, 128}, {1000, 1024}};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct probe_table table;

		assert_int_equal(probe_table_init(&table, sizes[i][0], N_IDENTIFIERS), 0);
		assert_int_equal(table.n_slots, sizes[i][1]);
		probe_table_deinit(&table);
	}
}

static void probe_table_init_begins_at_a_random_key(void **state) {
	uint32_t first = 0;
	bool differs = false;

	for (int i = 0; i < 8; i++) {
		struct probe_table table;

		assert_int_equal(probe_table_init(&table, 64, N_IDENTIFIERS), 0);
		assert_in_range(table.next_key, 0, N_KEYS - 1);
		first = i == 0 ? table.next_key : first;
		differs |= table.next_key != first;
		probe_table_deinit(&table);
	}
	assert_true(differs);
}

static void probe_table_take_gives_ascending_keys(void **state) {
	struct probe_table *table = *state;

	for (uint32_t i = 0; i < 3 * N_SLOTS; i++) {
		uint32_t slot = probe_table_take(table, NOW_NS);

		assert_int_equal(slot, i % N_SLOTS); /* oldest first */
		assert_int_equal(table->probes[slot].key, i);
		assert_int_equal(table->probes[slot].generation, i + 1);
		probe_table_release(table, slot);
	}
}

static void probe_table_take_empties_the_slot(void **state) {
	struct probe_table *table = *state;
	struct probe fresh = {.key = N_SLOTS, .generation = 2};
	uint32_t slot = probe_table_take(table, NOW_NS);

	memset(&table->probes[slot].reporter, 0xff, sizeof(struct in6_addr));
	table->probes[slot].marks = 0xff;
	probe_table_release(table, slot);
	table->next_key = N_SLOTS;
	assert_int_equal(probe_table_take(table, NOW_NS), slot);
	assert_memory_equal(&table->probes[slot], &fresh, sizeof fresh);
}

static void probe_table_take_skips_slots_in_use(void **state) {
	struct probe_table *table = *state;

	for (uint32_t i = 0; i < N_SLOTS; i++) {
		assert_int_equal(probe_table_take(table, NOW_NS), i);
	}
	for (uint32_t slot = 3; slot < N_SLOTS; slot += 40) { /* 3, 43, 83, 123 */
		probe_table_release(table, slot);
	}
	for (uint32_t slot = 3; slot < N_SLOTS; slot += 40) {
		assert_int_equal(probe_table_take(table, NOW_NS), slot);
		assert_int_equal(table->probes[slot].key, N_SLOTS + slot);
	}
}

static void probe_table_take_from_full_table_gives_none(void **state) {
	struct probe_table *table = *state;

	for (uint32_t i = 0; i < N_SLOTS; i++) {
		assert_int_not_equal(probe_table_take(table, NOW_NS), PROBE_NONE);
	}
	assert_int_equal(probe_table_take(table, NOW_NS), PROBE_NONE);
	probe_table_release(table, 77);
	assert_int_equal(probe_table_take(table, NOW_NS), 77);
	assert_int_equal(probe_table_take(table, NOW_NS), PROBE_NONE);
}

static void probe_table_identifier_stays_for_30_seconds(void **state) {
	struct probe_table *table = *state;
	static const int64_t after_ns[] = {0, 30 * SECOND_NS - 1, 30 * SECOND_NS, 60 * SECOND_NS};
	static const uint32_t identifiers[] = {0, 0, 1, 2};

	for (size_t i = 0; i < 4; i++) {
		uint32_t slot = probe_table_take(table, NOW_NS + after_ns[i]);

		assert_int_equal(identifier_of(table, slot), identifiers[i]);
		probe_table_release(table, slot);
	}
}

static void probe_table_identifier_changed_the_ring_goes_on(void **state) {
	struct probe_table *table = *state;

	for (uint32_t i = 0; i < 3; i++) {
		probe_table_release(table, probe_table_take(table, NOW_NS));
	}
	for (uint32_t i = 3; i < N_SLOTS; i++) {
		assert_int_equal(probe_table_take(table, NOW_NS + 30 * SECOND_NS), i);
		probe_table_release(table, i);
	}
	assert_int_equal(probe_table_find(table, 0), 0);
}

static void probe_table_identifier_stays_for_65536_probes(void **state) {
	struct probe_table *table = *state;

	for (uint32_t i = 0; i < PROBE_KEYS_PER_IDENTIFIER + 1; i++) {
		uint32_t slot = probe_table_take(table, NOW_NS);

		assert_int_equal(identifier_of(table, slot), i / PROBE_KEYS_PER_IDENTIFIER);
		probe_table_release(table, slot);
	}
}

static void probe_table_last_identifier_is_followed_by_the_first(void **state) {
	struct probe_table *table = *state;
	uint32_t slot;

	table->next_key = N_KEYS - 2;
	for (int i = 0; i < 2; i++) {
		slot = probe_table_take(table, NOW_NS);
		assert_int_equal(identifier_of(table, slot), 63);
	}
	slot = probe_table_take(table, NOW_NS);
	assert_int_equal(table->probes[slot].key, 0);

	table->next_key = N_KEYS - 1000;
	slot = probe_table_take(table, NOW_NS + 30 * SECOND_NS);
	assert_int_equal(identifier_of(table, slot), 0);
}

static void probe_table_no_key_returns_before_all_were_used(void **state) {
	static uint8_t seen[N_KEYS / 8];
	struct probe_table *table = *state;

	memset(seen, 0, sizeof seen);
	for (uint32_t i = 0; i < N_KEYS; i++) {
		uint32_t slot = probe_table_take(table, NOW_NS);
		uint32_t key = table->probes[slot].key;

		if (key >= N_KEYS || seen[key / 8] & 1 << key % 8) {
			fail_msg("key %u came back as number %u", key, i);
		}
		seen[key / 8] |= (uint8_t)(1 << key % 8);
		probe_table_release(table, slot);
	}
}

static void probe_table_find_knows_the_key_until_the_slot_is_taken_again(void **state) {
	struct probe_table *table = *state;
	uint32_t slot, key;

	assert_int_equal(probe_table_find(table, 0), PROBE_NONE); /* never used */
	slot = probe_table_take(table, NOW_NS);
	key = table->probes[slot].key;
	assert_int_equal(probe_table_find(table, key), slot);
	probe_table_release(table, slot);
	assert_int_equal(table->probes[slot].state, PROBE_FREE);
	assert_int_equal(probe_table_find(table, key), slot);
	assert_int_equal(probe_table_find(table, key + N_SLOTS), PROBE_NONE); /* the same slot's */
	for (uint32_t i = 0; i < N_SLOTS; i++) {
		probe_table_release(table, probe_table_take(table, NOW_NS));
	}
	assert_int_equal(probe_table_find(table, key), PROBE_NONE);
}

static void probe_table_generation_is_never_0(void **state) {
	struct probe_table *table = *state;

	table->generation = UINT32_MAX - 1;
	assert_int_equal(table->probes[probe_table_take(table, NOW_NS)].generation, UINT32_MAX);
	assert_int_equal(table->probes[probe_table_take(table, NOW_NS)].generation, 1);
}

static void probe_secret_differs_by_all_that_makes_a_probe(void **state) {
	struct probe_table *table = *state;
	struct probe probe = {.key = 1, .generation = 1};
	uint64_t secret = probe_secret(table, &probe);
	struct probe other = probe;

	assert_int_equal(probe_secret(table, &other), secret);
	other.key = 2;
	assert_int_not_equal(probe_secret(table, &other), secret);
	other = probe;
	other.generation = 2;
	assert_int_not_equal(probe_secret(table, &other), secret);
	other = probe;
	other.destination.s6_addr[15] = 1;
	assert_int_not_equal(probe_secret(table, &other), secret);
	table->secret_key.words[1] ^= 1;
	assert_int_not_equal(probe_secret(table, &probe), secret);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probe_table_init_rounds_up_to_a_power_of_two),
		cmocka_unit_test(probe_table_init_begins_at_a_random_key),
		TEST(probe_table_take_gives_ascending_keys),
		TEST(probe_table_take_empties_the_slot),
		TEST(probe_table_take_skips_slots_in_use),
		TEST(probe_table_take_from_full_table_gives_none),
		TEST(probe_table_identifier_stays_for_30_seconds),
		TEST(probe_table_identifier_changed_the_ring_goes_on),
		TEST(probe_table_identifier_stays_for_65536_probes),
		TEST(probe_table_last_identifier_is_followed_by_the_first),
		TEST(probe_table_no_key_returns_before_all_were_used),
		TEST(probe_table_find_knows_the_key_until_the_slot_is_taken_again),
		TEST(probe_table_generation_is_never_0),
		TEST(probe_secret_differs_by_all_that_makes_a_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
