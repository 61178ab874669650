/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the helper tells of itself: what it said in `hello`, and its counters, for which a caller waits as
 * in multiping_receive(): the turns of the session's loop do the work, also over an outage. */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/clock.h"
#include "client/lib/session.h"

enum { HELPER_FIRST_BYTES = sizeof(struct multiping_helper) }; /* of the struct's first version */
#define ANSWER_US INT64_C(10000000)

_Static_assert(MULTIPING_NAME_BYTES > PROTOCOL_MAX_NAME_BYTES, "a name fits with its zero byte");
_Static_assert((int)MULTIPING_STATS_SESSION == (int)STATS_SESSION &&
		       (int)MULTIPING_STATS_OWNER == (int)STATS_OWNER &&
		       (int)MULTIPING_STATS_HELPER == (int)STATS_HELPER,
	       "scopes are the protocol's");

int multiping_get_helper(const struct multiping *multiping, struct multiping_helper *ret_helper) {
	const struct connection *connection = &multiping->connection;
	const struct hello_result *hello = &connection->hello;
	size_t n_bytes = ret_helper->struct_bytes;
	struct multiping_helper helper = {
		.struct_bytes = n_bytes,
		.namespace_inode = hello->namespace_inode,
		.receive_buffer_bytes = hello->receive_buffer_bytes,
		.packets_per_second = hello->packets_per_second,
		.max_size_bytes = hello->payload_bytes,
		.is_private = connection->is_private,
	};

	if (n_bytes < HELPER_FIRST_BYTES || n_bytes > sizeof helper) {
		return n_bytes < HELPER_FIRST_BYTES ? -EINVAL : -E2BIG;
	}
	if (connection->state != CONNECTION_UP) {
		return -ENOTCONN;
	}
	snprintf(helper.helper, sizeof helper.helper, "%s", hello->helper);
	snprintf(helper.backend, sizeof helper.backend, "%s", hello->backend);
	memcpy(ret_helper, &helper, n_bytes);
	return 0;
}

static int stats_take(const struct stats_result *result, struct multiping_counter **ret_counters,
		      size_t *ret_n_counters) {
	struct multiping_counter *counters = calloc(result->n_counters + 1, sizeof *counters);

	if (!counters) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < result->n_counters; ++i) {
		snprintf(counters[i].name, sizeof counters[i].name, "%s", result->counters[i].name);
		counters[i].value = result->counters[i].value;
	}
	*ret_counters = counters;
	*ret_n_counters = result->n_counters;
	return 0;
}

/* Until the query is over. */
static int stats_await(struct multiping *multiping, const struct stats_query *query) {
	int64_t wait_us = multiping->options.helper_wait_us;
	int64_t until_ns = INT64_MAX;
	int r;

	if (wait_us >= 0) {
		wait_us = wait_us > 0 ? wait_us : ANSWER_US;
		until_ns = clock_monotonic_ns() + wait_us * CLOCK_NS_PER_US;
	}
	do {
		r = session_dispatch(multiping, SIZE_MAX);
		if (r < 0 || query->is_over) {
			return r < 0 ? r : query->error;
		}
		r = session_wait(multiping, until_ns);
	} while (r > 0);
	if (r == 0 && multiping->connection.is_turned_away) {
		return -EBUSY; /* the words are the helper's */
	}
	if (r == 0) {
		words_set(&multiping->words, "the helper did not tell its counters in time");
		r = -ETIMEDOUT;
	}
	return r;
}

int multiping_stats(struct multiping *multiping, enum multiping_stats_scope scope,
		    struct multiping_counter **ret_counters, size_t *ret_n_counters) {
	struct stats_query query = {.scope = (enum stats_scope)scope};
	int r;

	if (scope != MULTIPING_STATS_SESSION && scope != MULTIPING_STATS_OWNER &&
	    scope != MULTIPING_STATS_HELPER) {
		return -EINVAL;
	}
	multiping->session.query = &query;
	r = stats_await(multiping, &query);
	multiping->session.query = NULL;
	return r < 0 ? r : stats_take(&query.result, ret_counters, ret_n_counters);
}
