/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Timers of the probes: one wheel of 65,536 buckets of 1 ms, which is more than the longest time-out, so nothing cascades.
 *
 * Adding, removing and expiring a timer cost the same whatever their number; the links are in the probes themselves. */

#include <stdint.h>

#include "helper/probe_table.h"

enum { TIMING_WHEEL_BUCKETS = 1 << 16 };

struct timing_wheel {
	struct probe_table *table; /* borrowed */
	uint32_t *heads;
	uint64_t *occupied; /* a bit a bucket */
	int64_t next_ms;    /* all earlier buckets are empty */
	uint32_t n_timers;
};

/* -ENOMEM. @now_ns: CLOCK_MONOTONIC. */
int timing_wheel_init(struct timing_wheel *ret_wheel, struct probe_table *table, int64_t now_ns);
void timing_wheel_deinit(struct timing_wheel *wheel);

/* Starts the timer of a slot: it expires at @at_ns or up to 1 ms later. One further than 65 s ahead
 * expires early: whoever takes it out compares the time. */
void timing_wheel_add(struct timing_wheel *wheel, uint32_t slot, int64_t at_ns);
void timing_wheel_remove(struct timing_wheel *wheel, uint32_t slot);

/* Takes out one slot whose timer has expired by @now_ns; PROBE_NONE: none has. */
uint32_t timing_wheel_expire(struct timing_wheel *wheel, int64_t now_ns);

/* When the next timer can expire; INT64_MAX: there is none. */
int64_t timing_wheel_next_ns(const struct timing_wheel *wheel);
