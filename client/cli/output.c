/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/output.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <string.h>

#include "client/cli/json.h"
#include "client/cli/words.h"

#define NS_PER_S INT64_C(1000000000)
enum { ICMP_HEADER_BYTES = 8 /* fping's sizes include it */, TIMESTAMP_TEXT_BYTES = 32 };

/* The standard error, with all that was printed before out of the way. */
static FILE *error_stream(struct output *output) {
	output_clear_progress(output);
	fflush(output->out);
	return output->err;
}

void output_fit(struct output *output, const char *label) {
	int width = (int)strlen(label);

	if (width > output->label_width) {
		output->label_width = width;
	}
}

void output_alive(struct output *output, const char *label, int64_t rtt_ns) {
	char milliseconds[MILLISECONDS_TEXT_BYTES];

	if (!options_show_alive(output->options)) {
		return;
	}
	fputs(label, output->out);
	if (options_show_sentences(output->options)) {
		fputs(" is alive", output->out);
	}
	if (output->options->elapsed) {
		fputs(" (", output->out);
		fputs(milliseconds_text(rtt_ns, milliseconds), output->out);
		fputs(" ms)", output->out);
	}
	putc('\n', output->out);
}

void output_unreachable(struct output *output, const char *label) {
	if (!options_show_unreachable(output->options)) {
		return;
	}
	fputs(label, output->out);
	fputs(options_show_sentences(output->options) ? " is unreachable\n" : "\n", output->out);
}

