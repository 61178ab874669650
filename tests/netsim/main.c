/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A network in a program: whoever pings an address that is routed to its TUN device gets what the rules say. It belongs into a
 * network namespace of its own. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include "helper/cleanup.h"
#include "tests/netsim/device.h"
#include "tests/netsim/report.h"
#include "tests/netsim/simulator.h"

/* clang-format off */
static const char usage_head[] =
	"usage: netsim [--seed N] [--trace FILE] DEVICE RULE...\n"
	"\n"
	"Makes the TUN device DEVICE and answers each echo request that is routed there.\n"
	"\n"
	"RULE is one argument: \"PREFIX/BITS [ANSWER [+ ANSWER]...]\", 4 answers at most. The first rule\n"
	"whose prefix the destination has answers, with all its answers; without one, and without a\n"
	"rule: silence.\n"
	"\n"
	"ANSWER is \"echo\", the request's data in a reply, or \"error\", an ICMP error that quotes the\n"
	"request; then pairs: \"from ADDRESS\", who sends it, instead of the host that was asked; \"about\n"
	"ADDRESS\" and \"by ADDRESS\", error: to whom the quoted request went, and from whom, instead of\n"
	"that host and this one; and NAME VALUE:\n"
	"\n";
static const char usage_tail[] =
	"\n"
	"VALUE is a number; LOW..HIGH, any of these, drawn anew for each packet; \"random\", any that can\n"
	"be; \"host\", the bits of the destination behind the prefix; \"count\", 0 for the first copy, then\n"
	"1, 2, ...\n"
	"\n"
	"  \"198.18.0.0/16 echo delay 1000..9000 loss 100\"\n"
	"  \"198.19.0.0/24 error type 3 code host from 203.0.113.1 quote 8 + echo delay 50000\"\n"
	"  \"198.19.1.1/32 echo sequence count payload random copies 65536 gap 10\"\n"
	"  \"2001:db8::/32 echo size 65000 copies 3\"\n"
	"\n"
	"Prints {\"ready\": DEVICE} when the device is there, which is then to be given addresses, set up,\n"
	"and routed to; at SIGUSR1, and at its end by SIGTERM, a line of JSON with all counts. --trace\n"
	"writes a line for each packet sent: rule and answer from 0, copy, destination, identifier,\n"
	"sequence, when the request was read and when the answer was about to be written, in ns:\n"
	"monotonic both, then realtime both.\n";
/* clang-format on */

struct options {
	uint64_t seed;
	const char *trace;
};

static int usage(int code) {
	if (code == 0) {
		fputs(usage_head, stdout);
		fields_print();
		fputs(usage_tail, stdout);
	} else {
		fputs("netsim: try --help\n", stderr);
	}
	return code;
}

/* Returns the exit code with which it is over now, or -1. */
static int options_parse(int argc, char **argv, struct options *ret_options) {
	static const struct option long_options[] = {{"seed", required_argument, NULL, 's'},
						     {"trace", required_argument, NULL, 't'},
						     {"help", no_argument, NULL, 'h'},
						     {0}};
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 's':
			ret_options->seed = strtoull(optarg, NULL, 0);
			break;
		case 't':
			ret_options->trace = optarg;
			break;
		default:
			return usage(option == 'h' ? 0 : 2);
		}
	}
	return optind + 1 < argc ? -1 : usage(2);
}

static bool rules_parse(char **texts, size_t n_rules, struct rule *ret_rules) {
	for (size_t i = 0; i < n_rules; i++) {
		int r = rule_parse(texts[i], &ret_rules[i]);

		if (r != 0) {
			fprintf(stderr, "netsim: \"%s\": %s\n", texts[i], rule_error(r));
			return false;
		}
	}
	return true;
}

/* A descriptor for the signals that end it or ask for a report. */
static int signals_open(void) {
	sigset_t signals;
	int fd;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	fd = signalfd(-1, &signals, SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int run(const char *device, struct simulator *simulator) {
	CLEANUP(cleanup_fd) int signal_fd = signals_open(), device_fd = device_open(device);

	if (signal_fd < 0 || device_fd < 0) {
		return signal_fd < 0 ? signal_fd : device_fd;
	}
	(void)prctl(PR_SET_TIMERSLACK, 1); /* ns; 50 us else */
	simulator->signal_fd = signal_fd;
	simulator->device_fd = device_fd;
	printf("{\"ready\": \"%s\"}\n", device);
	(void)fflush(stdout);
	return simulator_run(simulator);
}

static void cleanup_simulator(struct simulator **simulator) {
	if (*simulator == NULL) {
		return;
	}
	queue_deinit(&(*simulator)->queue);
	free((*simulator)->rules);
	if ((*simulator)->trace != NULL) {
		(void)fclose((*simulator)->trace);
	}
	free(*simulator);
}

int main(int argc, char **argv) {
	CLEANUP(cleanup_simulator) struct simulator *simulator = calloc(1, sizeof *simulator);
	struct options options = {.seed = 1};
	int r = options_parse(argc, argv, &options);

	if (r >= 0) {
		return r;
	}
	if (simulator == NULL ||
	    (simulator->rules = calloc((size_t)argc, sizeof *simulator->rules)) == NULL) {
		return 1;
	}
	simulator->random.state = options.seed;
	simulator->n_rules = (size_t)(argc - optind - 1);
	if (!rules_parse(argv + optind + 1, simulator->n_rules, simulator->rules)) {
		return 2;
	}
	if (options.trace != NULL && (simulator->trace = fopen(options.trace, "we")) == NULL) {
		perror(options.trace);
		return 1;
	}
	r = run(argv[optind], simulator);
	if (r < 0) {
		fprintf(stderr, "netsim: %s: %s\n", argv[optind], strerror(-r));
	}
	return r < 0;
}
