/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* An input that is read as a program: numbers as they come, 0 behind its end. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct input {
	const uint8_t *bytes; /* borrowed */
	size_t n_bytes;       /* left */
};

static inline const uint8_t *input_take(struct input *input, size_t n_bytes) {
	const uint8_t *bytes = input->bytes;

	input->bytes += n_bytes;
	input->n_bytes -= n_bytes;
	return bytes;
}

static inline uint8_t input_take8(struct input *input) {
	return input->n_bytes > 0 ? *input_take(input, 1) : 0;
}

static inline uint32_t input_take32(struct input *input) {
	uint32_t number = 0;
	size_t n_bytes = input->n_bytes < sizeof number ? input->n_bytes : sizeof number;

	memcpy(&number, input_take(input, n_bytes), n_bytes);
	return number;
}
