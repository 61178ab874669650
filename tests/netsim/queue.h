/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What is to be sent later: a heap of jobs, the earliest first; of equal times the one that was pushed first. */

#include "tests/netsim/packet.h"
#include "tests/netsim/rule.h"

/* One moment by two clocks: the monotonic one, and the one of the kernel's packet stamps. */
struct moment {
	int64_t monotonic_ns, realtime_ns;
};

/* The copies of one answer to one request. */
struct job {
	int64_t due_ns; /* monotonic */
	uint64_t serial;
	const struct rule *rule;
	struct answer *answer;
	uint64_t n_copy, n_copies; /* which one comes next, of how many */
	struct moment received;
	struct request request;
	uint8_t bytes[]; /* request.bytes */
};

struct queue {
	struct job **jobs;
	size_t n_jobs, n_room;
	uint64_t serial;
};

/* A job with its own copy of @request, and nothing else set; to be freed by free(). NULL: no memory. */
struct job *job_new(const struct request *request);

void queue_deinit(struct queue *queue);

/* Takes @job. -ENOMEM: it is still the caller's. */
int queue_push(struct queue *queue, struct job *job);

/* The earliest, which stays; NULL: there is none. */
static inline struct job *queue_first(const struct queue *queue) {
	return queue->n_jobs > 0 ? queue->jobs[0] : NULL;
}

/* Gives the earliest to the caller. There is one. */
struct job *queue_pop(struct queue *queue);
