/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/netsim/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 1024 };

struct job *job_new(const struct request *request) {
	struct job *job = calloc(1, sizeof *job + request->n_bytes);

	if (job != NULL) {
		job->request = *request;
		job->request.bytes = job->bytes;
		memcpy(job->bytes, request->bytes, request->n_bytes);
	}
	return job;
}

void queue_deinit(struct queue *queue) {
	while (queue->n_jobs > 0) {
		free(queue->jobs[--queue->n_jobs]);
	}
	free(queue->jobs);
	queue->jobs = NULL;
}

static bool comes_before(const struct job *job, const struct job *other) {
	return job->due_ns != other->due_ns ? job->due_ns < other->due_ns
					    : job->serial < other->serial;
}

int queue_push(struct queue *queue, struct job *job) {
	size_t place = queue->n_jobs;

	if (queue->n_jobs == queue->n_room) {
		size_t n_room = queue->n_room ? queue->n_room * 2 : FIRST_ROOM;
		struct job **jobs = realloc(queue->jobs, n_room * sizeof(struct job *));

		if (jobs == NULL) {
			return -ENOMEM;
		}
		queue->jobs = jobs;
		queue->n_room = n_room;
	}
	job->serial = queue->serial++;
	queue->n_jobs++;
	while (place > 0 && comes_before(job, queue->jobs[(place - 1) / 2])) {
		queue->jobs[place] = queue->jobs[(place - 1) / 2];
		place = (place - 1) / 2;
	}
	queue->jobs[place] = job;
	return 0;
}

struct job *queue_pop(struct queue *queue) {
	struct job *first = queue->jobs[0], *last = queue->jobs[--queue->n_jobs];
	size_t place = 0;

	for (;;) {
		size_t child = 2 * place + 1;

		if (child + 1 < queue->n_jobs &&
		    comes_before(queue->jobs[child + 1], queue->jobs[child])) {
			child++;
		}
		if (child >= queue->n_jobs || !comes_before(queue->jobs[child], last)) {
			break;
		}
		queue->jobs[place] = queue->jobs[child];
		place = child;
	}
	queue->jobs[place] = last;
	return first;
}
