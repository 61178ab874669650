/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One turn of the loop that moves everything: names, connection, messages both ways, time. */

#include "client/lib/object.h"

enum { SESSION_MAX_EVENTS = 4096 }; /* that may wait before the helper has to */

/* Does what can be done without blocking, and reads only while fewer than @max_events events wait.
 * 0, or -errno where a helper could not be reached or memory ran out; all that was asked is decided
 * then. */
int session_dispatch(struct multiping *multiping, size_t max_events);

/* Waits until the object has something to do, or the monotonic clock is at @until_ns (INT64_MAX:
 * never). 1: it has; 0; -EINTR. */
int session_wait(const struct multiping *multiping, int64_t until_ns);

/* The connection is over, for a reason that stands in the words: tells of it, and lets what has no
 * outcome be asked again, or be lost. Returns 0; or -@error where it is one of the call: a helper
 * that was lost is not, one that could not be reached is. -ENOMEM. */
int session_fail(struct multiping *multiping, int error);

/* Ends what a lost helper has left, while fewer than @max_events events wait. -ENOMEM. */
int session_lose(struct multiping *multiping, size_t max_events);

/* Makes the descriptor readable, so that the program dispatches soon. */
void session_wake(struct multiping *multiping);

/* Handles one message of a helper that is up. -EPROTO where it may not come; -ENOMEM. */
int session_handle_message(struct multiping *multiping, const struct message *message);

/* Writes requests while the socket, the helper's two pings and what is queued allow. -errno. */
int session_write(struct multiping *multiping, int64_t now_ns);

/* How many entries of finished batches are kept for late replies. */
static inline size_t session_max_finished(const struct multiping *multiping) {
	return 4 * multiping->targets.n + 4096;
}
