/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The helper at work: listeners, sessions, raw sockets and timers in one level-triggered epoll loop. */

#include "helper/config.h"
#include "helper/icmp_sockets.h"
#include "helper/owner.h"

struct helper;

/* Makes everything that the loop needs, epoll at DESCRIPTOR_EPOLL: nothing is opened after this but clients. @config is copied,
 * @sockets taken on success. It lasts as long as the process (or the test: rig_close()). -errno. */
int helper_new(const struct config *config, struct icmp_sockets *sockets,
	       struct helper **ret_helper);

/* Learns from @files (read now) which uids belong to another user, and which none. -errno. */
int helper_read_owners(struct helper *helper, const struct passwd_files *files);

/* Clients of the configuration's listener number @realm connect at @fd (borrowed; DESCRIPTOR_FIRST_LISTENER and up). -errno. */
int helper_add_listener(struct helper *helper, int fd, unsigned realm);

/* The private start's one client, at @fd (taken, DESCRIPTOR_FIRST_CLIENT or above): when it goes, helper_run ends. Its limits are those of
 * @starter, who started the helper: he may have the socket from anybody. -errno. */
int helper_add_session(struct helper *helper, int fd, const struct peer *starter);

/* Any signal that can be read from @fd (a signalfd, borrowed) ends helper_run. -errno. */
int helper_watch_signals(struct helper *helper, int fd);

/* The service manager is told "WATCHDOG=1" every @interval_ns, from the loop itself: who cannot turn cannot tell. */
void helper_tell_alive(struct helper *helper, int64_t interval_ns);

/* Serves. 0 when told to end, or when the private client is gone; -errno where epoll fails. */
int helper_run(struct helper *helper);
