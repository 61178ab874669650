/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The rules by which targets are asked and decided. A library of the test's own stands in for libmultiping: it notes what it is
 * asked for, and the test says what happens. Time is a number. */
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "client/cli/pinger.h"

enum { US = 1000, MS = 1000000, MAX_TARGETS = 8, MAX_PROBES = 64 };

struct multiping {
	size_t n_targets;
	char names[MAX_TARGETS][64];
	uint32_t n_sent[MAX_TARGETS];
	uint64_t n_probes;
	const char *message;
	struct {
		size_t target;
		int64_t timeout_us;
	} probes[MAX_PROBES];
};

int multiping_add(struct multiping *multiping, const char *host, void *context,
		  size_t *ret_target) {
	assert_true(multiping->n_targets < MAX_TARGETS);
	snprintf(multiping->names[multiping->n_targets], sizeof(multiping->names[0]), "%s", host);
	*ret_target = multiping->n_targets++;
	return 0;
}

/* "unknown..." has no address, "lookup..." none yet; the others are addresses. */
int multiping_get(const struct multiping *multiping, size_t target,
		  struct multiping_result *ret_result) {
	const char *name = multiping->names[target];
	bool is_unknown = strncmp(name, "unknown", 7) == 0;

	*ret_result = (struct multiping_result){
		.name = name, .target = target, .n_sent = multiping->n_sent[target]};
	if (is_unknown) {
		ret_result->outcome = MULTIPING_NAME_ERROR;
		ret_result->error = EAI_NONAME;
	} else if (strncmp(name, "lookup", 6) != 0) {
		snprintf(ret_result->address, sizeof(ret_result->address), "%s", name);
	}
	return 0;
}

int multiping_ping(struct multiping *multiping, size_t target, int64_t timeout_us,
		   uint64_t *ret_probe) {
	assert_true(multiping->n_probes < MAX_PROBES);
	multiping->probes[multiping->n_probes].target = target;
	multiping->probes[multiping->n_probes].timeout_us = timeout_us;
	*ret_probe = ++multiping->n_probes;
	return 0;
}

const char *multiping_message(const struct multiping *multiping) {
	return multiping->message ? multiping->message : "a rule forbids it";
}

/* One run with its options, its library and what it prints. */
struct fixture {
	struct options options;
	struct multiping multiping;
	struct output output;
	struct pinger pinger;
	char *out_text, *err_text;
	size_t n_out, n_err;
	int64_t now_ns;
	int error; /* of what is told next; 0: ENETUNREACH */
	char words[256], *argv[16];
};

/* @words: options and targets, parted by single blanks. */
static void prepare(struct fixture *fixture, const char *words) {
	static char name[] = "multiping";
	int argc = 1;

	*fixture = (struct fixture){.now_ns = 1000, .argv = {name}};
	strcpy(fixture->words, words);
	for (char *word = strtok(fixture->words, " "); word; word = strtok(NULL, " ")) {
		fixture->argv[argc++] = word;
	}
	assert_int_equal(options_parse(argc, fixture->argv, &fixture->options), 0);
	fixture->output = (struct output){
		.options = &fixture->options,
		.out = open_memstream(&fixture->out_text, &fixture->n_out),
		.err = open_memstream(&fixture->err_text, &fixture->n_err),
	};
	pinger_init(&fixture->pinger, &fixture->options, &fixture->multiping, &fixture->output);
}

/* The same, up to the moment before the first ping. */
static void begin(struct fixture *fixture, const char *words) {
	prepare(fixture, words);
	for (size_t i = 0; i < fixture->options.n_targets; i++) {
		assert_int_equal(pinger_add(&fixture->pinger, fixture->options.targets[i]), 0);
	}
	pinger_start(&fixture->pinger, fixture->now_ns);
}

/* Lets @ms pass: expires, then asks. */
static void pass(struct fixture *fixture, int64_t ms) {
	int64_t at_ns;

	fixture->now_ns += ms * MS;
	assert_int_equal(pinger_expire(&fixture->pinger, fixture->now_ns), 0);
	assert_int_equal(pinger_ask(&fixture->pinger, fixture->now_ns, &at_ns), 0);
}

