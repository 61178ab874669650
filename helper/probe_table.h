/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The probes in flight: fixed memory, found by identifier and sequence in one step.
 *
 * A *key* is 22 bits: 6 of the identifier (its place in the block of 64; with ping sockets 3) and 16 of the sequence. Keys are given out in ascending
 * order and go round; the slot is the key modulo the table's size. So the table is used like a ring: a slot that is free again
 * keeps what it knows, to recognise late and duplicate answers, until the ring comes round to it, oldest first. Slots still in use
 * are skipped. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "helper/siphash.h"

struct ping;

#define PROBE_NONE UINT32_MAX /* no slot */
enum {
	PROBE_TABLE_MAX = 1 << 21, /* each slot then has two keys */
	PROBE_KEYS_PER_IDENTIFIER = 1 << 16,
};

enum probe_state {
	PROBE_FREE = 0, /* may still be recognised: generation != 0 */
	PROBE_WAITING,  /* admitted, to be sent when its timer expires */
	PROBE_SENT,
	PROBE_FINISHED, /* has its outcome, which waits here until the client's socket took it */
};

enum probe_mark {
	PROBE_MARK_STAMPED = 1, /* stamp_ns holds the transmit stamp */
	/* An unverified ICMP error was seen: type, code, reporter, detail are its. */
	PROBE_MARK_ERROR = 2,
	PROBE_MARK_LATE = 4, /* events already told, one of each kind */
	PROBE_MARK_DUPLICATE = 8,
	PROBE_MARK_HELD_UP =
		16, /* waits for room in its destination's queue: counted by its owner */
	PROBE_MARK_WAITS_IN_TURN = 32, /* for a token of its destination, see destination_rates.c */
};

struct probe {                       /* 96 bytes, which the tests check */
	struct in6_addr destination; /* canonical; a reply's source must be equal */
	union {
		struct in6_addr reporter; /* of an ICMP error; denied: the rule's prefix */
		struct { /* while it waits in turn for a token of its destination */
			uint32_t entry, next_owner, next, previous;
		} wait;
	};
	int64_t sent_ns;  /* CLOCK_MONOTONIC just before the send; while waiting: when to give up */
	int64_t stamp_ns; /* kernel transmit stamp; waiting: when to try; replied: round-trip time */
	union {
		struct ping *ping; /* until free: what it belongs to */
		struct {           /* once free: whom to tell late answers */
			uint32_t session, id;
		} former;
	};
	uint32_t generation; /* counts the probes; in the secret */
	uint32_t key;
	uint32_t timer_next, timer_previous; /* wheel, while waiting or sent */
	uint32_t list_next, list_previous;   /* of its ping: open or finished */
	uint32_t queued_us;
	uint16_t index; /* place in the ping's targets */
	uint16_t
		detail; /* reply: size_bytes; send_error: errno; icmp_error: next-hop MTU; denied: the rule's origin and length */
	uint8_t state, outcome, flags,
		marks; /* enum probe_state, outcome_kind, outcome_flag, probe_mark */
	uint8_t hop_limit, icmp_type, icmp_code, family;
};

struct probe_table {
	struct probe *probes;
	uint64_t *in_use; /* a bit a slot */
	uint32_t n_slots; /* a power of two */
	uint32_t n_keys;  /* the same */
	uint32_t n_in_use;
	uint32_t next_key;
	uint32_t generation;
	int64_t identifier_since_ns;
	struct siphash_key secret_key;
};

/* At least @n_probes slots; no more than the keys that @n_identifiers (a power of two, 64 at most) make. -ENOMEM, -errno of getrandom. */
int probe_table_init(struct probe_table *ret_table, uint32_t n_probes, uint32_t n_identifiers);
void probe_table_deinit(struct probe_table *table);

/* Takes the next free slot and gives it a new key and generation; all else in it is zero. PROBE_NONE where all are in use. The
 * identifier changes after 30 s or 65,536 keys: NAT sessions stick to one that stays. */
uint32_t probe_table_take(struct probe_table *table, int64_t now_ns);

/* The slot is free for the ring to come round to; what it knows stays. */
void probe_table_release(struct probe_table *table, uint32_t slot);

/* The slot whose last probe had this key, in use or not; PROBE_NONE. */
uint32_t probe_table_find(const struct probe_table *table, uint32_t key);

/* What proves that an answer is to this probe: nobody who did not see the packet can guess it. */
uint64_t probe_secret(const struct probe_table *table, const struct probe *probe);
