/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The two clocks: one for waiting, one for telling people. */

#include <stdint.h>
#include <time.h>

enum { CLOCK_NS_PER_US = 1000 };
#define CLOCK_NS_PER_S INT64_C(1000000000)

static inline int64_t clock_ns(clockid_t clock) {
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * CLOCK_NS_PER_S + now.tv_nsec;
}

static inline int64_t clock_monotonic_ns(void) {
	return clock_ns(CLOCK_MONOTONIC);
}

static inline int64_t clock_unix_ns(void) {
	return clock_ns(CLOCK_REALTIME);
}
