/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Waits, and lets the pinger do its work in between. SIGINT ends a run early, but with its summary; SIGQUIT shows a snapshot.
 * Both are read from a descriptor, and only while pings are under way: before and after, Ctrl-C ends the program. */
#include "client/cli/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "client/cli/gather.h"
#include "client/cli/pinger.h"
#include "client/cli/refusal.h"
#include "client/cli/source.h"

#define NS_PER_S INT64_C(1000000000)
#define PROGRESS_AFTER_NS (2 * NS_PER_S)
#define PROGRESS_EVERY_NS (NS_PER_S / 2)
enum { NS_PER_US = 1000, MAX_INTERVAL_US = 60000000 /* the library's */ };

/* Why it does not go on; further to -errno. */
enum {
	RUN_E_ARGUMENTS = GATHER_E_ARGUMENTS,
	RUN_E_FAILURE = GATHER_E_FAILURE,
	RUN_E_HELPER,      /* multiping_message() tells */
	RUN_E_INTERRUPTED, /* by the user */
};

struct run {
	const struct options *options;
	struct multiping *multiping;
	struct output output;
	struct pinger pinger;
	int signals; /* signalfd; -1: none */
	sigset_t former_mask;
	int64_t started_ns;
	int64_t progress_ns; /* when to tell next how far it is; INT64_MAX: never */
	int64_t report_ns;   /* when the next of -Q is due; INT64_MAX: never */
};

static int64_t monotonic_ns(void) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int open_library(struct run *run) {
	const struct options *options = run->options;
	const int64_t interval_us = (options->interval_ns + NS_PER_US - 1) / NS_PER_US;
	struct multiping_config config;

	multiping_config_init(&config);
	config.socket_path = options->socket_path;
	config.family = options->family == AF_UNSPEC ? MULTIPING_FAMILY_SYSTEM : options->family;
	config.size_bytes = (uint16_t)options->size_bytes;
	config.pattern = options->random_data ? -1 : 0;
	config.ttl = (uint8_t)options->ttl;
	config.tos = (uint8_t)options->tos;
	config.dont_fragment = options->dont_fragment;
	config.source = options->source;
	config.interface = options->interface;
	config.fwmark = options->fwmark;
	config.interval_us = interval_us < MAX_INTERVAL_US ? interval_us : MAX_INTERVAL_US;
	return multiping_new(&config, &run->multiping);
}

/* Writes what was printed. RUN_E_FAILURE: it cannot be written any more. */
static int flush(struct run *run) {
	int r = output_flush(&run->output);

	if (r < 0) {
		output_errno(&run->output, "standard output: ", -r);
		return RUN_E_FAILURE;
	}
	return 0;
}

/* Fails at once, as fping does, where nothing could be sent from -S. */
static int check_source(struct run *run) {
	const char *source = run->options->source;
	int r = source ? source_check(source, run->multiping) : 0;

	if (r < 0) {
		output_errno(&run->output, "cannot bind source address : ", -r);
		return RUN_E_FAILURE;
	}
	return 0;
}

/* What the helper's policy refuses to all probes ends the run. */
static int refuse(struct run *run, int error) {
	char text[1024];

	refusal_explain(run->options, run->multiping, error, text, sizeof(text));
	output_failure(&run->output, text);
	return RUN_E_FAILURE;
}

/* Nothing is lost while a helper is looked for, but why nothing goes on is worth a line. */
static void tell_outage(struct run *run, enum multiping_event_type type) {
	if (run->options->quiet) {
		return;
	}
	if (type == MULTIPING_EVENT_HELPER_DOWN) {
		output_failure(&run->output, "the helper went away; looking for it");
	} else if (type == MULTIPING_EVENT_HELPER_UP && run->pinger.is_helper_away) {
		output_failure(&run->output, "the helper is back");
	}
}

