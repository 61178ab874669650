/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* One thread. A turn of the loop reads some packets and sends some that are due, so that neither a flood of requests nor one of
 * answers holds up the other. A write to a TUN device does not wait: the packet has gone through the kernel to the receiver's
 * socket when it returns, so the moment before it and the receiver's time stamp are as close as can be. */
#include "tests/netsim/simulator.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "helper/cleanup.h"
#include "tests/netsim/fragment.h"
#include "tests/netsim/report.h"

enum {
	TURN_PACKETS = 64,
	NS_PER_US = 1000,
	NS_PER_SECOND = 1000000000,
};

static int64_t clock_ns(clockid_t clock) {
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static struct moment now(void) {
	return (struct moment){clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_REALTIME)};
}

/* --- requests --- */

/* Plans one of a rule's answers to @request. */
static int plan(struct simulator *simulator, const struct rule *rule, struct answer *answer,
		const struct request *request, struct moment received) {
	const struct occasion occasion = {.random = &simulator->random,
					  .host = rule_host(rule, &request->destination)};
	struct values values;
	struct job *job;
	int r;

	answer_draw(answer, &occasion, &values);
	if (values.of[FIELD_COPIES] == 0) {
		return 0;
	}
	if (random_chance(&simulator->random, values.of[FIELD_REORDER])) {
		values.of[FIELD_DELAY] = 0;
		answer->n_reordered++;
	}
	job = job_new(request);
	if (job == NULL) {
		return -ENOMEM;
	}
	job->rule = rule;
	job->answer = answer;
	job->received = received;
	job->due_ns = received.monotonic_ns + values.of[FIELD_DELAY] * NS_PER_US;
	job->n_copies = (uint64_t)values.of[FIELD_COPIES];
	r = queue_push(&simulator->queue, job);
	if (r < 0) {
		free(job);
	}
	return r;
}

static int take(struct simulator *simulator, size_t n_bytes, struct moment received) {
	struct request request;
	struct rule *rule;
	int r = 0;

	simulator->n_received++;
	if (!request_parse(simulator->bytes, n_bytes, &request)) {
		simulator->n_other++;
		return 0;
	}
	rule = rule_find(simulator->rules, simulator->n_rules, &request.destination);
	if (rule == NULL) {
		simulator->n_unmatched++;
		return 0;
	}
	rule->n_requests++;
	for (size_t i = 0; i < rule->n_answers && r == 0; i++) {
		r = plan(simulator, rule, &rule->answers[i], &request, received);
	}
	return r;
}