/* Tells of probe @probe: what happened, and after how many microseconds. */
static int tell(struct fixture *fixture, enum multiping_event_type type, uint64_t probe,
		enum multiping_outcome outcome, int64_t us) {
	struct multiping_event event = {.type = type};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	multiping_get(&fixture->multiping, fixture->multiping.probes[probe - 1].target,
		      &event.result);
	event.result.probe = probe;
	event.result.outcome = outcome;
	event.result.rtt_ns = us * US;
	event.result.size_bytes = 56;
	event.result.icmp_type = 3;
	event.result.icmp_code = 1;
	event.result.error = fixture->error != 0 ? fixture->error : ENETUNREACH;
	strcpy(event.result.reporter, "10.0.0.9");
	event.result.sent_unix_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec - us * US;
	return pinger_handle(&fixture->pinger, &event, fixture->now_ns);
}

static void outcome(struct fixture *fixture, uint64_t probe, enum multiping_outcome outcome,
		    int64_t us) {
	assert_int_equal(tell(fixture, MULTIPING_EVENT_OUTCOME, probe, outcome, us), 0);
}

/* Frees all but what was printed. */
static void stop(struct fixture *fixture) {
	pinger_deinit(&fixture->pinger);
	fclose(fixture->output.out);
	fclose(fixture->output.err);
}

/* Frees all, and compares what was printed. */
static void end(struct fixture *fixture, const char *out, const char *err) {
	stop(fixture);
	assert_string_equal(fixture->out_text, out);
	assert_string_equal(fixture->err_text, err);
	free(fixture->out_text);
	free(fixture->err_text);
}

/* The same of a run that has come to its end, after so many probes. */
static void finish(struct fixture *fixture, uint64_t n_probes, const char *out, const char *err) {
	assert_true(pinger_is_done(&fixture->pinger, fixture->now_ns));
	assert_true(fixture->multiping.n_probes == n_probes);
	assert_int_equal(fixture->pinger.n_open, 0);
	pinger_finish(&fixture->pinger, false, 0);
	end(fixture, out, err);
}

static void pinger_reply_makes_alive(void **state) {
	struct fixture fixture;

	begin(&fixture, "-i 0 1.1.1.1 2.2.2.2");
	pass(&fixture, 0);
	outcome(&fixture, 2, MULTIPING_REPLY, 20);
	assert_false(pinger_is_done(&fixture.pinger, fixture.now_ns));
	outcome(&fixture, 1, MULTIPING_REPLY, 30);
	finish(&fixture, 2, "2.2.2.2 is alive\n1.1.1.1 is alive\n", "");
}

static void pinger_silence_is_retried_with_backoff(void **state) {
	static const int64_t timeouts_us[] = {100000, 200000, 400000};
	struct fixture fixture;

	begin(&fixture, "-t 100 -B 2 -r 2 1.1.1.1");
	for (uint64_t i = 0; i < 3; i++) {
		pass(&fixture, 500);
		assert_int_equal(fixture.multiping.probes[i].timeout_us, timeouts_us[i]);
		outcome(&fixture, i + 1, MULTIPING_TIMEOUT, timeouts_us[i]);
	}
	pass(&fixture, 500);
	finish(&fixture, 3, "1.1.1.1 is unreachable\n", "");
}

static void pinger_late_reply_within_backed_off_timeout_counts(void **state) {
	struct fixture fixture;

	begin(&fixture, "-t 100 -B 2 -r 2 1.1.1.1");
	pass(&fixture, 0);
	outcome(&fixture, 1, MULTIPING_TIMEOUT, 100000);
	pass(&fixture, 100);
	assert_int_equal(tell(&fixture, MULTIPING_EVENT_LATE, 1, MULTIPING_REPLY, 150000), 0);
	assert_true(pinger_is_done(&fixture.pinger, fixture.now_ns));
	outcome(&fixture, 2, MULTIPING_REPLY, 500); /* one too many */
	finish(&fixture, 2, "1.1.1.1 is alive\n",
	       "1.1.1.1 : duplicate for [0], 64 bytes, 0.500 ms\n");
}

