/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A monitoring program: each host once a second, evenly spread over the second: steady SOCKET SECONDS [-a] [-t TIMES] < hosts
 *
 * It has a loop of its own (level 3 of the library), which wakes up every TICK_NS and asks for what is due until the middle of the next
 * tick. The k-th ping of host i is due at start + k s + i / n_hosts s. The schedule's error is how far from that the ping was sent, as
 * the library tells; start_unix_ns is printed, so that a packet capture can say it too. With -a it asks nobody: the error is then that of
 * its waking up. -t: the file TIMES gets a line "ADDRESS NANOSECONDS" for each reply.
 *
 * Prints one JSON object: pings, replies, time-outs that the library calls a maybe local loss, processor and wall seconds, the error's
 * percentiles in microseconds. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "multiping.h"
#include "tests/bench/driver.h"

#define NS_PER_S INT64_C(1000000000)

enum {
	TICK_NS = 500000,
	LEAD_NS = 50000000, /* for the first request to reach a helper */
	TIMEOUT_US = 900000,
	MAX_ERROR_US = 10000000,
};

struct steady {
	struct multiping *multiping;
	bool is_alone;
	FILE *times; /* or NULL */
	size_t n_hosts;
	uint64_t n_pings, n_asked, n_ended, n_replies, n_maybe_local;
	int64_t start_ns, start_unix_ns;
	uint64_t *n_rounds; /* of each host, that have ended */
	uint32_t n_by_error_us[MAX_ERROR_US + 1];
};

/* When the ping @number of all is due, after the start. */
static int64_t due_ns(const struct steady *steady, uint64_t number) {
	return (int64_t)(number / steady->n_hosts) * NS_PER_S +
	       (int64_t)(number % steady->n_hosts) * NS_PER_S / (int64_t)steady->n_hosts;
}

static void fail(const struct steady *steady) {
	(void)fprintf(stderr, "steady: %s\n", multiping_message(steady->multiping));
	exit(1);
}

/* The next ping of @host that ends: they end in the order in which they were asked for, since their time-out is shorter than the time
 * between them. One that was not sent is as far off as can be. */
static void count_error(struct steady *steady, size_t host, int64_t sent_unix_ns) {
	const uint64_t number = steady->n_rounds[host]++ * steady->n_hosts + host;
	int64_t error_us =
		llabs(sent_unix_ns - steady->start_unix_ns - due_ns(steady, number)) / 1000;

	error_us = sent_unix_ns == 0 || error_us > MAX_ERROR_US ? MAX_ERROR_US : error_us;
	steady->n_by_error_us[error_us]++;
	steady->n_ended++;
}

static void ask(struct steady *steady, size_t host) {
	if (steady->is_alone) {
		count_error(steady, host, driver_now_ns(CLOCK_REALTIME));
	} else if (multiping_ping(steady->multiping, host, TIMEOUT_US, NULL) < 0) {
		fail(steady);
	}
}

static void ask_until(struct steady *steady, int64_t after_start_ns) {
	while (steady->n_asked < steady->n_pings &&
	       due_ns(steady, steady->n_asked) <= after_start_ns) {
		ask(steady, steady->n_asked++ % steady->n_hosts);
	}
}

static void take_events(struct steady *steady) {
	struct multiping_event event;

	while (multiping_next_event(steady->multiping, &event)) {
		if (event.type != MULTIPING_EVENT_OUTCOME) {
			continue;
		}
		if (event.result.outcome == MULTIPING_REPLY) {
			steady->n_replies++;
			if (steady->times != NULL) {
				(void)fprintf(steady->times, "%s %" PRId64 "\n",
					      event.result.address, event.result.rtt_ns);
			}
		}
		steady->n_maybe_local += event.result.outcome == MULTIPING_TIMEOUT &&
					 (event.result.flags & MULTIPING_MAYBE_LOCAL_LOSS) != 0;
		count_error(steady, event.result.target, event.result.sent_unix_ns);
	}
}

