/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What `stats` answers: PROTOCOL.md has the list. */
#include <string.h>

#include "helper/session_private.h"

static void add(struct stats_result *stats, const char *name, uint64_t value) {
	struct counter *counter = &stats->counters[stats->n_counters++];

	strcpy(counter->name, name);
	counter->value = value;
}

static void add_counters(struct stats_result *stats, const struct counters *counters) {
#define ADD_COUNTER(name) add(stats, #name, counters->name);
	COUNTERS(ADD_COUNTER)
}

/* Those of @user's targets that are queued, by what they wait for. */
struct queued {
	uint64_t by_wait[USER_WAIT_NEIGHBOURS + 1], for_total_rate;
};

static void queued_add(struct queued *queued, const struct user *user, uint64_t n_targets) {
	if (user->users->is_over_total && user->waits_for != USER_WAIT_RATE) {
		queued->for_total_rate += n_targets;
	} else {
		queued->by_wait[user->waits_for] += n_targets;
	}
}

static void add_queued(struct stats_result *stats, const struct queued *queued) {
	add(stats, "queued_for_rate", queued->by_wait[USER_WAIT_RATE]);
	add(stats, "queued_for_total_rate", queued->for_total_rate);
	add(stats, "queued_for_slots", queued->by_wait[USER_WAIT_SLOTS]);
	add(stats, "queued_for_neighbours", queued->by_wait[USER_WAIT_NEIGHBOURS]);
}

static void count_session(const struct session *session, struct stats_result *stats) {
	add(stats, "probes_open", session->part.share[USER_PROBES]);
	add(stats, "request_bytes", session->part.share[USER_REQUEST_BYTES]);
	add_counters(stats, &session->part.counters);
}

static void count_owner(const struct user *user, struct stats_result *stats) {
	struct counters sum = user_counters(user);
	struct queued queued = {0};

	queued_add(&queued, user, sum.targets_queued);
	add(stats, "probes_open", user->share[USER_PROBES]);
	add(stats, "request_bytes", user->share[USER_REQUEST_BYTES]);
	add(stats, "connections", user->n_sessions);
	add_counters(stats, &sum);
	add_queued(stats, &queued);
}

static void count_network(const struct prober *prober, struct stats_result *stats) {
	struct icmp_sockets_fill fill = icmp_sockets_get_fill(prober->sockets);

	add(stats, "foreign_packets", prober->n_foreign);
	add(stats, "forged_packets", prober->n_forged);
	add(stats, "malformed_packets", prober->n_malformed);
	add(stats, "receive_drops", prober->n_receive_drops);
	add(stats, "receive_dropped_packets", fill.n_dropped);
	add(stats, "receive_queued_bytes", fill.receive_bytes);
	add(stats, "send_buffer_bytes", icmp_sockets_facts(prober->sockets)->send_buffer_bytes);
	add(stats, "send_queued_bytes", fill.send_bytes);
}

static void count_helper(const struct prober *prober, const struct users *users,
			 struct stats_result *stats) {
	struct counters sum = users->past;
	struct queued queued = {0};
	uint64_t n_connections = 0, n_request_bytes = 0;

	for (const struct user *user = users->first; user != NULL; user = user->next) {
		struct counters counters = user_counters(user);

		counters_add(&sum, &counters);
		queued_add(&queued, user, counters.targets_queued);
		n_connections += user->n_sessions;
		n_request_bytes += user->share[USER_REQUEST_BYTES];
	}
	sum.late = prober->n_late; /* packets, whoever they were for */
	sum.duplicates = prober->n_duplicates;
	sum.events_dropped += prober->n_events_dropped;
	add(stats, "probes_open", prober->table.n_in_use);
	add(stats, "request_bytes", n_request_bytes);
	add(stats, "owners", users->n_users);
	add(stats, "connections", n_connections);
	add_counters(stats, &sum);
	add_queued(stats, &queued);
	count_network(prober, stats);
}

void session_count(const struct session *session, enum stats_scope scope,
		   struct stats_result *ret_stats) {
	ret_stats->n_counters = 0;
	switch (scope) {
	case STATS_SESSION:
		count_session(session, ret_stats);
		break;
	case STATS_OWNER:
		count_owner(session->user, ret_stats);
		break;
	case STATS_HELPER:
		count_helper(session->context->prober, session->context->users, ret_stats);
		break;
	}
}