static int receive(struct simulator *simulator) {
	for (int i = 0; i < TURN_PACKETS; i++) {
		ssize_t n = read(simulator->device_fd, simulator->bytes, sizeof simulator->bytes);
		int r;

		if (n < 0) {
			return errno == EAGAIN ? 0 : -errno;
		}
		r = take(simulator, (size_t)n, now());
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

/* --- answers --- */

static bool write_packet(const struct simulator *simulator, const struct packet *packet) {
	return write(simulator->device_fd, packet->bytes, packet->n_bytes) >= 0;
}

/* Sends the packet that was built in pieces of @n_piece_bytes, the last one first: so nothing is known of it until the end. */
static bool write_fragments(struct simulator *simulator, size_t n_piece_bytes) {
	size_t number = fragment_count(&simulator->packet, n_piece_bytes);
	uint32_t identification = (uint32_t)random_next(&simulator->random);
	bool is_taken = true;

	while (number-- > 0) {
		fragment_build(&simulator->packet, n_piece_bytes, number, identification,
			       &simulator->fragment);
		is_taken &= write_packet(simulator, &simulator->fragment);
	}
	return is_taken;
}

static void send_packet(struct simulator *simulator, const struct job *job,
			const struct values *values) {
	struct answer *answer = job->answer;
	size_t n_piece_bytes = (size_t)values->of[FIELD_FRAGMENT] * 8;
	struct moment sent;
	bool is_taken;

	if (random_chance(&simulator->random, values->of[FIELD_LOSS])) {
		answer->n_lost++;
		return;
	}
	packet_build(&job->request, answer, values, &simulator->random, &simulator->packet);
	sent = now();
	is_taken = n_piece_bytes > 0 ? write_fragments(simulator, n_piece_bytes)
				     : write_packet(simulator, &simulator->packet);
	if (!is_taken) {
		answer->n_refused++;
		return;
	}
	answer->n_sent++;
	if (simulator->trace != NULL) {
		trace_write(simulator->trace, simulator, job, sent);
	}
}

/* Sends a job's next copy; where it was not the last, the job is pushed again, a gap later. Takes @job. */
static int run_job(struct simulator *simulator, struct job *job) {
	const struct occasion occasion = {.random = &simulator->random,
					  .host = rule_host(job->rule, &job->request.destination),
					  .n_copy = job->n_copy};
	struct values values;
	int r = 0;

	answer_draw(job->answer, &occasion, &values);
	send_packet(simulator, job, &values);
	if (++job->n_copy < job->n_copies) {
		job->due_ns += values.of[FIELD_GAP] * NS_PER_US;
		r = queue_push(&simulator->queue, job);
		job = r == 0 ? NULL : job;
	}
	free(job);
	return r;
}

static int send_due(struct simulator *simulator) {
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	int r = 0;

	for (int i = 0; i < TURN_PACKETS && r == 0; i++) {
		const struct job *first = queue_first(&simulator->queue);

		if (first == NULL || first->due_ns > now_ns) {
			break;
		}
		r = run_job(simulator, queue_pop(&simulator->queue));
	}
	return r;
}

/* --- the loop --- */

/* How long to wait for a packet: until the next answer is due; NULL: for ever. */
static const struct timespec *patience(const struct simulator *simulator,
				       struct timespec *ret_time) {
	const struct job *first = queue_first(&simulator->queue);
	int64_t wait_ns;

	if (first == NULL) {
		return NULL;
	}
	wait_ns = first->due_ns - clock_ns(CLOCK_MONOTONIC);
	wait_ns = wait_ns > 0 ? wait_ns : 0;
	*ret_time = (struct timespec){wait_ns / NS_PER_SECOND, wait_ns % NS_PER_SECOND};
	return ret_time;
}

/* Returns 1 when it is time to end. */
static int handle_signal(struct simulator *simulator) {
	struct signalfd_siginfo signal;

	if (read(simulator->signal_fd, &signal, sizeof signal) < 0) {
		return -errno;
	}
	if (simulator->trace != NULL) { /* who has the report finds all of it in the trace */
		(void)fflush(simulator->trace);
	}
	report_print(simulator);
	return signal.ssi_signo != SIGUSR1;
}

static int watch(int epoll_fd, int fd) {
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* One turn. Returns 0, 1 at the end, or -errno. */
static int turn(struct simulator *simulator, int epoll_fd) {
	struct epoll_event events[2];
	struct timespec time;
	int r = 0, n;

	n = epoll_pwait2(epoll_fd, events, 2, patience(simulator, &time), NULL);
	if (n < 0 && errno != EINTR) { /* which it is after a stop */
		return -errno;
	}
	for (int i = 0; i < n && r == 0; i++) {
		r = events[i].data.fd == simulator->device_fd ? receive(simulator)
							      : handle_signal(simulator);
	}
	return r == 0 ? send_due(simulator) : r;
}

int simulator_run(struct simulator *simulator) {
	CLEANUP(cleanup_fd) int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	int r;

	if (epoll_fd < 0) {
		return -errno;
	}
	r = watch(epoll_fd, simulator->device_fd);
	r = r == 0 ? watch(epoll_fd, simulator->signal_fd) : r;
	while (r == 0) {
		r = turn(simulator, epoll_fd);
	}
	return r < 0 ? r : 0;
}