static void pinger_late_reply_beyond_timeout_is_dropped(void **state) {
	struct fixture fixture;

	begin(&fixture, "-t 100 -B 2 -r 1 1.1.1.1");
	pass(&fixture, 0);
	outcome(&fixture, 1, MULTIPING_TIMEOUT, 100000);
	pass(&fixture, 100);
	assert_int_equal(tell(&fixture, MULTIPING_EVENT_LATE, 1, MULTIPING_REPLY, 201000), 0);
	outcome(&fixture, 2, MULTIPING_TIMEOUT, 200000);
	finish(&fixture, 2, "1.1.1.1 is unreachable\n", "");
}

static void pinger_icmp_error_is_told_at_once_and_lost_in_time(void **state) {
	struct fixture fixture;

	begin(&fixture, "-t 100 -r 0 1.1.1.1");
	pass(&fixture, 0);
	outcome(&fixture, 1, MULTIPING_ICMP_ERROR, 10);
	pass(&fixture, 90);
	assert_false(pinger_is_done(&fixture.pinger, fixture.now_ns));
	pass(&fixture, 11);
	finish(&fixture, 1, "1.1.1.1 is unreachable\n",
	       "ICMP Host Unreachable from 10.0.0.9 for ICMP Echo sent to 1.1.1.1\n");
}

static void pinger_reply_after_icmp_error_counts(void **state) {
	struct fixture fixture;

	begin(&fixture, "-c 1 -q 1.1.1.1");
	pass(&fixture, 0);
	outcome(&fixture, 1, MULTIPING_ICMP_ERROR, 10);
	assert_int_equal(tell(&fixture, MULTIPING_EVENT_LATE, 1, MULTIPING_REPLY, 2000), 0);
	pass(&fixture, 1000);
	finish(&fixture, 1, "", "1.1.1.1 : xmt/rcv/%loss = 1/1/0%, min/avg/max = 2.00/2.00/2.00\n");
}

static void pinger_send_error_is_not_retried(void **state) {
	struct fixture fixture;

	begin(&fixture, "-r 3 1.1.1.1");
	pass(&fixture, 0);
	outcome(&fixture, 1, MULTIPING_SEND_ERROR, 0);
	finish(&fixture, 1, "1.1.1.1 is unreachable\n",
	       "1.1.1.1: error while sending ping: Network is unreachable\n");
}

static void pinger_denied_is_told_once_and_not_counted(void **state) {
	struct fixture fixture;

	begin(&fixture, "-c 2 1.1.1.1");
	pass(&fixture, 0);
	outcome(&fixture, 1, MULTIPING_DENIED, 0);
	pass(&fixture, 1000);
	outcome(&fixture, 2, MULTIPING_DENIED, 0);
	finish(&fixture, 2, "", "1.1.1.1: a rule forbids it\n\n1.1.1.1 : xmt/rcv/%loss = 0/0/0%\n");
}

static void pinger_rounds_keep_their_order_when_replies_do_not(void **state) {
	struct fixture fixture;

	begin(&fixture, "-C 3 -p 50 -t 500 -q 1.1.1.1");
	pass(&fixture, 0);
	pass(&fixture, 50);
	pass(&fixture, 50);
	assert_true(fixture.multiping.n_probes == 3);
	outcome(&fixture, 3, MULTIPING_REPLY, 3000);
	outcome(&fixture, 1, MULTIPING_REPLY, 1000);
	outcome(&fixture, 2, MULTIPING_TIMEOUT, 500000);
	finish(&fixture, 3, "", "1.1.1.1 : 1.00 - 3.00\n");
}

static void pinger_period_stretches_where_the_helper_is_behind(void **state) {
	struct fixture fixture;

	begin(&fixture, "-c 9 -p 100 -q 1.1.1.1");
	for (size_t i = 0; i < 9; i++) {
		pass(&fixture, 100);
	}
	assert_int_equal(fixture.multiping.n_probes, 2); /* no outcome yet: no queue of rounds */
	for (uint64_t probe = 1; probe <= 9; probe++) {
		outcome(&fixture, probe, MULTIPING_REPLY, 1000);
		pass(&fixture, 100);
	}
	finish(&fixture, 9, "", "1.1.1.1 : xmt/rcv/%loss = 9/9/0%, min/avg/max = 1.00/1.00/1.00\n");
}

