/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A probe costs four bytes here: its target's number and two bits, in the array of its batch. The
 * batch has a number for good, of which its probes' numbers are made, and on each connection an id,
 * under which the helper answers. It is
 *
 *	waiting → queued → asked → finished → freed
 *
 * and in by_number all the while. A helper may send late replies after `done`, so that finished
 * batches are kept, the oldest going first. When a connection ends, what was asked on it is queued
 * again, with the numbers that it has. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/batch.h"
#include "protocol/request.h"

enum {
	BATCH_FIRST_CAPACITY = 4, /* many programs ping one host at a time */
	BATCH_MAX_BYTES = PROTOCOL_MAX_MESSAGE_BYTES - REQUEST_PING_OVERHEAD_BYTES,
};

_Static_assert(PROTOCOL_MAX_TARGETS <= PROBE_PLACE_MASK + 1, "a place fits into a probe's number");
_Static_assert(TARGETS_MAX - 1 <= ENTRY_TARGET, "a target's number fits beside an entry's flags");

void batches_init(struct batches *batches) {
	*batches = (struct batches){.max_entries = PROTOCOL_MAX_TARGETS};
	window_init(&batches->by_number, 1);
	window_init(&batches->by_wire, 1);
}

static void batch_free(struct batch *batch) {
	free(batch->entries);
	free(batch->places);
	free(batch);
}

void batches_deinit(struct batches *batches) {
	struct window *all = &batches->by_number;

	for (uint64_t number = all->first; number < all->end; ++number) {
		struct batch *batch = window_get(all, number);

		if (batch) {
			batch_free(batch);
		}
	}
	window_deinit(all);
	window_deinit(&batches->by_wire);
	free(batches->cancels);
	*batches = (struct batches){0};
}

void batches_free(struct batches *batches, struct batch *batch) {
	window_remove(&batches->by_number, batch->number);
	if (batch->wire_id != 0) {
		window_remove(&batches->by_wire, batch->wire_id);
	}
	batch_free(batch);
}

static int batches_new_batch(struct batches *batches, const struct batch_key *key,
			     struct batch **ret_batch) {
	struct batch *batch = calloc(1, sizeof *batch);
	int r;

	if (!batch) {
		return -ENOMEM;
	}
	batch->key = *key;
	batch->number = batches->by_number.end;
	r = window_push(&batches->by_number, batch);
	if (r < 0) {
		free(batch);
		return r;
	}
	*ret_batch = batch;
	return 0;
}

static int batch_add_entry(struct batch *batch, size_t number, const struct target *target) {
	uint32_t capacity = batch->capacity ? batch->capacity * 2 : BATCH_FIRST_CAPACITY;
	uint32_t *entries;

	if (batch->n_entries == batch->capacity) {
		entries = realloc(batch->entries, capacity * sizeof *entries);
		if (!entries) {
			return -ENOMEM;
		}
		batch->entries = entries;
		batch->capacity = capacity;
	}
	batch->entries[batch->n_entries++] = (uint32_t)number;
	++batch->n_undecided;
	batch->n_bytes += request_target_bytes(&target->ip);
	return 0;
}

static bool batch_key_equal(const struct batch_key *a, const struct batch_key *b) {
	return a->timeout_us == b->timeout_us && a->scope == b->scope &&
	       a->scope_is_name == b->scope_is_name && a->is_event == b->is_event &&
	       a->round == b->round && a->send == b->send;
}

static void batches_enqueue(struct batches *batches, struct batch *batch) {
	batch->state = BATCH_QUEUED;
	batch->next = NULL;
	if (batches->queue_last) {
		batches->queue_last->next = batch;
	} else {
		batches->queue_first = batch;
	}
	batches->queue_last = batch;
}

