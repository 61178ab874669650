/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* SipHash-2-4, a keyed hash for short inputs (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012). */

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t words[2];
};

/* The 64-bit hash of @words. Unguessable without the key, also for who has seen other hashes. */
uint64_t siphash(const struct siphash_key *key, const uint64_t *words, size_t n_words);
