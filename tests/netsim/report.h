/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the simulator did: counts as JSON, and the trace, a line for each packet that it sent. */

#include <stdio.h>

#include "tests/netsim/queue.h"

struct simulator;

/* Prints the counts to standard output: one object on one line. */
void report_print(const struct simulator *simulator);

/* Writes one line: "RULE ANSWER COPY DESTINATION IDENTIFIER SEQUENCE RECEIVED SENT RECEIVED SENT", where rule and answer are their
 * numbers from 0, the others what the request said, and the moments ns by the monotonic clock, then by the realtime clock.
 * @sent was just before the write. */
void trace_write(FILE *trace, const struct simulator *simulator, const struct job *job,
		 struct moment sent);