int batches_add(struct batches *batches, const struct batch_key *key, size_t number,
		const struct target *target, uint64_t *ret_probe) {
	struct batch *batch = batches->queue_last;
	int r;

	if (!batch || !batch_key_equal(&batch->key, key) || batch->suspicion > 0 ||
	    batch->n_entries >= batches->max_entries ||
	    batch->n_bytes + request_target_bytes(&target->ip) > BATCH_MAX_BYTES) {
		r = batches_new_batch(batches, key, &batch);
		if (r < 0) {
			return r;
		}
		batches_enqueue(batches, batch);
	}
	r = batch_add_entry(batch, number, target);
	if (r < 0) {
		return r;
	}
	if (ret_probe) {
		*ret_probe = batch_probe(batch, batch->n_entries - 1);
	}
	return 0;
}

int batches_add_waiting(struct batches *batches, const struct batch_key *key, size_t number,
			struct target *target, uint64_t *ret_probe) {
	struct batch *batch;
	int r;

	r = batches_new_batch(batches, key, &batch);
	if (r < 0) {
		return r;
	}
	r = batch_add_entry(batch, number, target);
	if (r < 0) {
		batches_free(batches, batch);
		return r;
	}
	batch->state = BATCH_WAITING;
	batch->next = target->waiting;
	target->waiting = batch;
	if (ret_probe) {
		*ret_probe = batch_probe(batch, 0);
	}
	return 0;
}

void batches_queue_waiting(struct batches *batches, struct batch *batch, struct target *target) {
	batch->key.scope = target->scope;
	batch->key.scope_is_name = target->scope_is_name;
	batch->n_bytes = request_target_bytes(&target->ip);
	batches_enqueue(batches, batch);
}

struct batch *batches_find(const struct batches *batches, uint64_t probe, uint32_t *ret_place) {
	struct batch *batch = window_get(&batches->by_number, probe >> PROBE_PLACE_BITS);
	uint32_t place = probe & PROBE_PLACE_MASK;

	if (!batch || place >= batch->n_entries) {
		return NULL;
	}
	*ret_place = place;
	return batch;
}

/* Gives each entry without outcome its place on the wire. Only where some have one already is a
 * table needed. */
static int batch_assign_places(struct batch *batch) {
	uint32_t n = 0;

	if (batch->n_undecided < batch->n_entries) {
		batch->places = malloc(batch->n_undecided * sizeof *batch->places);
		if (!batch->places) {
			return -ENOMEM;
		}
		for (uint32_t place = 0; place < batch->n_entries; ++place) {
			if (!(batch->entries[place] & ENTRY_DECIDED)) {
				batch->places[n++] = (uint16_t)place;
			}
		}
	}
	batch->n_asked = batch->n_undecided;
	return 0;
}

int batches_ask_first(struct batches *batches, int64_t now_unix_ns) {
	struct batch *batch = batches->queue_first;
	uint64_t wire_id = batches->by_wire.end;
	int r;

	assert(batch->n_undecided > 0);
	if (wire_id > UINT32_MAX) {
		return -EOVERFLOW;
	}
	r = batch_assign_places(batch);
	if (r < 0) {
		return r;
	}
	r = window_push(&batches->by_wire, batch);
	if (r < 0) {
		free(batch->places);
		batch->places = NULL;
		return r;
	}
	batches_unqueue_first(batches);
	batch->state = BATCH_ASKED;
	batch->wire_id = (uint32_t)wire_id;
	batch->asked_unix_ns = now_unix_ns;
	return 0;
}

uint32_t batch_place(const struct batch *batch, uint32_t index) {
	if (index >= batch->n_asked) {
		return UINT32_MAX;
	}
	return batch->places ? batch->places[index] : index;
}

/* The other way round: where an entry that was asked stands on the wire. */
static uint32_t batch_index(const struct batch *batch, uint32_t place) {
	uint32_t low = 0, high = batch->n_asked;

	if (!batch->places) {
		return place;
	}
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (batch->places[middle] <= place) {
			low = middle;
		} else {
			high = middle;
		}
	}
	return low;
}

static void batches_take_off_wire(struct batches *batches, struct batch *batch) {
	window_remove(&batches->by_wire, batch->wire_id);
	free(batch->places);
	batch->places = NULL;
	batch->wire_id = 0;
}

