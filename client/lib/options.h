/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The caller's struct multiping_config, checked and turned into what a ping request takes. */

#include "client/include/multiping.h"
#include "protocol/request.h"

struct options {
	int family; /* of addresses: AF_UNSPEC, AF_INET, AF_INET6: of @source where there is one */
	int lookup_family; /* of names: the same, or MULTIPING_FAMILY_SYSTEM for either */
	int64_t helper_wait_us;
	struct request_ping ping; /* all of a request but its id, targets and scope */
	bool interface_is_name;   /* so that its number holds in our network namespace only */
};

/* Reads @config (NULL: the defaults) of whatever size its caller knows. Errors: as
 * multiping_new(). */
int options_read(const struct multiping_config *config, struct multiping_config *ret_config);

/* Checks and translates a @config that was read. Errors: as multiping_new(). */
int options_parse(const struct multiping_config *config, struct options *ret_options);
