/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "helper/siphash.h"

/* The key of the published vectors: 00 01 02 .. 0f. */
static const struct siphash_key key = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};

/* Hashes of the inputs 00 01 02 .. of 0, 8 and 16 bytes, as they stand in the paper's reference program. */
static const uint64_t vectors[] = {0x726fdb47dd0e0e31, 0x93f5f5799a932462, 0x3f2acc7f57c29bdb};

static void siphash_published_inputs_give_published_hashes(void **state) {
	static const uint64_t words[] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

	for (size_t n = 0; n <= 2; n++) {
		assert_int_equal(siphash(&key, words, n), vectors[n]);
	}
}

static void siphash_any_bit_of_key_or_input_changes_it(void **state) {
	uint64_t input[3] = {0};
	uint64_t hash = siphash(&key, input, 3);

	for (size_t i = 0; i < 192; i++) {
		input[i / 64] ^= UINT64_C(1) << i % 64;
		assert_int_not_equal(siphash(&key, input, 3), hash);
		input[i / 64] ^= UINT64_C(1) << i % 64;
	}
	for (size_t i = 0; i < 128; i++) {
		struct siphash_key other = key;

		other.words[i / 64] ^= UINT64_C(1) << i % 64;
		assert_int_not_equal(siphash(&other, input, 3), hash);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_published_inputs_give_published_hashes),
		cmocka_unit_test(siphash_any_bit_of_key_or_input_changes_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
