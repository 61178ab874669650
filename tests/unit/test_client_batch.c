/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: which probes travel together, their places on the wire, cancels, and what is kept for
 * late replies. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/lib/batch.h"
#include "protocol/request.h"

static const struct batch_key second = {.timeout_us = 1000000, .is_event = true};
static const struct batch_key minute = {.timeout_us = 60000000, .is_event = true};

static struct target ipv4(void) {
	return (struct target){.ip.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 127}};
}

static struct target ipv6(void) {
	return (struct target){.ip.s6_addr = {[0] = 0xfd}};
}

static uint64_t add(struct batches *batches, const struct batch_key *key, size_t number,
		    struct target target) {
	uint64_t probe;

	assert_int_equal(batches_add(batches, key, number, &target, &probe), 0);
	return probe;
}

static struct batch *batch_of(const struct batches *batches, uint64_t probe) {
	uint32_t place;

	return batches_find(batches, probe, &place);
}

/* Takes the first of the queue onto the wire. */
static struct batch *ask(struct batches *batches) {
	struct batch *batch = batches->queue_first;

	assert_int_equal(batches_ask_first(batches, 1), 0);
	return batch;
}

static void decide(struct batch *batch, uint32_t place) {
	batch->entries[place] |= ENTRY_DECIDED;
	--batch->n_undecided;
}

static void probes_with_equal_parameters_share_a_batch(void **state) {
	struct batches batches;
	uint64_t a, b, c, d;

	batches_init(&batches);
	a = add(&batches, &second, 1, ipv4());
	b = add(&batches, &second, 2, ipv6());
	c = add(&batches, &minute, 3, ipv4());
	d = add(&batches, &second, 4, ipv4()); /* the order of asking is kept: not into the first */
	assert_ptr_equal(batch_of(&batches, a), batch_of(&batches, b));
	assert_ptr_not_equal(batch_of(&batches, b), batch_of(&batches, c));
	assert_ptr_not_equal(batch_of(&batches, c), batch_of(&batches, d));
	assert_ptr_not_equal(batch_of(&batches, a), batch_of(&batches, d));
	batches_deinit(&batches);
}

/* Fills batches with @n targets; the first holds as many as go into a request. */
static uint32_t first_batch_size(struct target target, size_t n) {
	struct batches batches;
	uint32_t size;

	batches_init(&batches);
	for (size_t i = 0; i < n; ++i) {
		add(&batches, &second, i, target);
	}
	size = batches.queue_first->n_entries;
	batches_deinit(&batches);
	return size;
}

static void batch_of_ipv4_is_as_large_as_the_protocol_allows(void **state) {
	assert_int_equal(first_batch_size(ipv4(), PROTOCOL_MAX_TARGETS - 1),
			 PROTOCOL_MAX_TARGETS - 1);
	assert_int_equal(first_batch_size(ipv4(), PROTOCOL_MAX_TARGETS), PROTOCOL_MAX_TARGETS);
	assert_int_equal(first_batch_size(ipv4(), PROTOCOL_MAX_TARGETS + 1), PROTOCOL_MAX_TARGETS);
}

static void batch_of_ipv6_fits_into_a_message(void **state) {
	uint32_t n = first_batch_size(ipv6(), PROTOCOL_MAX_TARGETS);
	struct request request = {.method = REQUEST_PING};
	struct message_buffer *buffer = malloc(sizeof *buffer);
	struct in6_addr *targets = calloc(n, sizeof *targets);

	for (uint32_t i = 0; i < n; ++i) {
		targets[i] = ipv6().ip;
	}
	request_ping_init(&request.ping);
	request.ping.id = UINT32_MAX;
	request.ping.timeout_us = PROTOCOL_MAX_TIMEOUT_US;
	request.ping.targets = targets;
	request.ping.n_targets = n;
	assert_int_equal(request_pack(&request, buffer), 0);
	assert_in_range(buffer->n_bytes, PROTOCOL_MAX_MESSAGE_BYTES * 9 / 10,
			PROTOCOL_MAX_MESSAGE_BYTES);
	free(targets);
	free(buffer);
}

static void probes_decided_before_asking_take_no_place_on_the_wire(void **state) {
	struct batches batches;
	struct batch *batch;

	batches_init(&batches);
	for (size_t i = 0; i < 5; ++i) {
		add(&batches, &second, i, ipv4());
	}
	decide(batches.queue_first, 0);
	decide(batches.queue_first, 3);
	batch = ask(&batches);
	assert_int_equal(batch->n_asked, 3);
	assert_int_equal(batch_place(batch, 0), 1);
	assert_int_equal(batch_place(batch, 1), 2);
	assert_int_equal(batch_place(batch, 2), 4);
	assert_int_equal(batch_place(batch, 3), UINT32_MAX);
	batches_deinit(&batches);
}

