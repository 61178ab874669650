/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A token bucket, kept as one number: the time at which it would be full again. */

#include <stdbool.h>
#include <stdint.h>

struct token_bucket {
	int64_t token_ns; /* how long one token takes to come; 0: no limit */
	int64_t full_ns;  /* how long an empty bucket takes to be full */
	int64_t full_at_ns;
};

/* @per_second: UINT32_MAX (CONFIG_UNLIMITED) for no limit; 0 is taken as 1. It starts full. */
static inline void token_bucket_init(struct token_bucket *bucket, uint32_t per_second,
				     uint32_t burst) {
	*bucket = (struct token_bucket){0};
	if (per_second != UINT32_MAX) {
		bucket->token_ns = 1000000000 / (per_second ? per_second : 1);
		bucket->full_ns = bucket->token_ns * (burst ? burst : 1);
	}
}

/* When a token will be there: @now_ns or earlier means now. */
static inline int64_t token_bucket_ready_ns(const struct token_bucket *bucket) {
	return bucket->full_at_ns - bucket->full_ns + bucket->token_ns;
}

/* Whether @n tokens are there, which may be more than it ever holds. */
static inline bool token_bucket_has(const struct token_bucket *bucket, int64_t n, int64_t now_ns) {
	return n * bucket->token_ns <= bucket->full_ns &&
	       bucket->full_at_ns - bucket->full_ns + n * bucket->token_ns <= now_ns;
}

/* Takes one token. If it is not there, it is owed. */
static inline void token_bucket_take(struct token_bucket *bucket, int64_t now_ns) {
	if (bucket->full_at_ns < now_ns) {
		bucket->full_at_ns = now_ns;
	}
	bucket->full_at_ns += bucket->token_ns;
}

/* The same, but no more than a full bucket is ever owed. */
static inline void token_bucket_take_ahead(struct token_bucket *bucket, int64_t now_ns) {
	int64_t most_ns = now_ns + 2 * bucket->full_ns;

	token_bucket_take(bucket, now_ns);
	if (bucket->full_at_ns > most_ns) {
		bucket->full_at_ns = most_ns;
	}
}