static int64_t now_unix_ns(void) {
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* " (0.064 avg, 0% loss)" and the end of the line */
static void finish_probe_line(struct output *output, const struct tally *tally) {
	char milliseconds[MILLISECONDS_TEXT_BYTES];

	fprintf(output->out, " (%s avg, %u%% loss)\n",
		tally->n_received == 0 ? "NaN"
				       : milliseconds_text(tally_mean_ns(tally), milliseconds),
		tally_loss_percent(tally));
}

/* "1796033609.30917" where -D asks for it, else "". */
static const char *timestamp_text(const struct output *output, int64_t unix_ns,
				  char ret_text[TIMESTAMP_TEXT_BYTES]) {
	ret_text[0] = '\0';
	if (output->options->timestamp) {
		snprintf(ret_text, TIMESTAMP_TEXT_BYTES, "%.5f", (double)unix_ns / 1e9);
	}
	return ret_text;
}

static void begin_probe_line(struct output *output, const char *timestamp, const char *label,
			     uint64_t round) {
	if (*timestamp != '\0') {
		fprintf(output->out, "[%s] ", timestamp);
	}
	fprintf(output->out, "%-*s : [%" PRIu64 "], ", output->label_width, label, round);
}

void output_reply(struct output *output, const char *label, uint64_t round,
		  const struct multiping_result *result, const struct tally *tally) {
	char milliseconds[MILLISECONDS_TEXT_BYTES], timestamp[TIMESTAMP_TEXT_BYTES];

	if (!options_show_each_probe(output->options)) {
		return;
	}
	timestamp_text(output, result->sent_unix_ns + result->rtt_ns, timestamp);
	if (output->options->json) {
		json_print_reply(output->out, label, round, result, timestamp);
		return;
	}
	begin_probe_line(output, timestamp, label, round);
	fprintf(output->out, "%" PRIu32 " bytes, %s ms", result->size_bytes + ICMP_HEADER_BYTES,
		milliseconds_text(result->rtt_ns, milliseconds));
	finish_probe_line(output, tally);
}

void output_timed_out(struct output *output, const char *label, uint64_t round,
		      const struct tally *tally) {
	char timestamp[TIMESTAMP_TEXT_BYTES];

	if (!options_show_each_probe(output->options)) {
		return;
	}
	timestamp_text(output, now_unix_ns(), timestamp);
	if (output->options->json) {
		json_print_timeout(output->out, label, round, timestamp);
		return;
	}
	begin_probe_line(output, timestamp, label, round);
	fputs("timed out", output->out);
	finish_probe_line(output, tally);
}

void output_duplicate(struct output *output, const char *label, uint64_t round, uint32_t size_bytes,
		      int64_t rtt_ns) {
	char milliseconds[MILLISECONDS_TEXT_BYTES];

	if (output->options->json) {
		json_print_duplicate(output->out, label, round, size_bytes, rtt_ns);
		return;
	}
	if (options_show_each_probe(output->options)) {
		return; /* the other way round than one would think; so is fping */
	}
	fprintf(error_stream(output),
		"%s : duplicate for [%" PRIu64 "], %" PRIu32 " bytes, %s ms\n", label, round,
		size_bytes + ICMP_HEADER_BYTES, milliseconds_text(rtt_ns, milliseconds));
}

bool output_icmp_error(struct output *output, const char *label, const char *reporter, uint8_t type,
		       uint8_t code) {
	const char *text = icmp_error_text(strchr(reporter, ':') != NULL, type, code);

	if (text && !output->options->quiet && output->options->json) {
		json_print_icmp_error(output->out, label, reporter, type, code, text);
	} else if (text && !output->options->quiet) {
		fprintf(error_stream(output), "%s from %s for ICMP Echo sent to %s\n", text,
			reporter, label);
	}
	return text != NULL;
}

void output_send_error(struct output *output, const char *label, uint64_t round, int error) {
	if (output->options->json && !output->options->quiet) {
		json_print_send_error(output->out, label, round, error, strerror(error));
	} else if (options_show_sentences(output->options)) {
		fprintf(error_stream(output), "%s: error while sending ping: %s\n", label,
			strerror(error));
	}
}

static void warn(struct output *output, const char *label, const char *message) {
	if (output->options->json) {
		json_print_warning(output->out, label, message);
	} else {
		fprintf(error_stream(output), "%s: %s\n", label, message);
	}
}

void output_denied(struct output *output, const char *label, const char *reason) {
	warn(output, label, reason);
}

void output_name_error(struct output *output, const char *name, int error) {
	if (!output->options->quiet) {
		warn(output, name, gai_strerror(error));
	}
}

void output_summary_begin(struct output *output) {
	FILE *err = error_stream(output);

	if (output->options->json) {
		return;
	}
	if (options_show_each_probe(output->options) || options_show_sentences(output->options)) {
		putc('\n', err);
	}
}

/* @now: as of json_print_summary(). */
static void print_summary(struct output *output, const char *label, const struct tally *tally,
			  time_t now) {
	const uint64_t outage_ms = tally_outage_ms(tally, output->options->period_ns);
	char shortest[MILLISECONDS_TEXT_BYTES], mean[MILLISECONDS_TEXT_BYTES],
		longest[MILLISECONDS_TEXT_BYTES];

	if (output->options->json) {
		json_print_summary(output->out, label, tally, now,
				   output->options->outage ? &outage_ms : NULL);
		return;
	}
	fprintf(output->err, "%-*s : xmt/rcv/%%loss = %" PRIu64 "/%" PRIu64 "/%u%%",
		output->label_width, label, tally->n_sent, tally->n_received,
		tally_loss_percent(tally));
	if (output->options->outage) {
		fprintf(output->err, ", outage(ms) = %" PRIu64, outage_ms);
	}
	if (tally->n_received > 0) {
		fprintf(output->err, ", min/avg/max = %s/%s/%s",
			milliseconds_text(tally->shortest_ns, shortest),
			milliseconds_text(tally_mean_ns(tally), mean),
			milliseconds_text(tally->longest_ns, longest));
	}
	putc('\n', output->err);
}

void output_summary(struct output *output, const char *label, const struct tally *tally) {
	print_summary(output, label, tally, 0);
}

void output_summary_rtts(struct output *output, const char *label, const struct rounds *rounds,
			 size_t target, uint64_t n_sent) {
	char milliseconds[MILLISECONDS_TEXT_BYTES];

	if (output->options->json) {
		json_print_rtts(output->out, label, rounds, target, n_sent);
		return;
	}
	fprintf(output->err, "%-*s :", output->label_width, label);
	for (uint64_t round = 0; round < n_sent; round++) {
		int64_t rtt_ns = rounds_get(rounds, target, round);

		fprintf(output->err, " %s",
			rtt_ns < 0 ? "-" : milliseconds_text(rtt_ns, milliseconds));
	}
	putc('\n', output->err);
}

void output_snapshot_begin(struct output *output, time_t now) {
	struct tm local;

	output_summary_begin(output);
	if (output->options->json) {
		return;
	}
	localtime_r(&now, &local);
	fprintf(output->err, "[%02d:%02d:%02d]\n", local.tm_hour, local.tm_min, local.tm_sec);
}

void output_snapshot(struct output *output, const char *label, const struct tally *tally,
		     time_t now) {
	print_summary(output, label, tally, now);
}

void output_totals(struct output *output, const struct totals *totals, int64_t elapsed_ns) {
	FILE *err = error_stream(output);
	char shortest[MILLISECONDS_TEXT_BYTES], mean[MILLISECONDS_TEXT_BYTES],
		longest[MILLISECONDS_TEXT_BYTES];

	if (output->options->json) {
		json_print_totals(output->out, totals, elapsed_ns);
		return;
	}
	fprintf(err, "\n %7" PRIu64 " targets\n", totals->n_targets);
	fprintf(err, " %7" PRIu64 " alive\n", totals->n_alive);
	fprintf(err, " %7" PRIu64 " unreachable\n", totals_unreachable(totals));
	fprintf(err, " %7" PRIu64 " unknown addresses\n\n", totals->n_unknown);
	fprintf(err, " %7" PRIu64 " timeouts (waiting for response)\n", totals->n_timeouts);
	fprintf(err, " %7" PRIu64 " ICMP Echos sent\n", totals->n_sent);
	fprintf(err, " %7" PRIu64 " ICMP Echo Replies received\n", totals->n_replies);
	fprintf(err, " %7" PRIu64 " other ICMP received\n\n", totals->n_icmp_errors);
	fprintf(err, " %s ms (min round trip time)\n",
		milliseconds_text(totals->accepted.shortest_ns, shortest));
	fprintf(err, " %s ms (avg round trip time)\n",
		milliseconds_text(tally_mean_ns(&totals->accepted), mean));
	fprintf(err, " %s ms (max round trip time)\n",
		milliseconds_text(totals->accepted.longest_ns, longest));
	fprintf(err, " %12.3f sec (elapsed real time)\n\n", (double)elapsed_ns / 1e9);
}

void output_reachable(struct output *output, uint64_t n_alive) {
	const uint32_t n_required = output->options->n_required;

	if (output->options->json) {
		json_print_reachable(output->out, n_required, n_alive);
		return;
	}
	fprintf(output->out, "%s hosts reachable (required: %" PRIu32 ", reachable: %" PRIu64 ")\n",
		n_alive >= n_required ? "Enough" : "Not enough", n_required, n_alive);
}

void output_progress(struct output *output, uint64_t n_decided, uint64_t n_targets,
		     uint64_t n_alive) {
	fprintf(output->err,
		"\r%" PRIu64 " of %" PRIu64 " targets decided, %" PRIu64 " alive\033[K", n_decided,
		n_targets, n_alive);
	fflush(output->err);
	output->shows_progress = true;
}

void output_clear_progress(struct output *output) {
	if (output->shows_progress) {
		fputs("\r\033[K", output->err);
		fflush(output->err);
		output->shows_progress = false;
	}
}

void output_failure(struct output *output, const char *text) {
	fprintf(error_stream(output), "%s: %s\n", output->options->program, text);
}

void output_errno(struct output *output, const char *what, int error) {
	fprintf(error_stream(output), "%s: %s%s\n", output->options->program, what,
		strerror(error));
}

void output_file_error(struct output *output, const char *path, int error) {
	fprintf(error_stream(output), "%s: %s: %s\n", output->options->program, path,
		strerror(error));
}

int output_flush(struct output *output) {
	errno = 0;
	if (fflush(output->out) != 0 || ferror(output->out)) {
		return errno != 0 ? -errno : -EIO;
	}
	return 0;
}
