/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* -S: whether an address can be sent from at all, which send errors tell late and in many ways. */

#include "client/include/multiping.h"

/* Whether @source is an address of this network namespace. 0 also where the helper that @multiping is connected to lives in
 * another one; -EADDRNOTAVAIL, or -errno. */
int source_check(const char *source, const struct multiping *multiping);
