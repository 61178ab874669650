/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What prober.c and prober_receive.c share. */

#include "helper/prober.h"

/* A small packet in a send buffer counts as 768 bytes, a larger one as somewhat more than itself. */
enum { PACKET_OVERHEAD_BYTES = 1024 };

static inline uint32_t prober_buffer_bytes(const struct ping *ping) {
	return PACKET_OVERHEAD_BYTES + ping->size_bytes;
}

/* Puts a probe on the list of its ping's open ones. */
void prober_open(struct prober *prober, struct ping *ping, uint32_t slot);

/* The probe does not wait for room in its destination's queue any more. */
void prober_release_held_up(struct probe *probe);

/* How long a target of @ping has waited by @now_ns, as it is told. */
uint32_t prober_queued_us(const struct ping *ping, int64_t now_ns);

/* Gives an open probe, whose timer is no longer in the wheel, its final outcome; the details are already in the slot. */
void prober_finish(struct prober *prober, uint32_t slot, enum outcome_kind kind);

/* Until free. */
static inline int64_t prober_deadline_ns(const struct probe *probe) {
	return probe->sent_ns + (int64_t)probe->ping->timeout_us * 1000;
}
