/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Finds things by a number that only ever grows: a window that slides over the numbers in use. */

#include <stddef.h>
#include <stdint.h>

struct window {
	void **slots;    /* of number n: slots[n % capacity]; NULL: removed */
	size_t capacity; /* a power of two, or 0 */
	uint64_t first;  /* the lowest number in use; == end where there is none */
	uint64_t end;    /* the number that the next item gets */
};

/* An empty window whose first item will have the number @first. */
void window_init(struct window *window, uint64_t first);

/* Frees the window, not the items. */
void window_deinit(struct window *window);

/* Gives @item (borrowed, not NULL) the number window->end, and counts that up. -ENOMEM. */
int window_push(struct window *window, void *item);

/* The item of that number; NULL where there is none. */
void *window_get(const struct window *window, uint64_t number);

/* Takes the item of that number out; nothing happens where there is none. */
void window_remove(struct window *window, uint64_t number);
