/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A ring that grows. It is not bounded here: whoever reads from the helper stops while it is long
 * (session.c). */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/events.h"

enum { EVENTS_FIRST_CAPACITY = 64 };

void events_deinit(struct events *events) {
	free(events->ring);
	*events = (struct events){0};
}

static int events_grow(struct events *events) {
	size_t capacity = events->capacity ? events->capacity * 2 : EVENTS_FIRST_CAPACITY;
	size_t n_to_end = events->capacity - events->head;
	struct event *ring = malloc(capacity * sizeof *ring);

	if (!ring) {
		return -ENOMEM;
	}
	if (events->n > 0) { /* it is full: what stands from the head to the end comes first */
		memcpy(ring, events->ring + events->head, n_to_end * sizeof *ring);
		memcpy(ring + n_to_end, events->ring, events->head * sizeof *ring);
	}
	free(events->ring);
	*events = (struct events){.ring = ring, .capacity = capacity, .n = events->n};
	return 0;
}

int events_push(struct events *events, const struct event *event) {
	int r;

	if (events->n == events->capacity) {
		r = events_grow(events);
		if (r < 0) {
			return r;
		}
	}
	events->ring[(events->head + events->n++) & (events->capacity - 1)] = *event;
	return 0;
}

int events_pop(struct events *events, struct event *ret_event) {
	if (events->n == 0) {
		return 0;
	}
	*ret_event = events->ring[events->head];
	events->head = (events->head + 1) & (events->capacity - 1);
	--events->n;
	return 1;
}
