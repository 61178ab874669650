/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/helper_stats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/json.h"
#include "client/cli/run.h"

enum { N_NAMES = 8 };

/* In the order in which they are shown. */
static const struct group {
	const char *title;
	const char *names[N_NAMES]; /* up to the first NULL */
} groups[] = {
	{"now", {"owners", "connections", "probes_open", "outcomes_unread", "request_bytes"}},
	{"waiting now",
	 {"targets_queued", "queued_for_rate", "queued_for_total_rate", "queued_for_slots",
	  "queued_for_neighbours", "waiting_for_destination", "waiting_for_neighbour"}},
	{"probes",
	 {"probes_sent", "replies", "timeouts", "icmp_errors", "send_errors", "denied",
	  "cancelled"}},
	{"further answers", {"late", "duplicates", "unverified_errors", "events_dropped"}},
	{"waited", {"delayed_by_rate", "delayed_by_in_flight", "delayed_by_destination"}},
	{"refused packets", {"foreign_packets", "forged_packets", "malformed_packets"}},
	{"buffers",
	 {"receive_queued_bytes", "receive_drops", "receive_dropped_packets", "send_buffer_bytes",
	  "send_queued_bytes"}},
};

enum { N_GROUPS = sizeof(groups) / sizeof(groups[0]) };

/* The number of the group that @name belongs to; N_GROUPS where it is not known. */
static size_t group_of(const char *name) {
	for (size_t i = 0; i < N_GROUPS; i++) {
		for (size_t j = 0; j < N_NAMES && groups[i].names[j]; j++) {
			if (strcmp(groups[i].names[j], name) == 0) {
				return i;
			}
		}
	}
	return N_GROUPS;
}

/* The columns' widths. */
struct layout {
	int name, value;
};

static struct layout layout_of(const struct helper_stats *stats) {
	struct layout layout = {0};

	for (size_t i = 0; i < stats->n_counters; i++) {
		int n_name = (int)strlen(stats->counters[i].name);
		int n_value = snprintf(NULL, 0, "%" PRIu64, stats->counters[i].value);

		layout.name = n_name > layout.name ? n_name : layout.name;
		layout.value = n_value > layout.value ? n_value : layout.value;
	}
	return layout;
}

static void print_group(const struct helper_stats *stats, size_t group, const struct layout *layout,
			FILE *stream) {
	bool has_title = false;

	for (size_t i = 0; i < stats->n_counters; i++) {
		const struct multiping_counter *counter = &stats->counters[i];

		if (group_of(counter->name) != group) {
			continue;
		}
		if (!has_title) {
			fprintf(stream, "\n%s\n", group < N_GROUPS ? groups[group].title : "other");
			has_title = true;
		}
		fprintf(stream, "  %-*s  %*" PRIu64 "\n", layout->name, counter->name,
			layout->value, counter->value);
	}
}

void helper_stats_print(const struct helper_stats *stats, FILE *stream) {
	const struct layout layout = layout_of(stats);

	fprintf(stream, "%s, %s sockets, network namespace %" PRIu64 ", receive buffer %u bytes\n",
		stats->helper.helper, stats->helper.backend, stats->helper.namespace_inode,
		stats->helper.receive_buffer_bytes);
	for (size_t group = 0; group <= N_GROUPS; group++) {
		print_group(stats, group, &layout, stream);
	}
}

void helper_stats_print_json(const struct helper_stats *stats, FILE *stream) {
	fputs("{\"helper\": ", stream);
	json_print_text(stream, stats->helper.helper);
	fputs(", \"backend\": ", stream);
	json_print_text(stream, stats->helper.backend);
	fprintf(stream, ", \"namespace\": %" PRIu64 ", \"receive_buffer_bytes\": %u",
		stats->helper.namespace_inode, stats->helper.receive_buffer_bytes);
	for (size_t i = 0; i < stats->n_counters; i++) {
		fputs(", ", stream);
		json_print_text(stream, stats->counters[i].name);
		fprintf(stream, ": %" PRIu64, stats->counters[i].value);
	}
	fputs("}\n", stream);
}

/* 0, -errno */
static int ask(struct multiping *multiping, struct multiping_counter **ret_counters,
	       struct helper_stats *ret_stats) {
	int r;

	r = multiping_stats(multiping, MULTIPING_STATS_HELPER, ret_counters,
			    &ret_stats->n_counters);
	if (r < 0) {
		return r;
	}
	ret_stats->counters = *ret_counters;
	ret_stats->helper.struct_bytes = sizeof(ret_stats->helper);
	return multiping_get_helper(multiping, &ret_stats->helper);
}

int helper_stats_show(const struct options *options, FILE *out, FILE *err) {
	struct multiping_counter *counters = NULL;
	struct multiping *multiping = NULL;
	struct helper_stats stats = {0};
	struct multiping_config config;
	const char *words = "";
	int r;

	multiping_config_init(&config);
	config.socket_path = options->socket_path;
	r = multiping_new(&config, &multiping);
	if (r == 0) {
		r = ask(multiping, &counters, &stats);
		words = multiping_message(multiping);
	}
	if (r == -ENAMETOOLONG && !*words) { /* --socket was looked at */
		words = "MULTIPING_SOCKET: File name too long";
	}
	if (r < 0) {
		fprintf(err, "%s: %s\n", options->program, *words ? words : strerror(-r));
	} else if (options->json) {
		helper_stats_print_json(&stats, out);
	} else {
		helper_stats_print(&stats, out);
	}
	free(counters);
	multiping_free(multiping);
	return r == 0 && fflush(out) == 0 ? STATUS_ALL_ALIVE : STATUS_FAILURE;
}