/* Tells that the helper went, or is back. */
static void tell_helper(struct fixture *fixture, enum multiping_event_type type) {
	const struct multiping_event event = {.type = type};

	assert_int_equal(pinger_handle(&fixture->pinger, &event, fixture->now_ns), 0);
}

static void pinger_asks_for_little_while_the_helper_is_away(void **state) {
	struct fixture fixture;

	begin(&fixture, "-c 9 -p 100 -t 900 -q 1.1.1.1");
	pass(&fixture, 0);
	outcome(&fixture, 1, MULTIPING_REPLY, 1000);
	tell_helper(&fixture, MULTIPING_EVENT_HELPER_DOWN);
	for (size_t i = 0; i < 6; i++) {
		pass(&fixture, 100);
	}
	assert_int_equal(fixture.multiping.n_probes, 2); /* the one from which it learns the end */
	tell_helper(&fixture, MULTIPING_EVENT_HELPER_UP);
	pass(&fixture, 0);
	assert_int_equal(fixture.multiping.n_probes, 3);
	for (size_t i = 0; i < 6; i++) {
		pass(&fixture, 100); /* what was missed is not made up for */
		assert_int_equal(fixture.multiping.n_probes, 4 + i);
	}
	for (uint64_t probe = 2; probe <= 9; probe++) {
		outcome(&fixture, probe, MULTIPING_REPLY, 1000);
	}
	finish(&fixture, 9, "", "1.1.1.1 : xmt/rcv/%loss = 9/9/0%, min/avg/max = 1.00/1.00/1.00\n");
}

static void pinger_unknown_names_are_told_in_order_and_left_out(void **state) {
	struct fixture fixture;
	struct multiping_event event = {.type = MULTIPING_EVENT_NAME};

	begin(&fixture, "-c 1 unknown-and-long lookup 1.1.1.1 unknown2");
	assert_int_equal(fixture.pinger.n_lookups, 1);
	strcpy(fixture.multiping.names[1],
	       "found"); /* what follows happens before pinger_start() in a run */
	event.result.target = 1;
	assert_int_equal(pinger_handle(&fixture.pinger, &event, 0), 0);
	assert_int_equal(fixture.pinger.n_lookups, 0);
	pass(&fixture, 0);
	assert_true(fixture.pinger.statistics.totals.n_unknown == 2);
	outcome(&fixture, 1, MULTIPING_REPLY, 1000);
	outcome(&fixture, 2, MULTIPING_REPLY, 1000);
	finish(&fixture, 2,
	       "found   : [0], 64 bytes, 1.00 ms (1.00 avg, 0% loss)\n"
	       "1.1.1.1 : [0], 64 bytes, 1.00 ms (1.00 avg, 0% loss)\n",
	       "unknown-and-long: Name or service not known\nunknown2: Name or service not "
	       "known\n\n"
	       "found   : xmt/rcv/%loss = 1/1/0%, min/avg/max = 1.00/1.00/1.00\n"
	       "1.1.1.1 : xmt/rcv/%loss = 1/1/0%, min/avg/max = 1.00/1.00/1.00\n");
}

static void pinger_range_is_added_as_its_turn_comes(void **state) {
	const struct range range = {.family = AF_INET, .low = 0x0a000001, .n_addresses = 3};
	struct fixture fixture;

	prepare(&fixture, "-i 1000 -t 1 -r 0 -g 10.0.0.1 10.0.0.3");
	assert_int_equal(pinger_add_range(&fixture.pinger, &range), 0);
	pinger_start(&fixture.pinger, fixture.now_ns);
	for (uint64_t i = 1; i <= 3; i++) {
		pass(&fixture, i == 1 ? 0 : 1000);
		assert_int_equal(fixture.multiping.n_targets, i);
		outcome(&fixture, i, i == 2 ? MULTIPING_REPLY : MULTIPING_TIMEOUT, 1000);
	}
	finish(&fixture, 3, "10.0.0.2 is alive\n10.0.0.1 is unreachable\n10.0.0.3 is unreachable\n",
	       "");
}

/* What -s says of unreachable targets. */
static unsigned n_told_unreachable(const struct fixture *fixture) {
	unsigned n_told;

	assert_int_equal(
		sscanf(strstr(fixture->err_text, "alive"), "alive %u unreachable", &n_told), 1);
	return n_told;
}

