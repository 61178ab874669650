/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* -J: one object a line, {"TYPE": {..}}, of fping 5.5's types and fields. Readers leave out what they do not know, so that there may
 * be more: here these are "address" and "ttl" of a "resp", and the types "duplicate", "icmpError", "sendError" and "reachable".
 * Times are in milliseconds, "time" and "elapsed" in seconds. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "client/cli/rounds.h"
#include "client/cli/statistics.h"
#include "client/include/multiping.h"

/* A string with its quotes. What is not printable ASCII is escaped byte by byte, so that it is JSON whatever a name may be. */
void json_print_text(FILE *stream, const char *text);

/* @timestamp: as -D has it; "": none. */
void json_print_reply(FILE *stream, const char *label, uint64_t round,
		      const struct multiping_result *result, const char *timestamp);
void json_print_timeout(FILE *stream, const char *label, uint64_t round, const char *timestamp);
void json_print_duplicate(FILE *stream, const char *label, uint64_t round, uint32_t size_bytes,
			  int64_t rtt_ns);
void json_print_icmp_error(FILE *stream, const char *label, const char *reporter, uint8_t type,
			   uint8_t code, const char *text);
void json_print_send_error(FILE *stream, const char *label, uint64_t round, int error,
			   const char *text);
void json_print_warning(FILE *stream, const char *label, const char *message);

/* @unix_seconds: when a report is made; 0: it is the last word. @outage_ms: NULL: is not wanted. */
void json_print_summary(FILE *stream, const char *label, const struct tally *tally,
			int64_t unix_seconds, const uint64_t *outage_ms);
void json_print_rtts(FILE *stream, const char *label, const struct rounds *rounds, size_t target,
		     uint64_t n_sent);
void json_print_totals(FILE *stream, const struct totals *totals, int64_t elapsed_ns);
void json_print_reachable(FILE *stream, uint32_t n_required, uint64_t n_alive);
