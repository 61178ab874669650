/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which targets there are and what they are called, before the first ping: arguments, a file, a range. */

#include "client/cli/output.h"
#include "client/cli/pinger.h"

enum gather_error { /* both were told; further to -errno */
		    GATHER_E_ARGUMENTS = 1,
		    GATHER_E_FAILURE,
};

/* Adds what @options name to @pinger. Blocks, with -m, for the name service. */
int gather_targets(const struct options *options, struct pinger *pinger, struct output *output);

/* With -n and -d: looks up what targets with an address are to be called. Blocks for the name service. -ENOMEM. */
int gather_names(const struct options *options, struct pinger *pinger);
