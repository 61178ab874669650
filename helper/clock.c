/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The offset between the two clocks is measured by reading the realtime clock between two monotonic readings: the width of that
 * sandwich is the measurement's error. Being preempted inside widens it, so a wide one is taken again. The offset is constant but for
 * steps, so the narrowest measurement since the last step stands, and small steps are noticed when together they are large. */
#include "helper/clock.h"

#include <stddef.h>
#include <stdlib.h>

enum {
	CLOCK_GOOD_WIDTH_NS = 5000, /* three vDSO readings take about 100 ns */
	CLOCK_TRIES = 3,
	CLOCK_MIN_STEP_NS = 10000, /* less is taken for noise of the measurement */
};

static int64_t clock_get(const struct clock *clock, clockid_t id) {
	struct timespec time = {0};

	(void)clock->read(id, &time); /* cannot fail for these two clocks */
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t clock_monotonic_ns(const struct clock *clock) {
	return clock_get(clock, CLOCK_MONOTONIC);
}

/* Measures anew; of several readings the narrowest counts. */
static void clock_measure(struct clock *clock) {
	clock->error_ns = INT64_MAX;
	for (int i = 0; i < CLOCK_TRIES && clock->error_ns > CLOCK_GOOD_WIDTH_NS; i++) {
		int64_t before = clock_get(clock, CLOCK_MONOTONIC);
		int64_t realtime = clock_get(clock, CLOCK_REALTIME);
		int64_t width_ns;

		clock->now_ns = clock_get(clock, CLOCK_MONOTONIC);
		width_ns = clock->now_ns - before;
		if (width_ns < clock->error_ns) {
			clock->error_ns = width_ns;
			clock->offset_ns = realtime - (before + width_ns / 2);
		}
	}
}

void clock_init(struct clock *ret_clock, int (*read)(clockid_t, struct timespec *)) {
	*ret_clock = (struct clock){.read = read ? read : clock_gettime, .stepped_ns = INT64_MIN};
	clock_measure(ret_clock);
}

int64_t clock_update(struct clock *clock) {
	struct clock measured = *clock;
	int64_t noise_ns, change_ns;

	clock_measure(&measured);
	noise_ns = clock->error_ns + measured.error_ns + CLOCK_MIN_STEP_NS;
	change_ns = llabs(measured.offset_ns - clock->offset_ns);
	clock->now_ns = measured.now_ns;
	if (change_ns > noise_ns) {
		clock->stepped_ns = clock->now_ns;
	}
	if (change_ns > noise_ns || measured.error_ns < clock->error_ns) {
		clock->offset_ns = measured.offset_ns;
		clock->error_ns = measured.error_ns;
	}
	return clock->now_ns;
}
