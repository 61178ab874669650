/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the fuzz targets of the two families have in common. */

#include "helper/icmp.h"

/* Takes @bytes for what arrived at the receive socket of @family: two bytes that say how much longer the packet was than our buffer,
 * then the packet. Always 0. */
int icmp_input_check(enum family family, const uint8_t *bytes, size_t n_bytes);
