/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/timing_wheel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_BITS = 64, N_WORDS = TIMING_WHEEL_BUCKETS / WORD_BITS, NS_PER_MS = 1000000 };

int timing_wheel_init(struct timing_wheel *ret_wheel, struct probe_table *table, int64_t now_ns) {
	struct timing_wheel wheel = {.table = table, .next_ms = now_ns / NS_PER_MS};

	wheel.heads = malloc(TIMING_WHEEL_BUCKETS * sizeof *wheel.heads);
	wheel.occupied = calloc(N_WORDS, sizeof *wheel.occupied);
	if (wheel.heads == NULL || wheel.occupied == NULL) {
		timing_wheel_deinit(&wheel);
		return -ENOMEM;
	}
	memset(wheel.heads, 0xff, TIMING_WHEEL_BUCKETS * sizeof *wheel.heads); /* PROBE_NONE */
	*ret_wheel = wheel;
	return 0;
}

void timing_wheel_deinit(struct timing_wheel *wheel) {
	free(wheel->heads);
	free(wheel->occupied);
	wheel->heads = NULL;
	wheel->occupied = NULL;
}

/* A bucket stands for the deadline rounded up, so that no timer expires early. */
static int64_t bucket_ms(int64_t at_ns) {
	return (at_ns + NS_PER_MS - 1) / NS_PER_MS;
}

static uint32_t bucket_of(int64_t ms) {
	return (uint32_t)ms & (TIMING_WHEEL_BUCKETS - 1);
}

void timing_wheel_add(struct timing_wheel *wheel, uint32_t slot, int64_t at_ns) {
	int64_t ms = bucket_ms(at_ns);
	uint32_t bucket, head;
	struct probe *probe = &wheel->table->probes[slot];

	if (ms < wheel->next_ms) {
		ms = wheel->next_ms;
	} else if (ms - wheel->next_ms >= TIMING_WHEEL_BUCKETS) {
		ms = wheel->next_ms + TIMING_WHEEL_BUCKETS - 1;
	}
	bucket = bucket_of(ms);
	head = wheel->heads[bucket];
	/* the first one's timer_previous names its bucket, so that removing it finds the head */
	probe->timer_previous = bucket;
	probe->timer_next = head;
	if (head != PROBE_NONE) {
		wheel->table->probes[head].timer_previous = slot;
	}
	wheel->heads[bucket] = slot;
	wheel->occupied[bucket / WORD_BITS] |= UINT64_C(1) << bucket % WORD_BITS;
	wheel->n_timers++;
}

void timing_wheel_remove(struct timing_wheel *wheel, uint32_t slot) {
	struct probe *probe = &wheel->table->probes[slot];
	uint32_t bucket = probe->timer_previous;

	if (probe->timer_next != PROBE_NONE) {
		wheel->table->probes[probe->timer_next].timer_previous = probe->timer_previous;
	}
	if (bucket < TIMING_WHEEL_BUCKETS && wheel->heads[bucket] == slot) {
		wheel->heads[bucket] = probe->timer_next;
		if (probe->timer_next == PROBE_NONE) {
			wheel->occupied[bucket / WORD_BITS] &= ~(UINT64_C(1) << bucket % WORD_BITS);
		}
	} else {
		wheel->table->probes[probe->timer_previous].timer_next = probe->timer_next;
	}
	wheel->n_timers--;
}

/* The first occupied bucket from next_ms on, in milliseconds ahead of it; -1: none. */
static int64_t ms_to_occupied(const struct timing_wheel *wheel) {
	uint32_t first = bucket_of(wheel->next_ms);
	uint32_t word = first / WORD_BITS;
	uint64_t bits = wheel->occupied[word] & ~((UINT64_C(1) << first % WORD_BITS) - 1);

	if (wheel->n_timers == 0) {
		return -1;
	}
	for (int i = 0; i < N_WORDS && bits == 0; i++) {
		word = (word + 1) % N_WORDS;
		bits = wheel->occupied[word];
	}
	return bucket_of((int64_t)word * WORD_BITS + __builtin_ctzll(bits) - first);
}

uint32_t timing_wheel_expire(struct timing_wheel *wheel, int64_t now_ns) {
	int64_t now_ms = now_ns / NS_PER_MS, ahead_ms = ms_to_occupied(wheel);
	uint32_t slot;

	if (ahead_ms < 0 || wheel->next_ms + ahead_ms > now_ms) {
		if (now_ms > wheel->next_ms) {
			wheel->next_ms = now_ms;
		}
		return PROBE_NONE;
	}
	wheel->next_ms += ahead_ms;
	slot = wheel->heads[bucket_of(wheel->next_ms)];
	timing_wheel_remove(wheel, slot);
	return slot;
}

int64_t timing_wheel_next_ns(const struct timing_wheel *wheel) {
	int64_t ahead_ms = ms_to_occupied(wheel);

	return ahead_ms < 0 ? INT64_MAX : (wheel->next_ms + ahead_ms) * NS_PER_MS;
}
