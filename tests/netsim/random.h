/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Numbers that look random and come again with the same seed: splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", 2014), which takes any seed. */

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state; /* the seed, to begin with */
};

static inline uint64_t random_next(struct random *random) {
	uint64_t x = random->state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Says yes @permille times in a thousand. */
static inline bool random_chance(struct random *random, int64_t permille) {
	return permille > 0 && (int64_t)(random_next(random) % 1000) < permille;
}
