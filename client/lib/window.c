/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Batches get growing numbers and live for about as long as each other, so the numbers in use lie
 * close together: an array taken as a ring finds each with one mask, needs no hash, and follows the
 * numbers as the oldest go. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "client/lib/window.h"

enum { WINDOW_FIRST_CAPACITY = 16 };

void window_init(struct window *window, uint64_t first) {
	*window = (struct window){.first = first, .end = first};
}

void window_deinit(struct window *window) {
	free(window->slots);
	window_init(window, 0);
}

static void **window_slot(const struct window *window, uint64_t number) {
	return &window->slots[number & (window->capacity - 1)];
}

static int window_grow(struct window *window) {
	struct window larger = *window;

	larger.capacity = window->capacity ? window->capacity * 2 : WINDOW_FIRST_CAPACITY;
	larger.slots = calloc(larger.capacity, sizeof *larger.slots);
	if (!larger.slots) {
		return -ENOMEM;
	}
	for (uint64_t number = window->first; number < window->end; ++number) {
		*window_slot(&larger, number) = *window_slot(window, number);
	}
	free(window->slots);
	*window = larger;
	return 0;
}

int window_push(struct window *window, void *item) {
	int r;

	assert(item);
	if (window->end - window->first == window->capacity) {
		r = window_grow(window);
		if (r < 0) {
			return r;
		}
	}
	*window_slot(window, window->end++) = item;
	return 0;
}

void *window_get(const struct window *window, uint64_t number) {
	if (number < window->first || number >= window->end) {
		return NULL;
	}
	return *window_slot(window, number);
}

void window_remove(struct window *window, uint64_t number) {
	if (number < window->first || number >= window->end) {
		return;
	}
	*window_slot(window, number) = NULL;
	while (window->first < window->end && !*window_slot(window, window->first)) {
		++window->first;
	}
}