static void pinger_cut_off_tells_only_of_those_that_were_sent_to(void **state) {
	static const char *const words[] = {
		"-s -i 0 1.1.1.1 2.2.2.2 3.3.3.3 4.4.4.4", /* alive, sent, asked for, sent before */
		"-s -c 9 -q -i 0 1.1.1.1 2.2.2.2 3.3.3.3 4.4.4.4",
	};

	for (size_t i = 0; i < 2; i++) {
		struct fixture fixture;

		begin(&fixture, words[i]);
		pass(&fixture, 0);
		assert_int_equal(fixture.multiping.n_probes, 4);
		outcome(&fixture, 1, MULTIPING_REPLY, 20);
		outcome(&fixture, 4, MULTIPING_TIMEOUT, 500000);
		fixture.multiping.n_sent[0] = fixture.multiping.n_sent[1] = 1;
		fixture.multiping.n_sent[3] = 1;
		pinger_finish(&fixture.pinger, false, 0);
		stop(&fixture);
		assert_int_equal(n_told_unreachable(&fixture), 2);
		assert_string_equal(fixture.out_text,
				    i == 0 ? "1.1.1.1 is alive\n2.2.2.2 is unreachable\n"
					     "4.4.4.4 is unreachable\n"
					   : "");
		free(fixture.out_text);
		free(fixture.err_text);
	}
}

static void pinger_denied_is_told_without_its_name_twice(void **state) {
	struct fixture fixture;

	begin(&fixture, "-c 1 -q 5.5.5.5");
	pass(&fixture, 0);
	fixture.error = EPERM;
	fixture.multiping.message = "5.5.5.5: denied by a rule";
	outcome(&fixture, 1, MULTIPING_DENIED, 0);
	finish(&fixture, 1, "", "5.5.5.5: denied by a rule\n5.5.5.5 : xmt/rcv/%loss = 0/0/0%\n");
}

static void pinger_denied_is_not_told_in_words_about_another(void **state) {
	struct fixture fixture;

	begin(&fixture, "-c 1 -q 5.5.5.5");
	pass(&fixture, 0);
	fixture.error = EPERM;
	fixture.multiping.message = "5.5.5.55: denied by a rule";
	outcome(&fixture, 1, MULTIPING_DENIED, 0);
	finish(&fixture, 1, "",
	       "5.5.5.5: denied by the helper's policy\n5.5.5.5 : xmt/rcv/%loss = 0/0/0%\n");
}

static void pinger_denial_of_all_ends_the_run(void **state) {
	static const int errors[] = {EACCES, ENODEV, EMSGSIZE};

	for (size_t i = 0; i < 3; i++) {
		struct fixture fixture;

		begin(&fixture, "1.1.1.1");
		pass(&fixture, 0);
		fixture.error = errors[i];
		assert_int_equal(tell(&fixture, MULTIPING_EVENT_OUTCOME, 1, MULTIPING_DENIED, 0),
				 PINGER_E_REFUSED);
		end(&fixture, "", "");
	}
}

static void pinger_helper_lost_ends_the_run(void **state) {
	struct fixture fixture;

	begin(&fixture, "1.1.1.1");
	pass(&fixture, 0);
	assert_int_equal(tell(&fixture, MULTIPING_EVENT_OUTCOME, 1, MULTIPING_HELPER_LOST, 0),
			 PINGER_E_HELPER_LOST);
	pinger_finish(&fixture.pinger, true, 0); /* nothing was decided, so nothing is said */
	end(&fixture, "", "");
}

static void pinger_snapshot_counts_anew(void **state) {
	struct fixture fixture;
	char *line;

	begin(&fixture, "-c 2 -p 10 -q 1.1.1.1");
	pass(&fixture, 0);
	outcome(&fixture, 1, MULTIPING_REPLY, 1000);
	assert_int_equal(pinger_snapshot(&fixture.pinger), 0);
	pass(&fixture, 10);
	outcome(&fixture, 2, MULTIPING_TIMEOUT, 10000);
	assert_int_equal(pinger_snapshot(&fixture.pinger), 0);
	fflush(fixture.output.err);
	while ((line = strchr(fixture.err_text, '[')) != NULL) { /* the time of day */
		memmove(line, line + 11, strlen(line + 11) + 1);
	}
	end(&fixture, "",
	    "1.1.1.1 : xmt/rcv/%loss = 1/1/0%, min/avg/max = 1.00/1.00/1.00\n"
	    "1.1.1.1 : xmt/rcv/%loss = 1/0/100%\n");
}

