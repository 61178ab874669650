/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/siphash.h"

struct state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t x, unsigned n_bits) {
	return x << n_bits | x >> (64 - n_bits);
}

static inline void state_round(struct state *s) {
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotate_left(s->v1, 13) ^ s->v0;
	s->v3 = rotate_left(s->v3, 16) ^ s->v2;
	s->v0 = rotate_left(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = rotate_left(s->v1, 17) ^ s->v2;
	s->v3 = rotate_left(s->v3, 21) ^ s->v0;
	s->v2 = rotate_left(s->v2, 32);
}

static inline void state_add(struct state *s, uint64_t word) {
	s->v3 ^= word;
	state_round(s);
	state_round(s);
	s->v0 ^= word;
}

uint64_t siphash(const struct siphash_key *key, const uint64_t *words, size_t n_words) {
	/* the constants are the paper's: "somepseudorandomlygeneratedbytes" */
	struct state s = {
		key->words[0] ^ 0x736f6d6570736575,
		key->words[1] ^ 0x646f72616e646f6d,
		key->words[0] ^ 0x6c7967656e657261,
		key->words[1] ^ 0x7465646279746573,
	};

	for (size_t i = 0; i < n_words; i++) {
		state_add(&s, words[i]);
	}
	state_add(&s, (uint64_t)(n_words * sizeof *words) << 56); /* the length in bytes */
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++) {
		state_round(&s);
	}
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
