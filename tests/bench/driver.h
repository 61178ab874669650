/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the programs share that drive the library to be measured. */

#include <stddef.h>
#include <stdint.h>
#include <time.h>

double driver_seconds(clockid_t clock);
int64_t driver_now_ns(clockid_t clock);

/* The lines of standard input, for as long as the program lives. Exits where memory does not suffice. */
const char **driver_read_hosts(size_t *ret_n_hosts);
