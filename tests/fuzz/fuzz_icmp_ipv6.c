/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/icmp_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
	return icmp_input_check(FAMILY_IPV6, bytes, n_bytes);
}
