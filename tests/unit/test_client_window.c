/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The window that slides over growing numbers, and the ring of events. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/include/multiping.h"
#include "client/lib/events.h"
#include "client/lib/window.h"

static int items[1000];

static void window_pushed_items_are_found_by_number(void **state) {
	struct window window;

	window_init(&window, 7);
	for (size_t i = 0; i < 1000; ++i) {
		assert_int_equal(window_push(&window, &items[i]), 0);
	}
	assert_null(window_get(&window, 6));
	assert_null(window_get(&window, 1007));
	for (size_t i = 0; i < 1000; ++i) {
		assert_ptr_equal(window_get(&window, 7 + i), &items[i]);
	}
	window_deinit(&window);
}

static void window_removed_oldest_frees_room_without_growing(void **state) {
	struct window window;

	window_init(&window, 1);
	for (size_t i = 0; i < 1000; ++i) {
		assert_int_equal(window_push(&window, &items[i]), 0);
		if (i >= 16) {
			window_remove(&window, i - 15);
		}
	}
	assert_int_equal(window.capacity, 32); /* the least power of two for 17 at a time */
	assert_ptr_equal(window_get(&window, 1000), &items[999]);
	window_deinit(&window);
}

static void window_removed_in_the_middle_waits_for_the_oldest(void **state) {
	struct window window;

	window_init(&window, 1);
	for (size_t i = 0; i < 3; ++i) {
		assert_int_equal(window_push(&window, &items[i]), 0);
	}
	window_remove(&window, 2);
	assert_int_equal(window.first, 1);
	assert_null(window_get(&window, 2));
	assert_ptr_equal(window_get(&window, 3), &items[2]);
	window_remove(&window, 1);
	assert_int_equal(window.first, 3);
	window_remove(&window, 3);
	window_remove(&window, 3); /* nothing there any more */
	assert_int_equal(window.first, window.end);
	window_deinit(&window);
}

static void events_come_out_in_the_order_of_going_in(void **state) {
	struct events events = {0};
	struct event event = {0};
	uint32_t next_in = 0, next_out = 0;

	/* three in, two out: the ring wraps and grows many times */
	for (int round = 0; round < 500; ++round) {
		for (int i = 0; i < 3; ++i) {
			event.target = next_in++;
			assert_int_equal(events_push(&events, &event), 0);
		}
		for (int i = 0; i < 2; ++i) {
			assert_int_equal(events_pop(&events, &event), 1);
			assert_int_equal(event.target, next_out++);
		}
	}
	while (events_pop(&events, &event)) {
		assert_int_equal(event.target, next_out++);
	}
	assert_int_equal(next_out, next_in);
	events_deinit(&events);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window_pushed_items_are_found_by_number),
		cmocka_unit_test(window_removed_oldest_frees_room_without_growing),
		cmocka_unit_test(window_removed_in_the_middle_waits_for_the_oldest),
		cmocka_unit_test(events_come_out_in_the_order_of_going_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
