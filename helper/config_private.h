/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What config.c (the file) and config_keys.c (its keys) share. */

#include "helper/config.h"

/* Keys that stand together in a section, in the same struct. */
enum config_block {
	CONFIG_HELPER,       /* struct config */
	CONFIG_PRIVATE,      /* struct config */
	CONFIG_LIMITS,       /* struct config_limits */
	CONFIG_PATH,         /* struct config_listener */
	CONFIG_SOCKET,       /* struct config_listener */
	CONFIG_DESTINATIONS, /* struct config_listener */
	CONFIG_N_BLOCKS,
};

struct config_key {
	enum config_block block;
	const char *name;
	size_t offset;
	int (*read)(const char *value, void *field); /* sets @field, or returns -EINVAL */
	const char *expected;
	bool may_repeat;
};

extern const struct config_key config_keys[];
extern const size_t config_n_keys; /* 32 at most */
