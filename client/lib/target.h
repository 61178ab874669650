/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The targets of an object: what a million of them needs, in chunks that never move. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/include/multiping.h"
#include "client/lib/address.h"
#include "client/lib/record.h"

struct batch;

enum name_state {
	NAME_KNOWN,   /* the address is there */
	NAME_UNASKED, /* to be looked up */
	NAME_ASKED,   /* being looked up */
	NAME_FAILED,  /* has no address: last.error says why */
};

struct target {
	struct in6_addr ip;
	struct record last;
	const char *name;      /* in the arena, or the caller's own */
	void *context;         /* the caller's */
	struct batch *waiting; /* probes asked for before the name was known */
	uint32_t scope;
	uint32_t n_sent, n_replies, n_duplicates;
	uint32_t n_asked;   /* in this round */
	uint16_t n_open;    /* probes of this round without outcome */
	uint16_t n_on_way;  /* of those, known to have been sent */
	uint8_t name_state; /* enum name_state */
	bool scope_is_name;
	bool replied; /* in this round */
	bool wanted;  /* is to be asked as soon as its name is known */
	bool removed;
};

enum {
	TARGETS_PER_CHUNK =
		1024, /* large enough for malloc to map, and thus to give back, each on its own */
	TARGETS_MAX = 1 << 29, /* a batch keeps two bits beside the number */
};

struct targets {
	struct target **chunks;
	size_t n, n_removed;
	char *names; /* current block of the arena: its first bytes point to the one before */
	size_t n_names_bytes; /* used of it */
	bool borrow_names;    /* names belong to the caller and outlive the object */
};

/* Frees all; @targets may be all zero. */
void targets_deinit(struct targets *targets);

/* Adds a target with an address where @name is numeric, failed where that is of the wrong @family,
 * else unasked. -ENOMEM. */
int targets_add(struct targets *targets, const char *name, int family, void *context,
		size_t *ret_number);

/* The target of a number below targets->n, also a removed one. */
static inline struct target *targets_at(const struct targets *targets, size_t number) {
	return &targets->chunks[number / TARGETS_PER_CHUNK][number % TARGETS_PER_CHUNK];
}

/* The target of a number; NULL where there is none, or none any more. */
struct target *targets_find(const struct targets *targets, size_t number);

/* Frees a chunk of targets ahead of time: none of them may be used again. */
void targets_free_chunk(struct targets *targets, size_t chunk);

/* Writes what the caller sees: @record, with the name, address and counters of target @number. */
void target_fill_result(const struct target *target, size_t number, const struct record *record,
			struct multiping_result *ret_result);

/* Forgets outcome and counters; a name that failed stays failed. */
void target_forget(struct target *target);