/* Lets the library work and takes its events. RUN_E_HELPER, RUN_E_FAILURE, -errno. */
static int dispatch(struct run *run) {
	struct multiping_event event;
	int64_t now_ns = monotonic_ns();
	int r = 0;

	if (multiping_dispatch(run->multiping) < 0) {
		return RUN_E_HELPER;
	}
	while (r == 0 && multiping_next_event(run->multiping, &event)) {
		tell_outage(run, event.type);
		r = pinger_handle(&run->pinger, &event, now_ns);
		if (r == PINGER_E_HELPER_LOST) {
			return RUN_E_HELPER;
		}
		if (r == PINGER_E_REFUSED) {
			return refuse(run, event.result.error);
		}
		if (r == 0 && event.type == MULTIPING_EVENT_HELPER_UP) {
			r = check_source(run);
		}
	}
	return r;
}

/* Until @at_ns (INT64_MAX: for ever), a signal, or work for the library. Whether it was a signal. */
static bool wait_until(struct run *run, int64_t at_ns) {
	struct pollfd descriptors[] = {
		{.fd = multiping_fd(run->multiping), .events = POLLIN},
		{.fd = run->signals, .events = POLLIN}, /* poll(2) leaves out a negative one */
	};
	int64_t wait_ns = at_ns - monotonic_ns();
	struct timespec timeout = {0};

	if (wait_ns > 0) {
		timeout = (struct timespec){.tv_sec = wait_ns / NS_PER_S,
					    .tv_nsec = wait_ns % NS_PER_S};
	}
	return ppoll(descriptors, 2, at_ns == INT64_MAX ? NULL : &timeout, NULL) > 0 &&
	       descriptors[1].revents != 0;
}

static int look_up_names(struct run *run) {
	int r = 0;

	while (r == 0 && run->pinger.n_lookups > 0) {
		r = dispatch(run);
		if (r == 0 && run->pinger.n_lookups > 0) {
			wait_until(run, INT64_MAX);
		}
	}
	return r;
}

static int open_signals(struct run *run) {
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGQUIT);
	run->signals = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	return run->signals < 0 || sigprocmask(SIG_BLOCK, &mask, &run->former_mask) < 0 ? -errno
											: 0;
}

static void close_signals(struct run *run) {
	close(run->signals);
	sigprocmask(SIG_SETMASK, &run->former_mask, NULL);
}

/* RUN_E_INTERRUPTED, -ENOMEM */
static int take_signals(struct run *run) {
	struct signalfd_siginfo signal;
	int r = 0;

	while (r == 0 && read(run->signals, &signal, sizeof(signal)) == sizeof(signal)) {
		r = signal.ssi_signo == SIGINT ? RUN_E_INTERRUPTED : pinger_snapshot(&run->pinger);
	}
	return r;
}

/* Long sweeps whose results go elsewhere tell a terminal how far they are. */
static void begin_progress(struct run *run) {
	bool is_silent = !options_show_alive(run->options) || !isatty(fileno(run->output.out));

	run->progress_ns = INT64_MAX;
	if (!options_have_rounds(run->options) && is_silent && isatty(fileno(run->output.err))) {
		run->progress_ns = monotonic_ns() + PROGRESS_AFTER_NS;
	}
}

static void tell_progress(struct run *run, int64_t now_ns) {
	const struct totals *totals = &run->pinger.statistics.totals;

	if (now_ns >= run->progress_ns) {
		output_progress(&run->output, run->pinger.n_decided, totals->n_targets,
				totals->n_alive);
		run->progress_ns = now_ns + PROGRESS_EVERY_NS;
	}
}

static void begin_reports(struct run *run) {
	const struct options *options = run->options;

	run->report_ns = INT64_MAX;
	if (options->report_ns > 0 && options_have_rounds(options)) {
		run->report_ns = monotonic_ns() + options->report_ns;
	}
}

/* Reports that were missed are left out. -ENOMEM. */
static int report(struct run *run, int64_t now_ns) {
	if (now_ns < run->report_ns) {
		return 0;
	}
	run->report_ns +=
		run->options->report_ns * ((now_ns - run->report_ns) / run->options->report_ns + 1);
	return pinger_report(&run->pinger);
}

static int64_t earlier(int64_t a_ns, int64_t b_ns) {
	return a_ns < b_ns ? a_ns : b_ns;
}

