/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Level 1. The results are larger than the targets, and a million of both would stand side by side:
 * the names stay the caller's own, and each chunk of targets is freed as soon as its results are
 * written. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/lib/cleanup.h"
#include "client/lib/rounds.h"

static void run_cleanup(struct multiping **multiping) {
	multiping_free(*multiping);
}

static int run_new(const struct multiping_config *config, int64_t timeout_us,
		   struct multiping **ret_multiping) {
	struct multiping_config own;
	int r;

	r = options_read(config, &own);
	if (r < 0) {
		return r;
	}
	own.probe_timeout_us = timeout_us;
	r = multiping_new(&own, ret_multiping);
	if (r < 0) {
		return r;
	}
	(*ret_multiping)->targets.borrow_names = true;
	return 0;
}

static int run_ping(struct multiping *multiping, const char *const *hosts, size_t n_hosts,
		    unsigned n_retries) {
	int r;

	for (size_t i = 0; i < n_hosts; ++i) {
		r = multiping_add(multiping, hosts[i], NULL, NULL);
		if (r < 0) {
			return r;
		}
	}
	return rounds_run(multiping, n_retries < UINT32_MAX ? n_retries + 1 : UINT32_MAX);
}

/* Writes the results, and uses the object up but for multiping_free(). */
static int run_collect(struct multiping *multiping, size_t n_hosts,
		       struct multiping_result **ret_results) {
	struct multiping_result *results;

	object_deinit(multiping);
	results = malloc((n_hosts ? n_hosts : 1) * sizeof *results);
	if (!results) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < n_hosts; ++i) {
		multiping_get(multiping, i, &results[i]);
		if (i % TARGETS_PER_CHUNK == TARGETS_PER_CHUNK - 1) {
			targets_free_chunk(&multiping->targets, i / TARGETS_PER_CHUNK);
		}
	}
	*ret_results = results;
	return 0;
}

int multiping_run(const char *const *hosts, size_t n_hosts, int64_t timeout_us, unsigned n_retries,
		  const struct multiping_config *config, struct multiping_result **ret_results,
		  char *message, size_t message_bytes) {
	CLEANUP(run_cleanup) struct multiping *multiping = NULL;
	const char *words = "";
	int r;

	r = run_new(config, timeout_us, &multiping);
	if (r == 0) {
		r = run_ping(multiping, hosts, n_hosts, n_retries);
		words = multiping_message(multiping);
	}
	if (r >= 0) {
		r = run_collect(multiping, n_hosts, ret_results);
	}
	if (message && message_bytes > 0) {
		snprintf(message, message_bytes, "%s",
			 r < 0 && !*words ? words_of_error(-r) : words);
	}
	return r;
}