static void pinger_addresses_of_a_name_are_shown_by_it(void **state) {
	static const char *const ways[][2] = {{"-m x", "one"}, {"-m -A x", "1.1.1.1"}};

	for (size_t i = 0; i < 2; i++) {
		struct fixture fixture;
		char out[64];

		prepare(&fixture, ways[i][0]);
		assert_int_equal(pinger_add_address(&fixture.pinger, "1.1.1.1", "one"), 0);
		pinger_add_unknown(&fixture.pinger, "none", EAI_NONAME);
		assert_int_equal(pinger_add_address(&fixture.pinger, "2.2.2.2", "two"), 0);
		assert_int_equal(names_set_shown(&fixture.pinger.names, 1, "second"), 0);
		pinger_start(&fixture.pinger, fixture.now_ns);
		assert_int_equal(fixture.pinger.statistics.totals.n_targets, 2);
		assert_int_equal(fixture.pinger.statistics.totals.n_unknown, 1);
		pass(&fixture, 0);
		outcome(&fixture, 1, MULTIPING_REPLY, 20);
		outcome(&fixture, 2, MULTIPING_REPLY, 20);
		snprintf(out, sizeof(out), "%s is alive\nsecond is alive\n", ways[i][1]);
		finish(&fixture, 2, out, "none: Name or service not known\n");
	}
}

static void pinger_loop_goes_on_and_keeps_few_rounds(void **state) {
	struct fixture fixture;

	begin(&fixture, "-l -p 100 -Q 1,cumulative 1.1.1.1");
	for (uint64_t probe = 1; probe <= 50; probe++) {
		pass(&fixture, 100);
		outcome(&fixture, probe, probe % 2 == 0 ? MULTIPING_REPLY : MULTIPING_TIMEOUT,
			1000);
		assert_false(pinger_is_done(&fixture.pinger, fixture.now_ns));
		assert_true(fixture.pinger.rounds.end - fixture.pinger.rounds.first <= 4);
	}
	pinger_finish(&fixture.pinger, false, 0);
	end(&fixture, "", "1.1.1.1 : xmt/rcv/%loss = 50/25/50%, min/avg/max = 1.00/1.00/1.00\n");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pinger_reply_makes_alive),
		cmocka_unit_test(pinger_silence_is_retried_with_backoff),
		cmocka_unit_test(pinger_late_reply_within_backed_off_timeout_counts),
		cmocka_unit_test(pinger_late_reply_beyond_timeout_is_dropped),
		cmocka_unit_test(pinger_icmp_error_is_told_at_once_and_lost_in_time),
		cmocka_unit_test(pinger_reply_after_icmp_error_counts),
		cmocka_unit_test(pinger_send_error_is_not_retried),
		cmocka_unit_test(pinger_denied_is_told_once_and_not_counted),
		cmocka_unit_test(pinger_rounds_keep_their_order_when_replies_do_not),
		cmocka_unit_test(pinger_period_stretches_where_the_helper_is_behind),
		cmocka_unit_test(pinger_asks_for_little_while_the_helper_is_away),
		cmocka_unit_test(pinger_unknown_names_are_told_in_order_and_left_out),
		cmocka_unit_test(pinger_range_is_added_as_its_turn_comes),
		cmocka_unit_test(pinger_cut_off_tells_only_of_those_that_were_sent_to),
		cmocka_unit_test(pinger_denied_is_told_without_its_name_twice),
		cmocka_unit_test(pinger_denied_is_not_told_in_words_about_another),
		cmocka_unit_test(pinger_denial_of_all_ends_the_run),
		cmocka_unit_test(pinger_helper_lost_ends_the_run),
		cmocka_unit_test(pinger_snapshot_counts_anew),
		cmocka_unit_test(pinger_addresses_of_a_name_are_shown_by_it),
		cmocka_unit_test(pinger_loop_goes_on_and_keeps_few_rounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
