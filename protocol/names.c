/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The names of things on the wire. Packing, unpacking and the configuration read the same tables. */

#include "protocol/names.h"

#include <string.h>

#include "protocol/request.h"

static const char *const options[] = {"ttl",    "tos",       "dont_fragment",
				      "source", "interface", "fwmark"};
static const char *const features[] = {"ipv4", "ipv6", "transmit_stamps", "receive_stamps"};
static const char *const scopes[] = {"session", "owner", "helper"};

const struct name_set ping_option_names = {sizeof(options) / sizeof(options[0]), options};
const struct name_set hello_feature_names = {sizeof(features) / sizeof(features[0]), features};
const struct name_set stats_scope_names = {sizeof(scopes) / sizeof(scopes[0]), scopes};

size_t name_set_find(const struct name_set *set, const char *name, size_t n_bytes) {
	size_t i = 0;

	while (i < set->n_names &&
	       (strlen(set->names[i]) != n_bytes || memcmp(set->names[i], name, n_bytes) != 0)) {
		i++;
	}

	return i;
}

const char *ping_option_name(enum ping_option option) {
	for (size_t i = 0; i < ping_option_names.n_names; i++) {
		if ((uint32_t)option == UINT32_C(1) << i) {
			return ping_option_names.names[i];
		}
	}

	return NULL;
}

uint32_t ping_option_from_name(const char *name, size_t n_bytes) {
	size_t i = name_set_find(&ping_option_names, name, n_bytes);

	return i < ping_option_names.n_names ? UINT32_C(1) << i : 0;
}
