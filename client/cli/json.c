/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/json.h"

#include <inttypes.h>

#include "client/cli/words.h"

enum { ICMP_HEADER_BYTES = 8 }; /* fping's sizes include it */

void json_print_text(FILE *stream, const char *text) {
	putc('"', stream);
	for (; *text != '\0'; text++) {
		if (*text < ' ' || *text > '~') {
			fprintf(stream, "\\u%04x", (unsigned char)*text);
			continue;
		}
		if (*text == '"' || *text == '\\') {
			putc('\\', stream);
		}
		putc(*text, stream);
	}
	putc('"', stream);
}

/* {"TYPE": {"host": "LABEL" */
static void begin(FILE *stream, const char *type, const char *label, const char *timestamp) {
	fprintf(stream, "{\"%s\": {", type);
	if (*timestamp != '\0') {
		fprintf(stream, "\"timestamp\": \"%s\", ", timestamp);
	}
	fputs("\"host\": ", stream);
	json_print_text(stream, label);
}

static void end(FILE *stream) {
	fputs("}}\n", stream);
}

static void print_text_field(FILE *stream, const char *name, const char *text) {
	fprintf(stream, ", \"%s\": ", name);
	json_print_text(stream, text);
}

static void print_time(FILE *stream, const char *name, int64_t ns) {
	char milliseconds[MILLISECONDS_TEXT_BYTES];

	fprintf(stream, ", \"%s\": %s", name, milliseconds_text(ns, milliseconds));
}

static void print_reply(FILE *stream, uint64_t round, uint32_t size_bytes, int64_t rtt_ns) {
	fprintf(stream, ", \"seq\": %" PRIu64 ", \"size\": %" PRIu32, round,
		size_bytes + ICMP_HEADER_BYTES);
	print_time(stream, "rtt", rtt_ns);
}

void json_print_reply(FILE *stream, const char *label, uint64_t round,
		      const struct multiping_result *result, const char *timestamp) {
	begin(stream, "resp", label, timestamp);
	print_reply(stream, round, result->size_bytes, result->rtt_ns);
	print_text_field(stream, "address", result->address);
	if (result->hop_limit > 0) {
		fprintf(stream, ", \"ttl\": %u", result->hop_limit);
	}
	end(stream);
}

void json_print_timeout(FILE *stream, const char *label, uint64_t round, const char *timestamp) {
	begin(stream, "timeout", label, timestamp);
	fprintf(stream, ", \"seq\": %" PRIu64, round);
	end(stream);
}

void json_print_duplicate(FILE *stream, const char *label, uint64_t round, uint32_t size_bytes,
			  int64_t rtt_ns) {
	begin(stream, "duplicate", label, "");
	print_reply(stream, round, size_bytes, rtt_ns);
	end(stream);
}

void json_print_icmp_error(FILE *stream, const char *label, const char *reporter, uint8_t type,
			   uint8_t code, const char *text) {
	begin(stream, "icmpError", label, "");
	fprintf(stream, ", \"type\": %u, \"code\": %u", type, code);
	print_text_field(stream, "from", reporter);
	print_text_field(stream, "message", text);
	end(stream);
}

void json_print_send_error(FILE *stream, const char *label, uint64_t round, int error,
			   const char *text) {
	begin(stream, "sendError", label, "");
	fprintf(stream, ", \"seq\": %" PRIu64 ", \"error\": %d", round, error);
	print_text_field(stream, "message", text);
	end(stream);
}

void json_print_warning(FILE *stream, const char *label, const char *message) {
	begin(stream, "warning", label, "");
	print_text_field(stream, "message", message);
	end(stream);
}

static void print_times(FILE *stream, const struct tally *tally) {
	print_time(stream, "rttMin", tally->shortest_ns);
	print_time(stream, "rttAvg", tally_mean_ns(tally));
	print_time(stream, "rttMax", tally->longest_ns);
}

void json_print_summary(FILE *stream, const char *label, const struct tally *tally,
			int64_t unix_seconds, const uint64_t *outage_ms) {
	if (unix_seconds > 0) {
		fprintf(stream, "{\"intSum\": {\"time\": %" PRId64 ", \"host\": ", unix_seconds);
		json_print_text(stream, label);
	} else {
		begin(stream, "summary", label, "");
	}
	fprintf(stream, ", \"xmt\": %" PRIu64 ", \"rcv\": %" PRIu64 ", \"loss\": %u", tally->n_sent,
		tally->n_received, tally_loss_percent(tally));
	if (outage_ms) {
		fprintf(stream, ", \"outage(ms)\": %" PRIu64, *outage_ms);
	}
	if (tally->n_received > 0) {
		print_times(stream, tally);
	}
	end(stream);
}

void json_print_rtts(FILE *stream, const char *label, const struct rounds *rounds, size_t target,
		     uint64_t n_sent) {
	char milliseconds[MILLISECONDS_TEXT_BYTES];

	begin(stream, "vSum", label, "");
	fputs(", \"values\": [", stream);
	for (uint64_t round = 0; round < n_sent; round++) {
		int64_t rtt_ns = rounds_get(rounds, target, round);

		fprintf(stream, "%s%s", round > 0 ? ", " : "",
			rtt_ns < 0 ? "null" : milliseconds_text(rtt_ns, milliseconds));
	}
	putc(']', stream);
	end(stream);
}

void json_print_totals(FILE *stream, const struct totals *totals, int64_t elapsed_ns) {
	fprintf(stream,
		"{\"stats\": {\"targets\": %" PRIu64 ", \"alive\": %" PRIu64
		", \"unreachable\": %" PRIu64 ", \"unknownAddresses\": %" PRIu64
		", \"timeouts\": %" PRIu64 ", \"icmpEchosSent\": %" PRIu64
		", \"icmpEchoRepliesReceived\": %" PRIu64 ", \"otherIcmpReceived\": %" PRIu64,
		totals->n_targets, totals->n_alive, totals_unreachable(totals), totals->n_unknown,
		totals->n_timeouts, totals->n_sent, totals->n_replies, totals->n_icmp_errors);
	print_times(stream, &totals->accepted);
	fprintf(stream, ", \"elapsed\": %.3f", (double)elapsed_ns / 1e9);
	end(stream);
}

void json_print_reachable(FILE *stream, uint32_t n_required, uint64_t n_alive) {
	fprintf(stream, "{\"reachable\": {\"required\": %" PRIu32 ", \"reachable\": %" PRIu64,
		n_required, n_alive);
	end(stream);
}
