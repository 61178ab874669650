/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Between the targets and the resolver. */

#include "client/lib/object.h"

/* Takes in what was looked up, and passes on names while there is room. Does not block. -errno. */
int names_dispatch(struct multiping *multiping);

/* Queues, or ends, what multiping_ping() asked of @target while its name was not known. -ENOMEM. */
int names_release_waiting(struct multiping *multiping, struct target *target);

/* Targets of multiping_send() that wait for their names wait no more: the helper was lost. */
void names_lose(struct multiping *multiping, int error);
