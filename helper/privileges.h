/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Who the helper is, and that it has no right left once its sockets are open. Everything about ids and capabilities is in here. */

#include <stdbool.h>
#include <sys/types.h>

#include "helper/reason.h"

struct identity {
	bool change; /* started with effective uid 0: these ids are to be taken on, all other groups given up */
	uid_t uid;
	gid_t gid;
};

enum { PRIVILEGES_E_REFUSED = 1 };

/* Makes this process unreadable for others of its uid (ptrace(2), pidfd_getfd(2), core dumps), and checks it: the kernel resets
 * this with every change of ids or capabilities, so it is called after each. -errno; PRIVILEGES_E_REFUSED: it did not take. */
int privileges_hide(void);

/* Whom to become. Started by root: @user, or where that is @default_user and no such account exists, an id that nobody has;
 * never root, never nobody. Started setuid root: the caller. Else nothing changes. -errno; PRIVILEGES_E_REFUSED. */
int privileges_choose(const char *user, const char *default_user, struct identity *ret_identity,
		      struct reason *ret_reason);

/* Takes on the ids and keeps, of what capabilities there are, those that the start still needs: CAP_NET_RAW for the sockets,
 * CAP_NET_ADMIN for buffers above the system's limits, CAP_SYS_CHROOT for the empty root. The bounding set is emptied and securebits are locked where that is allowed. -errno. */
int privileges_become(const struct identity *identity, struct reason *ret_reason);

/* Gives up every capability. -errno. */
int privileges_drop(struct reason *ret_reason);

/* Proves that nothing is left: tries what must fail. PRIVILEGES_E_REFUSED: something is left; -errno: could not be asked. */
int privileges_prove(const struct identity *identity, struct reason *ret_reason);
