/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a process inherits from whoever started it, and would rather not: a private helper may have a hostile parent. */

#include <stdbool.h>

#include "helper/reason.h"

/* Whether DESCRIPTOR_PARENT is a connected SOCK_SEQPACKET socket of the Unix domain. */
bool surroundings_have_client(void);

/* Empties the environment, resets signals, timers, umask and working directory, forbids core dumps and sees to it that there can
 * be descriptor_limit() descriptors. Descriptors 0 and 1 are on /dev/null afterwards (DESCRIPTOR_LOG too in a private start, where
 * nothing is logged), all others closed, but for what was handed down at DESCRIPTOR_FIRST_INHERITED: the client's socket, which moves
 * to DESCRIPTOR_FIRST_CLIENT, or @n_listeners of them, which move to DESCRIPTOR_FIRST_LISTENER. -errno. */
int surroundings_clean(bool is_private, int n_listeners, struct reason *ret_reason);

/* Blocks SIGTERM and SIGINT and takes them as reads of DESCRIPTOR_SIGNAL instead. -errno. */
int surroundings_take_signals(void);