static void run(struct steady *steady) {
	struct pollfd readable = {.fd = multiping_fd(steady->multiping), .events = POLLIN};

	for (int64_t tick_ns = 0; steady->n_ended < steady->n_pings;) {
		int64_t now_ns = driver_now_ns(CLOCK_MONOTONIC) - steady->start_ns;
		struct timespec wait;

		if (now_ns >= tick_ns) {
			tick_ns = (now_ns / TICK_NS + 1) * TICK_NS;
			ask_until(steady, tick_ns - TICK_NS / 2);
		}
		if (multiping_dispatch(steady->multiping) < 0) {
			fail(steady);
		}
		take_events(steady);
		now_ns = driver_now_ns(CLOCK_MONOTONIC) - steady->start_ns;
		wait.tv_nsec = tick_ns > now_ns ? tick_ns - now_ns : 0;
		wait.tv_sec = wait.tv_nsec / NS_PER_S;
		wait.tv_nsec %= NS_PER_S;
		(void)ppoll(&readable, 1, &wait, NULL);
	}
}

/* The error that @share of the pings have at most. */
static uint32_t error_us(const struct steady *steady, double share) {
	uint64_t n = 0;

	for (uint32_t us = 0; us <= MAX_ERROR_US; us++) {
		n += steady->n_by_error_us[us];
		if ((double)n >= share * (double)steady->n_ended) {
			return us;
		}
	}
	return MAX_ERROR_US;
}

/* Takes what stands in the arguments besides the socket's path, which is then at argv[optind]. */
static int parse(struct steady *steady, int argc, char **argv) {
	for (int option; (option = getopt(argc, argv, "at:")) != -1;) {
		if (option == 'a') {
			steady->is_alone = true;
		} else if (option != 't' || (steady->times = fopen(optarg, "we")) == NULL) {
			return -EINVAL;
		}
	}
	steady->n_pings =
		optind == argc - 2 ? steady->n_hosts * strtoull(argv[optind + 1], NULL, 10) : 0;
	return steady->n_pings == 0 ? -EINVAL : 0;
}

static int add_hosts(struct steady *steady, const char *socket_path, const char **hosts) {
	struct multiping_config config;
	int r;

	multiping_config_init(&config);
	config.socket_path = socket_path;
	steady->n_rounds = calloc(steady->n_hosts, sizeof *steady->n_rounds);
	r = steady->n_rounds == NULL ? -ENOMEM : multiping_new(&config, &steady->multiping);
	for (size_t i = 0; r >= 0 && i < steady->n_hosts; i++) {
		r = multiping_add(steady->multiping, hosts[i], NULL, NULL);
	}
	return r;
}

int main(int argc, char **argv) {
	static struct steady steady;
	const char **hosts = driver_read_hosts(&steady.n_hosts);
	double processor, wall;

	if (parse(&steady, argc, argv) < 0) {
		(void)fputs("usage: steady SOCKET SECONDS [-a] [-t TIMES] < hosts\n", stderr);
		return 2;
	}
	if (add_hosts(&steady, argv[optind], hosts) < 0) {
		return 1;
	}
	processor = driver_seconds(CLOCK_PROCESS_CPUTIME_ID);
	wall = driver_seconds(CLOCK_MONOTONIC);
	steady.start_ns = driver_now_ns(CLOCK_MONOTONIC) + LEAD_NS;
	steady.start_unix_ns = driver_now_ns(CLOCK_REALTIME) + LEAD_NS;
	run(&steady);
	processor = driver_seconds(CLOCK_PROCESS_CPUTIME_ID) - processor;
	wall = driver_seconds(CLOCK_MONOTONIC) - wall;
	(void)printf("{\"pings\": %" PRIu64 ", \"replies\": %" PRIu64 ", \"maybe_local\": %" PRIu64
		     ", \"processor_s\": %.6f, "
		     "\"wall_s\": %.6f, \"start_unix_ns\": %" PRId64
		     ", \"p50_us\": %u, \"p99_us\": %u, \"most_us\": %u}\n",
		     steady.n_pings, steady.n_replies, steady.n_maybe_local, processor, wall,
		     steady.start_unix_ns, error_us(&steady, 0.5), error_us(&steady, 0.99),
		     error_us(&steady, 1));
	(void)multiping_free(steady.multiping);
	return steady.times != NULL && fclose(steady.times) != 0;
}
