/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Level 2 from inside, for level 1. */

#include "client/lib/object.h"

/* As multiping_run(): each target that gets no reply is asked again, at once, until it was asked
 * @max_asked times. */
int rounds_run(struct multiping *multiping, uint32_t max_asked);