void batches_ask_again(struct batches *batches, struct batch *batch) {
	batches_take_off_wire(batches, batch);
	batch->state = BATCH_QUEUED;
	batch->next = batches->queue_first;
	batches->queue_first = batch;
	if (!batches->queue_last) {
		batches->queue_last = batch;
	}
}

struct batch *batches_unqueue_first(struct batches *batches) {
	struct batch *batch = batches->queue_first;

	batches->queue_first = batch->next;
	if (!batches->queue_first) {
		batches->queue_last = NULL;
	}
	batch->next = NULL;
	return batch;
}

static void batches_free_first_finished(struct batches *batches) {
	struct batch *batch = batches->finished_first;

	batches->n_finished_entries -= batch->n_entries;
	batches->finished_first = batch->next;
	if (!batches->finished_first) {
		batches->finished_last = NULL;
	}
	batches_free(batches, batch);
}

void batches_finish(struct batches *batches, struct batch *batch, size_t max_entries) {
	if (batch->wire_id == 0) {
		batches_free(batches, batch);
		return;
	}
	batch->state = BATCH_FINISHED;
	batch->next = NULL;
	if (batches->finished_last) {
		batches->finished_last->next = batch;
	} else {
		batches->finished_first = batch;
	}
	batches->finished_last = batch;
	batches->n_finished_entries += batch->n_entries;
	while (batches->n_finished_entries > max_entries) {
		batches_free_first_finished(batches);
	}
}

/* Makes room for one more cancel at the end: by moving them to the front while half of the array is
 * free, else by growing. */
static int batches_reserve_cancel(struct batches *batches) {
	size_t capacity = batches->cancel_capacity ? batches->cancel_capacity * 2 : 16;
	struct cancel *cancels;

	if (batches->cancel_first + batches->n_cancels < batches->cancel_capacity) {
		return 0;
	}
	if (batches->cancel_first > batches->n_cancels) {
		memcpy(batches->cancels, batches->cancels + batches->cancel_first,
		       batches->n_cancels * sizeof *batches->cancels);
		batches->cancel_first = 0;
		return 0;
	}
	cancels = realloc(batches->cancels, capacity * sizeof *cancels);
	if (!cancels) {
		return -ENOMEM;
	}
	batches->cancels = cancels;
	batches->cancel_capacity = capacity;
	return 0;
}

int batches_cancel(struct batches *batches, struct batch *batch, uint32_t place) {
	int r;

	r = batches_reserve_cancel(batches);
	if (r < 0) {
		return r;
	}
	batches->cancels[batches->cancel_first + batches->n_cancels++] = (struct cancel){
		.wire_id = batch->wire_id,
		.place = place == BATCH_WHOLE ? BATCH_WHOLE : batch_index(batch, place),
	};
	if (place != BATCH_WHOLE) {
		batch->entries[place] |= ENTRY_CANCELLED;
	}
	for (uint32_t i = 0; place == BATCH_WHOLE && i < batch->n_entries; ++i) {
		batch->entries[i] |= ENTRY_CANCELLED;
	}
	return 0;
}

int batches_next_cancel(struct batches *batches, struct cancel *ret_cancel) {
	if (batches->n_cancels == 0) {
		return 0;
	}
	*ret_cancel = batches->cancels[batches->cancel_first++];
	if (--batches->n_cancels == 0) {
		batches->cancel_first = 0;
	}
	return 1;
}

void batches_disconnect(struct batches *batches) {
	while (batches->finished_first) {
		batches_free_first_finished(batches);
	}
	for (uint64_t id = batches->by_wire.end; id-- > batches->by_wire.first;) {
		/* the last first, since each goes to the head */
		struct batch *batch = window_get(&batches->by_wire, id);

		if (batch && batch->suspicion > BATCH_MAX_SUSPICION) {
			batches_take_off_wire(batches, batch);
			batch->state = BATCH_LOST;
		} else if (batch) {
			batches_ask_again(batches, batch);
		}
	}
	window_deinit(&batches->by_wire);
	window_init(&batches->by_wire, 1);
	batches->cancel_first = batches->n_cancels = 0;
}

void batches_empty_queue(struct batches *batches) {
	batches->queue_first = batches->queue_last = NULL;
}
