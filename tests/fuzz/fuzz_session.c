/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A client and a hostile helper. The input is a program: what the client's user does, what the helper says, how time passes. Whatever
 * it is, what the client writes is the protocol, its counters agree with what they count, and each probe ends exactly once, at the
 * latest when the helper is gone for good.
 *
 * The linker puts the clock, the timer and the random numbers of this file in the place of the system's. */

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

#include "client/lib/clock.h"
#include "client/lib/probe.h"
#include "client/lib/session.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hostile_helper.h"

enum {
	MAX_TARGETS = 64,
	MAX_PROBES = 512,
	MAX_STEPS = 400,
	MAX_LAST_TURNS = 100,
	N_DEEDS = 14,
};

#define TURN_NS (10 * CLOCK_NS_PER_S)

static int64_t now_ns;

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_time) {
	int64_t unix_ns = clock == CLOCK_REALTIME ? 1700000000 * CLOCK_NS_PER_S : 0;

	ret_time->tv_sec = (unix_ns + now_ns) / CLOCK_NS_PER_S;
	ret_time->tv_nsec = now_ns % CLOCK_NS_PER_S;
	return 0;
}

/* Never goes off: the program dispatches at every step. */
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *new_value,
			   struct itimerspec *ret_old_value);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *new_value,
			   struct itimerspec *ret_old_value) {
	return 0;
}

ssize_t __wrap_getrandom(void *ret_bytes, size_t n_bytes, unsigned flags);
ssize_t __wrap_getrandom(void *ret_bytes, size_t n_bytes, unsigned flags) {
	memset(ret_bytes, (int)flags, n_bytes);
	return (ssize_t)n_bytes;
}

struct asked { /* by multiping_ping() */
	uint64_t probe;
	size_t target;
	bool ended;
};

struct world {
	struct multiping *multiping;
	struct hostile_helper helper;
	struct stats_query query;
	bool removed[MAX_TARGETS]; /* context of target n: removed + n */
	size_t n_targets, n_probes;
	struct asked probes[MAX_PROBES];
};

/* --- what must hold --- */

static void check_targets(const struct world *world) {
	const struct round *round = &world->multiping->round;
	size_t n_replied = 0, n_undecided = 0, n_wanted = 0, n_unsent = 0;

	for (size_t i = 0; i < world->n_targets; i++) {
		const struct target *target = targets_at(&world->multiping->targets, i);

		if (!target->removed) {
			FUZZ_CHECK(target->n_on_way <= target->n_open);
			n_replied += target->replied;
			n_undecided += target_is_undecided(target);
			n_wanted += target->wanted;
			n_unsent += (size_t)(target->n_open - target->n_on_way);
		}
	}
	FUZZ_CHECK(round->n_replied == n_replied && round->n_undecided == n_undecided);
	FUZZ_CHECK(round->n_wanted == n_wanted && round->n_unsent == n_unsent);
}

static void check_batches(const struct batches *batches) {
	for (uint64_t number = batches->by_number.first; number < batches->by_number.end;
	     number++) {
		const struct batch *batch = window_get(&batches->by_number, number);
		uint32_t n_undecided = 0;

		for (uint32_t i = 0; batch != NULL && i < batch->n_entries; i++) {
			n_undecided += !(batch->entries[i] & ENTRY_DECIDED);
		}
		FUZZ_CHECK(batch == NULL || batch->n_undecided == n_undecided);
		FUZZ_CHECK(batch == NULL || batch->wire_id == 0 ||
			   window_get(&batches->by_wire, batch->wire_id) == batch);
	}
}

static struct asked *find_probe(struct world *world, uint64_t probe) {
	for (size_t i = 0; i < world->n_probes; i++) {
		if (world->probes[i].probe == probe) {
			return &world->probes[i];
		}
	}
	return NULL;
}

static void check_event(struct world *world, const struct multiping_event *event) {
	const struct multiping_result *result = &event->result;
	struct asked *asked;

	if (event->type == MULTIPING_EVENT_HELPER_UP ||
	    event->type == MULTIPING_EVENT_HELPER_DOWN || event->type == MULTIPING_EVENT_NAME) {
		return;
	}

	asked = find_probe(world, result->probe);
	FUZZ_CHECK(asked != NULL && asked->target == result->target);
	FUZZ_CHECK(event->context == world->removed + asked->target);
	FUZZ_CHECK(!world->removed[asked->target]);
	FUZZ_CHECK(memchr(result->address, 0, sizeof result->address) != NULL);
	FUZZ_CHECK(memchr(result->reporter, 0, sizeof result->reporter) != NULL);
	if (event->type == MULTIPING_EVENT_OUTCOME) {
		FUZZ_CHECK(!asked->ended);
		FUZZ_CHECK(result->outcome >= MULTIPING_REPLY);
		asked->ended = true;
	}
}

static void drain(struct world *world) {
	struct multiping_event event;

	while (multiping_next_event(world->multiping, &event) == 1) {
		check_event(world, &event);
	}
}

static void check_results(const struct world *world) {
	struct multiping_result result;

	for (size_t i = 0; i < world->n_targets; i++) {
		int r = multiping_get(world->multiping, i, &result);

		FUZZ_CHECK(r == (world->removed[i] ? -ENOENT : 0));
		FUZZ_CHECK(r != 0 || result.target == i);
	}
	FUZZ_CHECK(strlen(multiping_message(world->multiping)) < sizeof world->multiping->words);
}

/* --- the user --- */

