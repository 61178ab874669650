/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What would help where this program found no helper to ping for it. */

#include <stdbool.h>
#include <sys/types.h>

#include "client/lib/words.h"

enum advice_about {
	ADVICE_NOT_STARTED, /* the private helper could not be executed */
	ADVICE_NO_RIGHT,    /* it may not send */
	ADVICE_OTHER,       /* it ended for a reason of its own, or did not give any */
};

/* Appends, after a full stop, why the private helper at @path is of no use here, as far as that can be seen, and what is. */
void advice_add(struct words *words, const char *path, enum advice_about about);

/* Whether all uids that there are have a number here: else this is a user namespace of some kind. */
bool advice_is_first_user_namespace(void);
