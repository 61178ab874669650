/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The object, and level 3. Nothing here talks to the helper: probes are put down, and
 * session_dispatch() does the rest. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "client/lib/cleanup.h"
#include "client/lib/names.h"
#include "client/lib/probe.h"
#include "client/lib/session.h"

void object_deinit(struct multiping *multiping) {
	connection_deinit(&multiping->connection);
	batches_deinit(&multiping->batches);
	events_deinit(&multiping->events);
	multiping->resolver = resolver_free(multiping->resolver);
	cleanup_fd(&multiping->timer_fd);
	cleanup_fd(&multiping->epoll_fd);
	multiping->timer_fd = multiping->epoll_fd = -1;
}

struct multiping *multiping_free(struct multiping *multiping) {
	if (multiping) {
		object_deinit(multiping);
		targets_deinit(&multiping->targets);
		free(multiping);
	}
	return NULL;
}

static void multiping_cleanup(struct multiping **multiping) {
	multiping_free(*multiping);
}

static int object_open_descriptors(struct multiping *multiping) {
	struct epoll_event interest = {.events = EPOLLIN};

	multiping->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	multiping->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (multiping->epoll_fd < 0 || multiping->timer_fd < 0) {
		return -errno;
	}
	interest.data.fd = multiping->timer_fd;
	if (epoll_ctl(multiping->epoll_fd, EPOLL_CTL_ADD, multiping->timer_fd, &interest) < 0) {
		return -errno;
	}
	return 0;
}

int multiping_new(const struct multiping_config *config, struct multiping **ret_multiping) {
	CLEANUP(multiping_cleanup) struct multiping *multiping = NULL;
	struct multiping_config read;
	struct options options;
	int r;

	r = options_read(config, &read);
	if (r == 0) {
		r = options_parse(&read, &options);
	}
	if (r < 0) {
		return r;
	}
	multiping = calloc(1, sizeof *multiping);
	if (!multiping) {
		return -ENOMEM;
	}
	multiping->options = options;
	multiping->armed_ns = INT64_MAX;
	multiping->connection.fd = -1;
	batches_init(&multiping->batches);
	multiping->round.previous_send = multiping->round.send_before =
		multiping->batches.by_number.end;
	r = object_open_descriptors(multiping);
	if (r == 0) {
		r = connection_init(&multiping->connection, multiping->epoll_fd, read.socket_path,
				    read.helper_wait_us, &multiping->words);
	}
	if (r < 0) {
		return r;
	}
	*ret_multiping = multiping;
	multiping = NULL;
	return 0;
}

int multiping_add(struct multiping *multiping, const char *host, void *context,
		  size_t *ret_target) {
	size_t number;
	int r;

	if (!host) {
		return -EINVAL;
	}
	r = targets_add(&multiping->targets, host, multiping->options.family, context, &number);
	if (r < 0) {
		return r;
	}
	if (targets_at(&multiping->targets, number)->name_state != NAME_KNOWN) {
		session_wake(multiping);
	}
	if (ret_target) {
		*ret_target = number;
	}
	return 0;
}

int multiping_remove(struct multiping *multiping, size_t number) {
	struct target *target = targets_find(&multiping->targets, number);
	struct round *round = &multiping->round;

	if (!target) {
		return -ENOENT;
	}
	round->n_replied -= target->replied;
	round->n_undecided -= target_is_undecided(target);
	round->n_wanted -= target->wanted;
	round->n_unsent -= (size_t)(target->n_open - target->n_on_way);
	while (target->waiting) {
		struct batch *batch = target->waiting;

		target->waiting = batch->next;
		batches_free(&multiping->batches, batch);
	}
	target_forget(target);
	target->removed = true;
	++multiping->targets.n_removed;
	return 0;
}

int multiping_get(const struct multiping *multiping, size_t number,
		  struct multiping_result *ret_result) {
	const struct target *target = targets_find(&multiping->targets, number);
	struct record record;

	if (!target) {
		return -ENOENT;
	}
	record = target->last;
	if (target_is_undecided(target)) {
		record = (struct record){
			.outcome = target->n_on_way > 0 ? MULTIPING_SENT : MULTIPING_PENDING,
			.rtt_ns = -1,
		};
	}
	target_fill_result(target, number, &record, ret_result);
	return 0;
}

size_t multiping_n_targets(const struct multiping *multiping) {
	return multiping->targets.n;
}

const char *multiping_message(const struct multiping *multiping) {
	return multiping->words.text;
}

int multiping_fd(const struct multiping *multiping) {
	return multiping->epoll_fd;
}

int multiping_dispatch(struct multiping *multiping) {
	multiping->has_events = true;
	return session_dispatch(multiping, SESSION_MAX_EVENTS);
}

int object_push_event(struct multiping *multiping, enum multiping_event_type type, size_t target,
		      const struct record *record) {
	const struct event event = {.type = type, .target = (uint32_t)target, .record = *record};

	return multiping->has_events ? events_push(&multiping->events, &event) : 0;
}

int multiping_next_event(struct multiping *multiping, struct multiping_event *ret_event) {
	const struct target *target;
	struct event event;

	multiping->has_events = true;
	do {
		if (!events_pop(&multiping->events, &event)) {
			return 0;
		}
		ret_event->type = (enum multiping_event_type)event.type;
		if (event.target == UINT32_MAX) {
			ret_event->context = NULL;
			ret_event->result = (struct multiping_result){.rtt_ns = event.record.rtt_ns,
								      .error = event.record.error};
			return 1;
		}
		target = targets_find(&multiping->targets, event.target);
	} while (!target); /* removed since */
	ret_event->context = target->context;
	target_fill_result(target, event.target, &event.record, &ret_event->result);
	return 1;
}

int multiping_ping(struct multiping *multiping, size_t number, int64_t timeout_us,
		   uint64_t *ret_probe) {
	struct target *target = targets_find(&multiping->targets, number);
	struct batch_key key = {.is_event = true, .timeout_us = multiping->options.ping.timeout_us};
	int r;

	if (!target) {
		return -ENOENT;
	}
	if (timeout_us != 0) {
		if (timeout_us < PROTOCOL_MIN_TIMEOUT_US || timeout_us > PROTOCOL_MAX_TIMEOUT_US) {
			return -EINVAL;
		}
		key.timeout_us = (uint32_t)timeout_us;
	}
	multiping->has_events = true;
	session_wake(multiping);
	if (target->name_state == NAME_KNOWN) {
		key.scope = target->scope;
		key.scope_is_name = target->scope_is_name;
		return batches_add(&multiping->batches, &key, number, target, ret_probe);
	}
	r = batches_add_waiting(&multiping->batches, &key, number, target, ret_probe);
	if (r == 0 && target->name_state == NAME_FAILED) {
		r = names_release_waiting(multiping, target);
	}
	return r;
}

int multiping_cancel(struct multiping *multiping, uint64_t probe) {
	const struct record record = {.outcome = MULTIPING_CANCELLED, .rtt_ns = -1};
	uint32_t place;
	struct batch *batch = batches_find(&multiping->batches, probe, &place);

	if (!batch || !batch->key.is_event) {
		return -ENOENT;
	}
	if (batch->entries[place] & ENTRY_DECIDED) {
		return 0;
	}
	session_wake(multiping);
	return batch->wire_id != 0 ? batches_cancel(&multiping->batches, batch, place)
				   : probe_decide(multiping, batch, place, record);
}
