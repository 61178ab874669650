/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/netsim/report.h"

#include <arpa/inet.h>
#include <inttypes.h>

#include "tests/netsim/simulator.h"

static void print_answer(const struct answer *answer) {
	printf("{\"sent\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"reordered\": %" PRIu64
	       ", \"refused\": %" PRIu64 "}",
	       answer->n_sent, answer->n_lost, answer->n_reordered, answer->n_refused);
}

/* The words of a rule that was understood have no quotes in them. */
static void print_rule(const struct rule *rule) {
	printf("{\"rule\": \"%s\", \"requests\": %" PRIu64 ", \"answers\": [", rule->text,
	       rule->n_requests);
	for (size_t i = 0; i < rule->n_answers; i++) {
		fputs(i > 0 ? ", " : "", stdout);
		print_answer(&rule->answers[i]);
	}
	fputs("]}", stdout);
}

void report_print(const struct simulator *simulator) {
	printf("{\"received\": %" PRIu64 ", \"other\": %" PRIu64 ", \"unmatched\": %" PRIu64
	       ", \"pending\": %zu, \"rules\": [",
	       simulator->n_received, simulator->n_other, simulator->n_unmatched,
	       simulator->queue.n_jobs);
	for (size_t i = 0; i < simulator->n_rules; i++) {
		fputs(i > 0 ? ", " : "", stdout);
		print_rule(&simulator->rules[i]);
	}
	puts("]}");
	(void)fflush(stdout);
}

void trace_write(FILE *trace, const struct simulator *simulator, const struct job *job,
		 struct moment sent) {
	const struct in6_addr *destination = &job->request.destination;
	char text[INET6_ADDRSTRLEN];

	if (job->request.is_ipv6) {
		(void)inet_ntop(AF_INET6, destination, text, sizeof text);
	} else {
		(void)inet_ntop(AF_INET, destination->s6_addr + 12, text, sizeof text);
	}
	(void)fprintf(trace,
		      "%td %td %" PRIu64 " %s %u %u %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
		      "\n",
		      job->rule - simulator->rules, job->answer - job->rule->answers, job->n_copy,
		      text, request_identifier(&job->request), request_sequence(&job->request),
		      job->received.monotonic_ns, sent.monotonic_ns, job->received.realtime_ns,
		      sent.realtime_ns);
}
