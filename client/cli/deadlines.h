/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Probes that ended without a reply before their time: they count as lost only when it is over, as in fping. An ICMP error
 * ends a probe early; so does the protocol's greatest time-out where -t asks for more. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deadline {
	int64_t at_ns;
	uint64_t probe;
	size_t target;
};

struct deadlines {
	struct deadline *heap; /* the earliest first */
	size_t n, n_allocated;
};

void deadlines_deinit(struct deadlines *deadlines);

/* -ENOMEM */
int deadlines_push(struct deadlines *deadlines, const struct deadline *deadline);

/* Takes the earliest if it is not after @now_ns. */
bool deadlines_pop(struct deadlines *deadlines, int64_t now_ns, struct deadline *ret_deadline);

/* Takes that of one probe; false: it waits for none. Slow: for the reply that comes after an ICMP error. */
bool deadlines_remove(struct deadlines *deadlines, uint64_t probe, struct deadline *ret_deadline);

/* When the earliest is; INT64_MAX: there is none. */
static inline int64_t deadlines_next_ns(const struct deadlines *deadlines) {
	return deadlines->n > 0 ? deadlines->heap[0].at_ns : INT64_MAX;
}