static void cancels_name_the_place_on_the_wire(void **state) {
	struct batches batches;
	struct cancel cancel;
	struct batch *batch;

	batches_init(&batches);
	for (size_t i = 0; i < 100; ++i) {
		add(&batches, &second, i, ipv4());
	}
	decide(batches.queue_first, 10);
	batch = ask(&batches);
	for (uint32_t place = 0; place < 100; ++place) {
		if (place != 10) {
			assert_int_equal(batches_cancel(&batches, batch, place), 0);
		}
	}
	for (uint32_t index = 0; index < 99; ++index) {
		assert_int_equal(batches_next_cancel(&batches, &cancel), 1);
		assert_int_equal(cancel.wire_id, batch->wire_id);
		assert_int_equal(cancel.place, index);
	}
	assert_int_equal(batches_next_cancel(&batches, &cancel), 0);
	batches_deinit(&batches);
}

static void cancels_keep_their_order_while_some_are_taken(void **state) {
	struct batches batches;
	struct cancel cancel;
	struct batch *batch;
	uint32_t n_in = 0, n_out = 0;

	batches_init(&batches);
	for (size_t i = 0; i < 900; ++i) {
		add(&batches, &second, i, ipv4());
	}
	batch = ask(&batches);
	while (n_in < 900) {
		for (int i = 0; i < 3; ++i) {
			assert_int_equal(batches_cancel(&batches, batch, n_in++), 0);
		}
		for (int i = 0; i < 2; ++i) {
			assert_int_equal(batches_next_cancel(&batches, &cancel), 1);
			assert_int_equal(cancel.place, n_out++);
		}
	}
	while (batches_next_cancel(&batches, &cancel)) {
		assert_int_equal(cancel.place, n_out++);
	}
	assert_int_equal(n_out, n_in);
	batches_deinit(&batches);
}

static void ids_on_the_wire_grow_also_when_a_batch_is_asked_again(void **state) {
	struct batches batches;
	struct batch *first, *other;

	batches_init(&batches);
	add(&batches, &second, 1, ipv4());
	add(&batches, &minute, 2, ipv4());
	first = ask(&batches);
	assert_int_equal(first->wire_id, 1);
	other = ask(&batches);
	assert_int_equal(other->wire_id, 2);
	batches_ask_again(&batches, first);
	assert_null(window_get(&batches.by_wire, 1));
	assert_ptr_equal(ask(&batches), first);
	assert_int_equal(first->wire_id, 3);
	assert_ptr_equal(window_get(&batches.by_wire, 3), first);
	batches_deinit(&batches);
}

static void ids_on_the_wire_end_at_32_bits(void **state) {
	struct batches batches;

	batches_init(&batches);
	window_init(&batches.by_wire, UINT32_MAX);
	add(&batches, &second, 1, ipv4());
	add(&batches, &minute, 2, ipv4());
	assert_int_equal(ask(&batches)->wire_id, UINT32_MAX);
	assert_int_equal(batches_ask_first(&batches, 1), -EOVERFLOW);
	assert_non_null(batches.queue_first);
	batches_deinit(&batches);
}

static void finished_batches_are_kept_up_to_a_number_of_entries(void **state) {
	struct batches batches;
	uint64_t probes[4];

	batches_init(&batches);
	for (size_t i = 0; i < 4; ++i) {
		probes[i] = add(&batches, i % 2 ? &second : &minute, i, ipv4());
	}
	for (size_t i = 0; i < 4; ++i) {
		struct batch *batch = ask(&batches);

		decide(batch, 0);
		batches_finish(&batches, batch, 3);
	}
	assert_null(batch_of(&batches, probes[0]));
	for (size_t i = 1; i < 4; ++i) {
		assert_non_null(batch_of(&batches, probes[i]));
	}
	batches_deinit(&batches);
}

static void probe_numbers_are_never_used_twice(void **state) {
	struct batches batches;
	uint64_t before, after;

	batches_init(&batches);
	before = add(&batches, &second, 1, ipv4());
	assert_int_not_equal(before, 0);
	decide(batches.queue_first, 0);
	batches_empty_queue(&batches);
	batches_free(&batches, batch_of(&batches, before));
	after = add(&batches, &second, 1, ipv4());
	assert_true(after > before);
	assert_null(batch_of(&batches, before));
	batches_deinit(&batches);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_with_equal_parameters_share_a_batch),
		cmocka_unit_test(batch_of_ipv4_is_as_large_as_the_protocol_allows),
		cmocka_unit_test(batch_of_ipv6_fits_into_a_message),
		cmocka_unit_test(probes_decided_before_asking_take_no_place_on_the_wire),
		cmocka_unit_test(cancels_name_the_place_on_the_wire),
		cmocka_unit_test(cancels_keep_their_order_while_some_are_taken),
		cmocka_unit_test(ids_on_the_wire_grow_also_when_a_batch_is_asked_again),
		cmocka_unit_test(ids_on_the_wire_end_at_32_bits),
		cmocka_unit_test(finished_batches_are_kept_up_to_a_number_of_entries),
		cmocka_unit_test(probe_numbers_are_never_used_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
