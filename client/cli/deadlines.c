/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/deadlines.h"

#include <errno.h>
#include <stdlib.h>

void deadlines_deinit(struct deadlines *deadlines) {
	free(deadlines->heap);
	*deadlines = (struct deadlines){0};
}

/* Puts @deadline at @place or above, moving later ones down. */
static void sift_up(struct deadlines *deadlines, size_t place, struct deadline deadline) {
	struct deadline *heap = deadlines->heap;

	for (; place > 0 && heap[(place - 1) / 2].at_ns > deadline.at_ns; place = (place - 1) / 2) {
		heap[place] = heap[(place - 1) / 2];
	}
	heap[place] = deadline;
}

/* Puts @deadline at @place or below, moving earlier ones up. */
static void sift_down(struct deadlines *deadlines, size_t place, struct deadline deadline) {
	struct deadline *heap = deadlines->heap;

	for (size_t child = 2 * place + 1; child < deadlines->n; child = 2 * place + 1) {
		child += child + 1 < deadlines->n && heap[child + 1].at_ns < heap[child].at_ns;
		if (heap[child].at_ns >= deadline.at_ns) {
			break;
		}
		heap[place] = heap[child];
		place = child;
	}
	heap[place] = deadline;
}

int deadlines_push(struct deadlines *deadlines, const struct deadline *deadline) {
	if (deadlines->n == deadlines->n_allocated) {
		size_t n_allocated = 2 * deadlines->n_allocated + 16;
		struct deadline *heap = reallocarray(deadlines->heap, n_allocated, sizeof(*heap));

		if (!heap) {
			return -ENOMEM;
		}
		deadlines->heap = heap;
		deadlines->n_allocated = n_allocated;
	}
	sift_up(deadlines, deadlines->n++, *deadline);
	return 0;
}

static struct deadline take(struct deadlines *deadlines, size_t place) {
	struct deadline taken = deadlines->heap[place];
	struct deadline last = deadlines->heap[--deadlines->n];

	if (place == deadlines->n) {
		return taken;
	}
	if (last.at_ns < taken.at_ns) {
		sift_up(deadlines, place, last);
	} else {
		sift_down(deadlines, place, last);
	}
	return taken;
}

bool deadlines_pop(struct deadlines *deadlines, int64_t now_ns, struct deadline *ret_deadline) {
	if (deadlines_next_ns(deadlines) > now_ns) {
		return false;
	}
	*ret_deadline = take(deadlines, 0);
	return true;
}

bool deadlines_remove(struct deadlines *deadlines, uint64_t probe, struct deadline *ret_deadline) {
	for (size_t place = 0; place < deadlines->n; place++) {
		if (deadlines->heap[place].probe == probe) {
			*ret_deadline = take(deadlines, place);
			return true;
		}
	}
	return false;
}
