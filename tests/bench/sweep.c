/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The library's one call, measured: sweep SOCKET INTERVAL_US [TIMES] < hosts
 *
 * Prints what floor.c prints, and the peak of resident memory of one's own without the caller's array of results. TIMES becomes a file
 * with a line "ADDRESS NANOSECONDS" for each reply. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "multiping.h"
#include "tests/bench/driver.h"

enum { TIMEOUT_US = 10000000 };

static int compare(const void *one, const void *other) {
	const int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;

	return (a > b) - (a < b);
}

/* The round-trip times of the replies, sorted, at the beginning of a new array. */
static int64_t *sorted_times(const struct multiping_result *results, size_t n_hosts,
			     size_t *ret_n_replies) {
	int64_t *times_ns = malloc((n_hosts + 1) * sizeof *times_ns);
	size_t n = 0;

	for (size_t i = 0; times_ns != NULL && i < n_hosts; i++) {
		if (results[i].outcome == MULTIPING_REPLY) {
			times_ns[n++] = results[i].rtt_ns;
		}
	}
	if (n == 0) {
		exit(1);
	}
	qsort(times_ns, n, sizeof *times_ns, compare);
	*ret_n_replies = n;
	return times_ns;
}

static void write_times(const char *path, const struct multiping_result *results, size_t n_hosts) {
	FILE *file = fopen(path, "we");

	for (size_t i = 0; file != NULL && i < n_hosts; i++) {
		if (results[i].outcome == MULTIPING_REPLY) {
			(void)fprintf(file, "%s %lld\n", results[i].address,
				      (long long)results[i].rtt_ns);
		}
	}
	if (file == NULL || fclose(file) != 0) {
		exit(1);
	}
}

int main(int argc, char **argv) {
	struct multiping_result *results;
	struct multiping_config config;
	char message[256];
	size_t n_hosts, n_replies;
	const char **hosts = driver_read_hosts(&n_hosts);
	double processor, wall;
	struct rusage usage;
	int64_t *times_ns;

	if (argc < 3) {
		(void)fputs("usage: sweep SOCKET INTERVAL_US [TIMES] < hosts\n", stderr);
		return 2;
	}
	multiping_config_init(&config);
	config.socket_path = argv[1];
	config.interval_us = strtoll(argv[2], NULL, 10);
	processor = driver_seconds(CLOCK_PROCESS_CPUTIME_ID);
	wall = driver_seconds(CLOCK_MONOTONIC);
	if (multiping_run(hosts, n_hosts, TIMEOUT_US, 0, &config, &results, message,
			  sizeof message) < 0) {
		(void)fprintf(stderr, "sweep: %s\n", message);
		return 1;
	}
	processor = driver_seconds(CLOCK_PROCESS_CPUTIME_ID) - processor;
	wall = driver_seconds(CLOCK_MONOTONIC) - wall;
	getrusage(RUSAGE_SELF, &usage);
	times_ns = sorted_times(results, n_hosts, &n_replies);
	if (argc > 3) {
		write_times(argv[3], results, n_hosts);
	}
	(void)printf(
		"{\"replies\": %zu, \"processor_s\": %.6f, \"wall_s\": %.6f, \"p50_us\": %.3f, "
		"\"p99_us\": %.3f, \"own_bytes\": %lld}\n",
		n_replies, processor, wall, (double)times_ns[n_replies / 2] / 1e3,
		(double)times_ns[n_replies * 99 / 100] / 1e3,
		usage.ru_maxrss * 1024LL - (long long)(n_hosts * sizeof *results));
	return 0;
}
