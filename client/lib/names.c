/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Names go to the resolver in the order of adding, and few at a time. When an answer comes, what
 * was asked of its target meanwhile goes ahead, or ends as MULTIPING_NAME_ERROR. */

#include <errno.h>
#include <netdb.h>
#include <sys/epoll.h>

#include "client/lib/names.h"
#include "client/lib/probe.h"

static int names_tell(struct multiping *multiping, size_t number, const struct target *target) {
	struct record record = {.rtt_ns = -1};

	if (target->removed) {
		return 0;
	}
	return object_push_event(multiping, MULTIPING_EVENT_NAME, number,
				 target->name_state == NAME_FAILED ? &target->last : &record);
}

static int names_release_wanted(struct multiping *multiping, size_t number, struct target *target) {
	int r = 0;

	if (!target->wanted || target->removed) {
		return 0;
	}
	if (target->name_state == NAME_KNOWN) {
		r = probe_ask_round(multiping, number, target);
	}
	target->wanted = false;
	--multiping->round.n_wanted;
	if (!target_is_undecided(target)) {
		--multiping->round.n_undecided;
	}
	return r;
}

/* In the order in which they were asked for. */
int names_release_waiting(struct multiping *multiping, struct target *target) {
	struct batch *oldest_first = NULL;
	int r = 0;

	while (target->waiting) {
		struct batch *batch = target->waiting;

		target->waiting = batch->next;
		batch->next = oldest_first;
		oldest_first = batch;
	}
	while (oldest_first) {
		struct batch *batch = oldest_first;

		oldest_first = batch->next;
		if (target->name_state == NAME_KNOWN) {
			batches_queue_waiting(&multiping->batches, batch, target);
			continue;
		}
		r = r < 0 ? r
			  : probe_decide_all(multiping, batch, MULTIPING_NAME_ERROR,
					     target->last.error);
		batches_free(&multiping->batches, batch);
	}
	return r;
}

static int names_take(struct multiping *multiping, const struct resolver_answer *answer) {
	struct target *target = targets_at(&multiping->targets, answer->target);
	int r;

	if (answer->error == 0) {
		target->name_state = NAME_KNOWN;
		target->ip = answer->address.ip;
		target->scope = answer->address.scope;
		target->scope_is_name = answer->address.scope_is_name;
	} else {
		target->name_state = NAME_FAILED;
		target->last.outcome = MULTIPING_NAME_ERROR;
		target->last.error = answer->error;
		words_set(&multiping->words, "%s: %s", target->name, gai_strerror(answer->error));
	}
	r = names_tell(multiping, answer->target, target);
	if (r < 0) {
		return r;
	}
	r = names_release_wanted(multiping, answer->target, target);
	return r < 0 ? r : names_release_waiting(multiping, target);
}

static int names_start_resolver(struct multiping *multiping) {
	struct epoll_event interest = {.events = EPOLLIN};
	int r;

	if (multiping->resolver) {
		return 0;
	}
	r = resolver_new(multiping->options.lookup_family, &multiping->resolver);
	if (r < 0) {
		return r;
	}
	interest.data.fd = resolver_fd(multiping->resolver);
	if (epoll_ctl(multiping->epoll_fd, EPOLL_CTL_ADD, interest.data.fd, &interest) < 0) {
		r = -errno;
		multiping->resolver = resolver_free(multiping->resolver);
	}
	return r;
}

/* Passes the next target's name on, where that has to be looked up. 1: there is no room now. */
static int names_ask(struct multiping *multiping, size_t number, struct target *target) {
	int r;

	if (target->name_state == NAME_FAILED) { /* at multiping_add(), and not told yet */
		return names_tell(multiping, number, target);
	}
	if (target->name_state != NAME_UNASKED || target->removed) {
		return 0;
	}
	r = names_start_resolver(multiping);
	if (r < 0) {
		words_set(&multiping->words, "name lookup: %s", words_of_error(-r));
		return r;
	}
	if (!resolver_has_room(multiping->resolver)) {
		return 1;
	}
	r = resolver_ask(multiping->resolver, number, target->name);
	if (r < 0) {
		words_set(&multiping->words, "name lookup: %s", words_of_error(-r));
		return r;
	}
	target->name_state = NAME_ASKED;
	return 0;
}

int names_dispatch(struct multiping *multiping) {
	struct targets *targets = &multiping->targets;
	struct resolver_answer answer;
	int r;

	while (multiping->resolver && resolver_fetch(multiping->resolver, &answer)) {
		r = names_take(multiping, &answer);
		if (r < 0) {
			return r;
		}
	}
	for (; multiping->next_name < targets->n; ++multiping->next_name) {
		r = names_ask(multiping, multiping->next_name,
			      targets_at(targets, multiping->next_name));
		if (r != 0) {
			return r < 0 ? r : 0; /* an answer will make room */
		}
	}
	return 0;
}

void names_lose(struct multiping *multiping, int error) {
	struct targets *targets = &multiping->targets;

	for (size_t i = 0; i < targets->n && multiping->round.n_wanted > 0; ++i) {
		struct target *target = targets_find(targets, i);

		if (target && target->wanted) {
			target->wanted = false;
			target->last = (struct record){
				.outcome = MULTIPING_HELPER_LOST, .error = error, .rtt_ns = -1};
			--multiping->round.n_wanted;
			multiping->round.n_undecided -= !target_is_undecided(target);
		}
	}
}
