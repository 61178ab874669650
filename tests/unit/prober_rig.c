/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/prober_rig.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/network.h"

void rig_config(struct config *ret_config) {
	config_init(ret_config);
	if (getenv("MULTIPING_SOCKET_KIND")) {
		ret_config->socket = CONFIG_SOCKET_PING;
	}
	ret_config->probes_in_flight = 1024;
	ret_config->total_packets_per_second = CONFIG_UNLIMITED;
	ret_config->destination_packets_per_second = CONFIG_UNLIMITED;
	ret_config->limits.packets_per_second = CONFIG_UNLIMITED;
}

static int64_t passed_seconds;

static int read_after_stop(clockid_t id, struct timespec *ret_time) {
	int r = clock_gettime(id, ret_time);

	ret_time->tv_sec += passed_seconds;
	return r;
}

void rig_open(struct rig *rig) {
	struct tried tried[PROTOCOL_MAX_TRIED];
	struct owner owner;
	size_t n_tried;

	network_drain(rig->tun);
	assert_int_equal(icmp_sockets_open(&rig->config, tried, &n_tried, &rig->sockets), 0);
	assert_int_equal(n_tried, 0);
	assert_int_equal(prober_init(&rig->prober, &rig->config, rig->sockets), 0);
	rig->realm = (struct realm){.config = &rig->config, .listener = rig->config.listeners};
	users_init(&rig->users, rig->config.probes_in_flight, 1 << 20);
	owner_find(&rig->realm, &(struct subordinates){0}, &(struct peer){.uid = 1000}, &owner);
	assert_int_equal(user_open_session(&rig->users, &owner, 0, &rig->part, &rig->user), 0);
	rig->n_pings = 0;
	passed_seconds = 0;
}

void rig_close(struct rig *rig) {
	for (size_t i = 0; i < rig->n_pings; i++) {
		uint32_t n = prober_forget(&rig->prober, rig->pings[i]);

		assert_int_equal(rig->pings[i]->open_first, PROBE_NONE);
		user_release(rig->user, &rig->part, USER_PROBES, n);
	}
	prober_forget_news(&rig->prober, RIG_SESSION);
	assert_null(prober_pop_news(&rig->prober));
	assert_int_equal(rig->prober.wheel.n_timers, 0);
	assert_int_equal(rig->prober.table.n_in_use, 0);
	assert_int_equal(rig->part.share[USER_PROBES], 0);
	assert_int_equal(rig->user->n_held_up, 0);
	user_close_session(rig->user, &rig->part);
	users_deinit(&rig->users);
	prober_deinit(&rig->prober);
	(void)icmp_sockets_free(rig->sockets);
	for (size_t i = 0; i < rig->n_pings; i++) {
		free(rig->pings[i]);
	}
}

static struct in6_addr to_address(const char *text) {
	uint8_t ipv4[4];
	struct in6_addr address;

	if (inet_pton(AF_INET, text, ipv4) == 1) {
		return address_from_ipv4(ipv4);
	}
	assert_int_equal(inet_pton(AF_INET6, text, &address), 1);
	return address;
}

const char *const rig_silent[N_FAMILIES] = {"10.9.0.7", "fd00:9::7"};
const char *const rig_loopback[N_FAMILIES] = {"127.0.0.1", "::1"};

bool rig_is_ping(const struct rig *rig) {
	return icmp_sockets_facts(rig->sockets)->are_ping;
}

struct ping *rig_ping(struct rig *rig, uint32_t timeout_us, const char *const *targets) {
	uint32_t n = 0;
	struct ping *ping;

	while (targets[n] != NULL) {
		n++;
	}
	ping = calloc(1, sizeof *ping + n * sizeof *ping->targets);
	assert_non_null(ping);
	assert_true(rig->n_pings < sizeof rig->pings / sizeof *rig->pings);
	rig->pings[rig->n_pings] = ping;
	*ping = (struct ping){
		.session = RIG_SESSION,
		.id = RIG_FIRST_ID + (uint32_t)rig->n_pings++,
		.user = rig->user,
		.part = &rig->part,
		.arrived_ns = clock_monotonic_ns(&rig->prober.clock),
		.n_targets = n,
		.timeout_us = timeout_us,
		.size_bytes = PROTOCOL_DEFAULT_DATA_BYTES,
		.ttl = -1,
		.tos = -1,
		.targets = (struct in6_addr *)(ping + 1),
		.n_unsent = n,
		.n_undelivered = n,
		.open_first = PROBE_NONE,
		.finished_first = PROBE_NONE,
	};
	rig->part.counters.targets_queued += n;
	for (uint32_t i = 0; i < n; i++) {
		ping->targets[i] = to_address(targets[i]);
	}
	return ping;
}

void rig_start(struct rig *rig, struct ping *ping) {
	while (ping->n_admitted < ping->n_targets) {
		assert_int_equal(user_charge(rig->user, &rig->part, USER_PROBES, 1), 0);
		prober_start(&rig->prober, ping);
	}
}

struct ping *rig_probe(struct rig *rig, uint32_t timeout_us, const char *target) {
	const char *const targets[] = {target, NULL};
	struct ping *ping = rig_ping(rig, timeout_us, targets);

	rig_start(rig, ping);
	return ping;
}

void rig_turn(struct rig *rig) {
	prober_receive(&rig->prober, true);
	prober_expire(&rig->prober);
}

uint32_t rig_n_finished(const struct rig *rig, const struct ping *ping) {
	uint32_t n = 0;
	struct outcome outcome;

	for (uint32_t slot = ping->finished_first; slot != PROBE_NONE; n++) {
		slot = prober_peek(&rig->prober, slot, &outcome);
	}
	return n;
}

void rig_wait(struct rig *rig, const struct ping *ping, uint32_t n) {
	for (int i = 0; i < 20000; i++) {
		rig_turn(rig);
		if (rig_n_finished(rig, ping) >= n) {
			assert_int_equal(rig_n_finished(rig, ping), n);
			return;
		}
		(void)usleep(500);
	}
	fail_msg("%u of %u outcomes after 10 s", rig_n_finished(rig, ping), n);
}

void rig_assert_pending(const struct rig *rig, const struct ping *ping) {
	assert_int_equal(rig_n_finished(rig, ping), 0);
}

void rig_assert_event(const struct rig *rig, uint32_t n, enum outcome_kind kind,
		      const struct ping *ping) {
	const struct probe_event *last = &rig->prober.events[n - 1];

	assert_int_equal(rig->prober.n_events, n);
	assert_int_equal(last->outcome.kind, kind);
	assert_int_equal(last->session, RIG_SESSION);
	assert_int_equal(last->id, ping->id);
}

struct outcome rig_outcome(const struct rig *rig, const struct ping *ping, uint32_t index) {
	struct outcome outcome = {0};

	for (uint32_t slot = ping->finished_first; slot != PROBE_NONE;) {
		slot = prober_peek(&rig->prober, slot, &outcome);
		if (outcome.index == index) {
			return outcome;
		}
	}
	fail_msg("target %u has no outcome", index);
	return outcome;
}

uint32_t rig_slot(const struct ping *ping) {
	assert_int_not_equal(ping->open_first, PROBE_NONE);
	return ping->open_first;
}

void rig_sleep_ms(int64_t ms) {
	const struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	(void)nanosleep(&time, NULL);
}

void rig_pass_seconds(struct rig *rig, int64_t seconds) {
	rig->prober.clock.read = read_after_stop;
	passed_seconds += seconds;
}