/* Pings until all is decided. */
static int loop(struct run *run) {
	for (;;) {
		int64_t at_ns, now_ns;
		int r = dispatch(run);

		now_ns = monotonic_ns();
		r = r == 0 ? pinger_expire(&run->pinger, now_ns) : r;
		r = r == 0 ? pinger_ask(&run->pinger, now_ns, &at_ns) : r;
		r = r == 0 ? report(run, now_ns) : r;
		r = r == 0 ? flush(run) : r;
		if (r != 0 || pinger_is_done(&run->pinger, now_ns)) {
			return r;
		}
		tell_progress(run, now_ns);
		at_ns = earlier(at_ns, run->report_ns);
		at_ns = earlier(at_ns, deadlines_next_ns(&run->pinger.deadlines));
		if (wait_until(run, earlier(at_ns, run->progress_ns))) {
			r = take_signals(run);
			if (r != 0) {
				return r;
			}
		}
	}
}

/* The exit status of a run that ended with @r; says why, where that was not told yet. STATUS_ALL_ALIVE: the targets decide. */
static int explain(struct run *run, int r) {
	if (r == 0 || r == RUN_E_INTERRUPTED) {
		return STATUS_ALL_ALIVE;
	}
	if (r == RUN_E_ARGUMENTS) {
		return STATUS_WRONG_ARGUMENTS;
	}
	if (r == RUN_E_HELPER) {
		output_failure(&run->output, multiping_message(run->multiping));
	} else if (r < 0) {
		output_errno(&run->output, "", -r);
	}
	return STATUS_FAILURE;
}

/* From the first ping to the summary. */
static int ping(struct run *run) {
	const struct totals *totals = &run->pinger.statistics.totals;
	int r, status;

	begin_progress(run);
	begin_reports(run);
	r = open_signals(run);
	if (r == 0) {
		r = loop(run);
		close_signals(run);
	}
	output_clear_progress(&run->output);
	status = explain(run, r);
	if (status == STATUS_ALL_ALIVE || totals->n_sent > 0) {
		pinger_finish(&run->pinger, status != STATUS_ALL_ALIVE,
			      monotonic_ns() - run->started_ns);
	}
	if (status == STATUS_ALL_ALIVE) {
		status = explain(run, flush(run));
	}
	if (status != STATUS_ALL_ALIVE) {
		return status;
	}
	if (run->options->n_required > 0) {
		return totals->n_alive < run->options->n_required ? STATUS_SOME_SILENT
								  : STATUS_ALL_ALIVE;
	}
	if (totals->n_unknown > 0) {
		return STATUS_NAME_NOT_FOUND;
	}
	return totals->n_alive < totals->n_targets ? STATUS_SOME_SILENT : STATUS_ALL_ALIVE;
}

static int run_prepared(struct run *run) {
	const struct totals *totals = &run->pinger.statistics.totals;
	int r;

	r = gather_targets(run->options, &run->pinger, &run->output);
	if (r == 0) {
		r = look_up_names(run);
	}
	if (r == 0) {
		r = gather_names(run->options, &run->pinger);
	}
	if (r != 0) {
		return explain(run, r);
	}
	pinger_start(&run->pinger, monotonic_ns());
	if (totals->n_targets == 0) {
		return totals->n_unknown > 0 ? STATUS_NAME_NOT_FOUND : STATUS_SOME_SILENT;
	}
	return ping(run);
}

int run(const struct options *options, FILE *out, FILE *err) {
	struct run run = {
		.options = options,
		.output = {.out = out, .err = err, .options = options},
		.signals = -1,
		.started_ns = monotonic_ns(),
	};
	int r, status;

	r = open_library(&run);
	if (r == -ENAMETOOLONG) { /* --socket was looked at */
		output_errno(&run.output, "MULTIPING_SOCKET: ", -r);
		return STATUS_FAILURE;
	}
	if (r == -ENODEV) {
		fprintf(err, "binding to specific interface (SO_BINTODEVICE): %s\n", strerror(-r));
		return STATUS_WRONG_ARGUMENTS; /* in fping's words, its slip included */
	}
	if (r < 0) {
		return explain(&run, r);
	}
	pinger_init(&run.pinger, options, run.multiping, &run.output);
	status = run_prepared(&run);
	pinger_deinit(&run.pinger);
	multiping_free(run.multiping);
	return status;
}
