/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Who pays for what a client does, and how much he may. */

#include "helper/realm.h"

/* Who is at the other end of a socket (SO_PEERCRED, SO_PEERGROUPS), or started the private helper. */
struct peer {
	uid_t uid;
	gid_t gid;
	const gid_t *groups; /* borrowed; the others */
	size_t n_groups;
};

/* An account is for a user at one listener. Limits are those at his first connection. */
struct owner {
	uid_t uid;
	const struct realm *realm; /* borrowed */
	struct config_limits limits;
};

/* The owner that @peer counts as: himself, or for a subordinate uid the user it belongs to. His limits are on the host's own listener
 * those of his [user] section, his first [group] section and [limits]; in a realm, where anybody may be any uid, that of the
 * realm and [limits]. */
void owner_find(const struct realm *realm, const struct subordinates *subordinates,
		const struct peer *peer, struct owner *ret_owner);
