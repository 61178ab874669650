/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The two clocks of a round-trip time: the monotonic user clock, and the realtime clock of the kernel's packet stamps. */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Both clocks run at the same rate (adjtime(3) slews both); only a step of the realtime clock changes their difference. So that
 * difference is looked at whenever stamps are about to be used: no step, however short before, can reach a round-trip time. */
struct clock {
	int (*read)(clockid_t id, struct timespec *ret_time); /* clock_gettime, or a test's */
	int64_t now_ns;     /* CLOCK_MONOTONIC at the last update */
	int64_t offset_ns;  /* CLOCK_REALTIME - CLOCK_MONOTONIC */
	int64_t error_ns;   /* how exact offset_ns is */
	int64_t stepped_ns; /* monotonic time at which the last step was noticed; INT64_MIN: never */
};

/* Takes clock_gettime(2) where @read is NULL. */
void clock_init(struct clock *ret_clock, int (*read)(clockid_t, struct timespec *));

/* Reads the time, and whether the realtime clock was stepped since the last call. Returns the monotonic time. */
int64_t clock_update(struct clock *clock);

/* The monotonic time now, nothing else. */
int64_t clock_monotonic_ns(const struct clock *clock);

/* Whether kernel stamps may be compared for a packet that was sent at @sent_ns (monotonic): no step since. */
static inline bool clock_stamps_hold(const struct clock *clock, int64_t sent_ns) {
	return sent_ns > clock->stepped_ns;
}

static inline int64_t clock_earlier(int64_t a_ns, int64_t b_ns) {
	return a_ns < b_ns ? a_ns : b_ns;
}

static inline int64_t clock_later(int64_t a_ns, int64_t b_ns) {
	return a_ns > b_ns ? a_ns : b_ns;
}
