/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double driver_seconds(clockid_t clock) {
	return (double)driver_now_ns(clock) / 1e9;
}

int64_t driver_now_ns(clockid_t clock) {
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

const char **driver_read_hosts(size_t *ret_n_hosts) {
	const char **hosts = NULL;
	char *line = NULL;
	size_t n_hosts = 0, room = 0, n_bytes = 0;

	for (ssize_t n; (n = getline(&line, &n_bytes, stdin)) > 0;) {
		line[n - 1] = 0;
		if (n_hosts == room) {
			room = room == 0 ? 1024 : room * 2;
			hosts = realloc(hosts, room * sizeof *hosts);
		}
		if (hosts == NULL || (hosts[n_hosts++] = strdup(line)) == NULL) {
			exit(1);
		}
	}
	free(line);
	*ret_n_hosts = n_hosts;
	return hosts;
}
