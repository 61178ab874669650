/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Events that wait for the program to fetch them, first in, first out. */

#include <stddef.h>
#include <stdint.h>

#include "client/lib/record.h"

struct event {
	uint32_t type;   /* enum multiping_event_type */
	uint32_t target; /* its number; UINT32_MAX: of no target */
	struct record record;
};

struct events {
	struct event *ring;
	size_t capacity; /* a power of two, or 0 */
	size_t head, n;
};

/* Frees all; @events may be all zero. */
void events_deinit(struct events *events);

/* Adds a copy. -ENOMEM. */
int events_push(struct events *events, const struct event *event);

/* Takes the oldest: 1 and @ret_event, or 0 where there is none. */
int events_pop(struct events *events, struct event *ret_event);
