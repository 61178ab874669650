/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The names of numbered things, one by one or as sets of bits (internal to protocol/). */

#include <stddef.h>
#include <stdint.h>

struct name_set {
	size_t n_names;
	const char *const *names; /* of 0, 1, ..; in a set, of bit 0, bit 1, .. */
};

extern const struct name_set ping_option_names;   /* enum ping_option */
extern const struct name_set hello_feature_names; /* enum hello_feature */
extern const struct name_set stats_scope_names;   /* enum stats_scope, one by one */

/* The number of a name of @n_bytes; n_names where it is unknown. */
size_t name_set_find(const struct name_set *set, const char *name, size_t n_bytes);
