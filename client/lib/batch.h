/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Batches: probes with equal parameters, which travel in one ping request; and where each batch is
 * on its way. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/lib/target.h"
#include "client/lib/window.h"
#include "protocol/limits.h"

/* A probe's number is its batch's number and its place in it. */
enum { PROBE_PLACE_BITS = 11, PROBE_PLACE_MASK = (1 << PROBE_PLACE_BITS) - 1 };

/* An entry is a target's number and these. */
#define ENTRY_DECIDED UINT32_C(0x80000000)   /* has its final outcome */
#define ENTRY_SENT UINT32_C(0x40000000)      /* is known to have been sent */
#define ENTRY_CANCELLED UINT32_C(0x20000000) /* the helper was, or is to be, told to end it */
#define ENTRY_TARGET UINT32_C(0x1fffffff)

#define BATCH_WHOLE UINT32_MAX /* a cancel of all entries */

struct batch_key { /* what the probes of a batch share */
	uint32_t timeout_us;
	uint32_t scope;
	bool scope_is_name;
	bool is_event;  /* asked for by multiping_ping(); else by multiping_send(): */
	uint32_t round; /* how many multiping_reset() came before */
	uint32_t send;  /* and how many multiping_send() */
};

enum batch_state {
	BATCH_WAITING,  /* for its target's name */
	BATCH_QUEUED,   /* may still grow while it is the last */
	BATCH_ASKED,    /* written; `done` has not come */
	BATCH_FINISHED, /* kept for late replies */
	BATCH_LOST,     /* is not asked again: to be ended */
};

enum { BATCH_MAX_SUSPICION = 24 }; /* up to which it is asked again */

struct batch {
	struct batch
		*next; /* in the queue, the list of those finished, or a target's waiting ones */
	uint64_t number;
	struct batch_key key;
	enum batch_state state;
	uint8_t suspicion; /* that helpers die of it */
	uint32_t wire_id;  /* while asked and finished; 0: was never written */
	int64_t asked_unix_ns;
	size_t n_bytes; /* of the targets on the wire */
	uint32_t capacity, n_entries, n_undecided;
	uint32_t *entries;
	uint32_t n_asked; /* how many of the entries went onto the wire */
	uint16_t *places; /* of the n_asked: entry's place; NULL: all went, each in its own place */
};

struct cancel {
	uint32_t wire_id;
	uint32_t place; /* on the wire, or BATCH_WHOLE */
};

struct batches {
	struct window by_number; /* all there are */
	struct window by_wire;   /* asked and finished, by the id in this connection */
	struct batch *queue_first, *queue_last;
	struct batch *finished_first, *finished_last;
	size_t n_finished_entries;
	uint32_t max_entries;   /* of a batch; at most PROTOCOL_MAX_TARGETS */
	struct cancel *cancels; /* that wait to be written, from cancel_first on */
	size_t cancel_first, n_cancels, cancel_capacity;
};

void batches_init(struct batches *batches);
void batches_deinit(struct batches *batches);

/* Puts a probe of target @number at @target into the last batch of the queue where @key is equal
 * and there is room, else into a new one. -ENOMEM. @ret_probe or NULL. */
int batches_add(struct batches *batches, const struct batch_key *key, size_t number,
		const struct target *target, uint64_t *ret_probe);

/* Makes a batch of one that waits for the name of @target; batch_take_name() queues it. -ENOMEM. */
int batches_add_waiting(struct batches *batches, const struct batch_key *key, size_t number,
			struct target *target, uint64_t *ret_probe);
void batches_queue_waiting(struct batches *batches, struct batch *batch, struct target *target);

/* The batch and the place of a probe; NULL where it is unknown or forgotten. */
struct batch *batches_find(const struct batches *batches, uint64_t probe, uint32_t *ret_place);

static inline uint64_t batch_probe(const struct batch *batch, uint32_t place) {
	return batch->number << PROBE_PLACE_BITS | place;
}

/* The first in the queue leaves it for the wire: gets an id, greater than all before, and its
 * entries without outcome get their places there. -ENOMEM; -EOVERFLOW where this connection has no
 * id left. On failure it stays in the queue. */
int batches_ask_first(struct batches *batches, int64_t now_unix_ns);

/* The entry that place @index on the wire stands for; UINT32_MAX: there is no such place. */
uint32_t batch_place(const struct batch *batch, uint32_t index);

/* An asked batch goes back to the head of the queue, as if never written. */
void batches_ask_again(struct batches *batches, struct batch *batch);

/* No more final outcomes will come. Keeps the batch for late replies, and frees the oldest kept
 * while they hold more than @max_entries entries. A batch that was never written is freed at once.
 * It must not be queued or waiting. */
void batches_finish(struct batches *batches, struct batch *batch, size_t max_entries);

/* Takes the first out of the queue, e.g. since all of it was cancelled. */
struct batch *batches_unqueue_first(struct batches *batches);

/* Notes that @place of an asked batch (or BATCH_WHOLE) is to be cancelled. -ENOMEM. */
int batches_cancel(struct batches *batches, struct batch *batch, uint32_t place);

/* Takes the next cancel that is to be written: 1, or 0. */
int batches_next_cancel(struct batches *batches, struct cancel *ret_cancel);

/* The connection is gone: forgets ids, cancels and those finished. What was asked goes back to the
 * head of the queue, in its order; but for those of which too many helpers may have died: they are
 * BATCH_LOST, in by_number alone. */
void batches_disconnect(struct batches *batches);

/* Empties the queue; what was in it is in by_number yet. */
void batches_empty_queue(struct batches *batches);

/* Frees a batch that is in no list. */
void batches_free(struct batches *batches, struct batch *batch);