static void add_target(struct world *world, struct input *input) {
	static const char *const names[] = {"127.0.0.1",  "::1",       "192.0.2.1", "2001:db8::1",
					    "fe80::1%lo", "fe80::1%1", "ff02::1%2", "0.0.0.0"};
	void *context = world->removed + world->n_targets;
	size_t number;

	if (world->n_targets < MAX_TARGETS) {
		FUZZ_CHECK(multiping_add(world->multiping, names[input_take8(input) % 8], context,
					 &number) == 0);
		FUZZ_CHECK(number == world->n_targets++);
	}
}

static void ping(struct world *world, struct input *input) {
	struct asked asked = {.target = input_take8(input)};
	uint8_t timeout = input_take8(input);
	int r;

	if (world->n_probes == MAX_PROBES) {
		return;
	}
	r = multiping_ping(world->multiping, asked.target, 1000 * (int64_t)timeout, &asked.probe);
	if (asked.target >= world->n_targets || world->removed[asked.target]) {
		FUZZ_CHECK(r == -ENOENT);
		return;
	}
	FUZZ_CHECK(r == 0 && find_probe(world, asked.probe) == NULL);
	world->probes[world->n_probes++] = asked;
}

static void cancel(struct world *world, struct input *input) {
	uint8_t which = input_take8(input);
	int r;

	if (which < world->n_probes) {
		r = multiping_cancel(world->multiping, world->probes[which].probe);
		FUZZ_CHECK(r == 0 || r == -ENOENT);
	}
}

static void remove_target(struct world *world, struct input *input) {
	uint8_t number = input_take8(input);
	bool is_there = number < world->n_targets && !world->removed[number];

	FUZZ_CHECK(multiping_remove(world->multiping, number) == (is_there ? 0 : -ENOENT));
	if (is_there) {
		world->removed[number] = true;
	}
}

/* As multiping_stats(), which would wait for the answer. */
static void ask_stats(struct world *world, struct input *input) {
	world->query = (struct stats_query){.scope = (enum stats_scope)(input_take8(input) % 3)};
	world->multiping->session.query = &world->query;
}

static void shrink_socket(const struct world *world) {
	const int n_bytes = 1; /* the kernel makes it the least it can be */

	if (world->multiping->connection.fd >= 0) {
		(void)setsockopt(world->multiping->connection.fd, SOL_SOCKET, SO_SNDBUF, &n_bytes,
				 sizeof n_bytes);
	}
}

/* --- the program --- */

static void dispatch(struct world *world) {
	struct multiping *multiping = world->multiping;
	int r = multiping_dispatch(multiping);

	if (r < 0 || world->query.is_over) {
		multiping->session.query = NULL; /* nobody waits any more */
	}
	check_targets(world);
	check_batches(&multiping->batches);
}

static void step(struct world *world, struct input *input) {
	struct multiping *multiping = world->multiping;

	switch (input_take8(input) % N_DEEDS) {
	case 0:
		add_target(world, input);
		break;
	case 1:
		ping(world, input);
		break;
	case 2:
		(void)multiping_send(multiping);
		break;
	case 3:
		FUZZ_CHECK(multiping_reset(multiping) == 0);
		break;
	case 4:
		cancel(world, input);
		break;
	case 5:
		remove_target(world, input);
		break;
	case 6:
		ask_stats(world, input);
		break;
	case 7:
		shrink_socket(world);
		break;
	case 8:
		now_ns += (int64_t)input_take8(input) * CLOCK_NS_PER_S / 16;
		break;
	case 9:
		drain(world);
		break;
	case 10:
		hostile_helper_accept(&world->helper);
		break;
	case 11:
		hostile_helper_hang_up(&world->helper);
		break;
	case 12:
		hostile_helper_read(&world->helper);
		break;
	default:
		hostile_helper_speak(&world->helper, input);
		break;
	}
	dispatch(world);
}

/* Helpers come no more: what has no outcome gets one. */
static void finish(struct world *world) {
	struct multiping *multiping = world->multiping;

	hostile_helper_read(&world->helper);
	for (int i = 0; i < MAX_LAST_TURNS &&
			(i == 0 || multiping->connection.state != CONNECTION_CLOSED ||
			 multiping->batches.queue_first != NULL || multiping->events.n > 0);
	     i++) {
		hostile_helper_hang_up(&world->helper);
		now_ns += TURN_NS;
		dispatch(world);
		drain(world);
	}
	check_results(world);
	FUZZ_CHECK(multiping->connection.state == CONNECTION_CLOSED);
	FUZZ_CHECK(multiping->round.n_undecided == 0 && multiping->round.n_unsent == 0);
	for (size_t i = 0; i < world->n_probes; i++) {
		FUZZ_CHECK(world->probes[i].ended || world->removed[world->probes[i].target]);
	}
}

static void start(struct world *world, struct input *input) {
	static struct hostile_helper helper;
	static char path[32];
	struct multiping_config config;
	uint8_t flags = input_take8(input);

	if (path[0] == 0) {
		hostile_helper_listen(&helper, path);
	}
	*world = (struct world){.helper = helper};
	now_ns = CLOCK_NS_PER_S;
	multiping_config_init(&config);
	config.socket_path = path;
	config.helper_wait_us = flags & 1 ? 10000000 : 0;
	config.ttl = flags & 2 ? 9 : 0;
	config.interface = flags & 4 ? "lo" : NULL;
	config.size_bytes = flags & 8 ? 200 : 56;
	FUZZ_CHECK(multiping_new(&config, &world->multiping) == 0);
	world->multiping->round.max_asked = flags & 16 ? 3 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
	static struct world world;
	struct input input = {bytes, n_bytes};

	start(&world, &input);
	for (int i = 0; i < MAX_STEPS && input.n_bytes > 0; i++) {
		step(&world, &input);
	}
	finish(&world);
	hostile_helper_hang_up(&world.helper);
	multiping_free(world.multiping);
	return 0;
}
