/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/netdata.h"

#include <inttypes.h>

/* One chart of each target. */
struct chart {
	const char *id, *title, *unit, *type;
	int priority;
	const char *dimensions;
};

static const struct chart packets = {"packets",
				     "Packets",
				     "packets",
				     "line",
				     110020,
				     "DIMENSION xmt sent absolute 1 1\n"
				     "DIMENSION rcv received absolute 1 1\n"};
static const struct chart quality = {"quality", "Quality", "percentage",
				     "area",    110010,    "DIMENSION returned '' absolute 1 1\n"};
static const struct chart latency = {"latency",
				     "Latency",
				     "ms",
				     "area",
				     110000,
				     "DIMENSION min minimum absolute 1 1000000\n"
				     "DIMENSION max maximum absolute 1 1000000\n"
				     "DIMENSION avg average absolute 1 1000000\n"};

static bool is_alphanumeric(char character) {
	return (character >= '0' && character <= '9') || (character >= 'A' && character <= 'Z') ||
	       (character >= 'a' && character <= 'z');
}

/* "fping.NAME_CHART"; what netdata would not take in a name becomes '_'. */
static void print_id(FILE *stream, const struct chart *chart, const char *name) {
	fputs("fping.", stream);
	for (; *name != '\0'; name++) {
		putc(is_alphanumeric(*name) ? *name : '_', stream);
	}
	fprintf(stream, "_%s", chart->id);
}

static void begin_chart(FILE *stream, const struct chart *chart,
			const struct netdata_target *target, double report_seconds, bool defines) {
	if (defines) {
		fputs("CHART ", stream);
		print_id(stream, chart, target->name);
		fprintf(stream, " '' 'FPing %s for host %s' %s '%s' fping.%s %s %d %.0f\n%s",
			chart->title, target->label, chart->unit, target->label, chart->id,
			chart->type, chart->priority, report_seconds, chart->dimensions);
	}
	fputs("BEGIN ", stream);
	print_id(stream, chart, target->name);
	putc('\n', stream);
}

void netdata_print(FILE *stream, const struct netdata_target *target, double report_seconds,
		   bool defines) {
	const struct tally *tally = target->tally;

	begin_chart(stream, &packets, target, report_seconds, defines);
	fprintf(stream, "SET xmt = %" PRIu64 "\nSET rcv = %" PRIu64 "\nEND\n", tally->n_sent,
		tally->n_received);

	begin_chart(stream, &quality, target, report_seconds, defines);
	fprintf(stream, "SET returned = %" PRIu64 "\nEND\n",
		tally->n_sent == 0 ? 0 : tally->n_received * 100 / tally->n_sent);

	begin_chart(stream, &latency, target, report_seconds, defines);
	if (tally->n_received > 0) {
		fprintf(stream,
			"SET min = %" PRId64 "\nSET avg = %" PRId64 "\nSET max = %" PRId64 "\n",
			tally->shortest_ns, tally_mean_ns(tally), tally->longest_ns);
	}
	fputs("END\n", stream);
}
