/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/owner.h"

#include "helper/defence.h"

static bool peer_has_group(const struct peer *peer, gid_t group) {
	bool has = peer->gid == group;

	for (size_t i = 0; !has && i < peer->n_groups; i++) {
		has = peer->groups[i] == group;
	}
	return has;
}

/* Lays the first section of the file that is for @owner, or for a group of @peer, over his limits. */
static void overlay_people(struct owner *owner, const struct peer *peer, bool is_group) {
	const struct config *config = owner->realm->config;

	for (size_t i = 0; i < config->n_people; i++) {
		const struct config_people *people = &config->people[i];

		if (people->is_group == is_group &&
		    (is_group ? peer_has_group(peer, people->id) : people->id == owner->uid)) {
			config_overlay(&owner->limits, &people->own);
			return;
		}
	}
}

void owner_find(const struct realm *realm, const struct subordinates *subordinates,
		const struct peer *peer, struct owner *ret_owner) {
	*ret_owner = (struct owner){
		.uid = defence_is_on(SUBORDINATE_UIDS) ? subordinates_owner(subordinates, peer->uid)
						       : peer->uid,
		.realm = realm,
		.limits = realm->config->limits,
	};
	if (realm_is_host(realm) || !defence_is_on(REALM_LIMITS)) {
		overlay_people(ret_owner, peer, true);
		overlay_people(ret_owner, peer, false);
	} else {
		config_overlay(&ret_owner->limits, &realm->listener->own);
	}
}
