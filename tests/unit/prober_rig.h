/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A prober with its raw sockets, and one owner with one session. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper/prober_private.h"
#include "tests/unit/forge.h"

struct rig {
	int tun; /* network_open_tun() */
	struct config config;
	struct icmp_sockets *sockets;
	struct realm realm;
	struct users users;
	struct user *user;
	struct user_part part;
	struct prober prober;
	struct ping *pings[4];
	size_t n_pings;
};

enum { RIG_SESSION = 77, RIG_FIRST_ID = 5 };

/* The configuration's defaults, without any limit of rate; with MULTIPING_SOCKET_KIND in the environment, ping sockets. */
void rig_config(struct config *ret_config);

/* Opens all that @rig->config asks for; @rig->tun is borrowed. */
void rig_open(struct rig *rig);

/* Forgets all pings, and asserts that nothing is charged any more. */
void rig_close(struct rig *rig);

/* Behind the TUN device, where nobody answers but the test; and where the kernel does. */
extern const char *const rig_silent[N_FAMILIES], *const rig_loopback[N_FAMILIES];

/* Whether it sends by ping sockets. */
bool rig_is_ping(const struct rig *rig);

/* A ping of the default size to @targets ("10.9.0.7", "fd00:9::7"), a list that ends with NULL; nothing is admitted yet. */
struct ping *rig_ping(struct rig *rig, uint32_t timeout_us, const char *const *targets);

/* Admits all of its targets. */
void rig_start(struct rig *rig, struct ping *ping);

/* rig_ping() to one target and rig_start(). */
struct ping *rig_probe(struct rig *rig, uint32_t timeout_us, const char *target);

/* One look at network and timers. */
void rig_turn(struct rig *rig);

/* Turns until @ping has @n finished probes; fails after some seconds. */
void rig_wait(struct rig *rig, const struct ping *ping, uint32_t n);

uint32_t rig_n_finished(const struct rig *rig, const struct ping *ping);

/* None of @ping's probes is finished. */
void rig_assert_pending(const struct rig *rig, const struct ping *ping);

/* There are @n events, the last one of @kind about @ping. */
void rig_assert_event(const struct rig *rig, uint32_t n, enum outcome_kind kind,
		      const struct ping *ping);

/* The final outcome of the target @index, which must have one. */
struct outcome rig_outcome(const struct rig *rig, const struct ping *ping, uint32_t index);

/* The first open probe of @ping; the slot stays that of the same probe when it ends. */
uint32_t rig_slot(const struct ping *ping);

/* Sleeps. */
void rig_sleep_ms(int64_t ms);

/* Lets seconds pass at once: both clocks of the prober go on as if it had been stopped meanwhile. */
void rig_pass_seconds(struct rig *rig, int64_t seconds);
