/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A recursive reader of the notation. Containers get a length of 16 bits, which is filled in when their end is found. */

#include "tests/unit/notation.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/packer.h"

struct reader {
	const char *next;
	struct packer packer;
};

static _Noreturn void fail(const struct reader *reader) {
	fprintf(stderr, "not in the tests' notation, or too long: %s\n", reader->next);
	abort();
}

/* Whether the next thing is @text, which is then passed over. */
static bool take(struct reader *reader, const char *text) {
	while (isspace((unsigned char)*reader->next)) {
		reader->next++;
	}
	if (strncmp(reader->next, text, strlen(text)) != 0) {
		return false;
	}

	reader->next += strlen(text);
	return true;
}

/* The number behind @mark; 1 without a mark. */
static unsigned long take_count(struct reader *reader, const char *mark) {
	char *end;
	unsigned long count = 1;

	if (take(reader, mark)) {
		count = strtoul(reader->next, &end, 10);
		reader->next = end;
	}

	return count;
}

static void read_str(struct reader *reader) {
	const char *text = reader->next;
	size_t n_bytes = strcspn(text, "'");
	unsigned long n_times;

	reader->next += n_bytes;
	if (!take(reader, "'")) {
		fail(reader);
	}

	n_times = take_count(reader, "~");
	msgpack_pack_str(&reader->packer.msgpack, n_bytes * n_times);
	for (unsigned long i = 0; i < n_times; i++) {
		msgpack_pack_str_body(&reader->packer.msgpack, text, n_bytes);
	}
}

static void read_bin(struct reader *reader) {
	const char *digits = reader->next;
	size_t n_bytes = strspn(digits, "0123456789abcdef") / 2;
	unsigned long n_times;

	reader->next += 2 * n_bytes;
	n_times = take_count(reader, "~");
	msgpack_pack_bin(&reader->packer.msgpack, n_bytes * n_times);
	for (size_t i = 0; i < n_bytes * n_times; i++) {
		char byte[3] = {digits[i % n_bytes * 2], digits[i % n_bytes * 2 + 1]};
		uint8_t value = (uint8_t)strtoul(byte, NULL, 16);

		msgpack_pack_bin_body(&reader->packer.msgpack, &value, 1);
	}
}

static void read_number(struct reader *reader) {
	bool is_negative = *reader->next == '-';
	char *end, *end_of_real;
	uint64_t number = is_negative ? (uint64_t)strtoll(reader->next, &end, 10)
				      : strtoull(reader->next, &end, 10);
	double real = strtod(reader->next, &end_of_real);

	if (end == reader->next) {
		fail(reader);
	}

	if (end_of_real > end) {
		msgpack_pack_double(&reader->packer.msgpack, real);
	} else if (is_negative) {
		msgpack_pack_int64(&reader->packer.msgpack, (int64_t)number);
	} else {
		msgpack_pack_uint64(&reader->packer.msgpack, number);
	}
	reader->next = end_of_real;
}

static void read_object(struct reader *reader);

/* The elements up to @end; returns how many, a pair being one. */
static unsigned long read_elements(struct reader *reader, const char *end, bool is_map) {
	struct message_buffer *buffer = reader->packer.buffer;
	unsigned long n_elements = 0;

	while (!take(reader, end)) {
		size_t start = buffer->n_bytes;
		size_t n_bytes;
		unsigned long n_times;

		read_object(reader);
		if (is_map) {
			if (!take(reader, ":")) {
				fail(reader);
			}
			read_object(reader);
		}
		n_bytes = buffer->n_bytes - start;
		n_times = take_count(reader, "*");
		for (unsigned long i = 1; i < n_times; i++) {
			msgpack_pack_str_body(&reader->packer.msgpack, buffer->bytes + start,
					      n_bytes);
		}
		n_elements += n_times;
		take(reader, ",");
	}

	return n_elements;
}

static void read_container(struct reader *reader, const char *end, uint8_t first_byte,
			   bool is_map) {
	struct message_buffer *buffer = reader->packer.buffer;
	uint8_t header[3] = {first_byte};
	size_t start = buffer->n_bytes;
	unsigned long n_elements;

	msgpack_pack_str_body(&reader->packer.msgpack, header, sizeof(header));
	n_elements = read_elements(reader, end, is_map);
	if (reader->packer.is_full) {
		fail(reader);
	}
	buffer->bytes[start + 1] = (uint8_t)(n_elements >> 8);
	buffer->bytes[start + 2] = (uint8_t)n_elements;
}

static void read_object(struct reader *reader) {
	if (take(reader, "[")) {
		read_container(reader, "]", 0xdc, false);
	} else if (take(reader, "{")) {
		read_container(reader, "}", 0xde, true);
	} else if (take(reader, "'")) {
		read_str(reader);
	} else if (take(reader, "x")) {
		read_bin(reader);
	} else if (take(reader, "nil")) {
		msgpack_pack_nil(&reader->packer.msgpack);
	} else if (take(reader, "true")) {
		msgpack_pack_true(&reader->packer.msgpack);
	} else if (take(reader, "false")) {
		msgpack_pack_false(&reader->packer.msgpack);
	} else {
		read_number(reader);
	}
}

void notation_pack(const char *text, struct message_buffer *buffer) {
	struct reader reader = {.next = text};

	buffer->n_bytes = 0;
	packer_init(&reader.packer, buffer);
	read_object(&reader);
	take(&reader, "");
	if (*reader.next != '\0' || packer_finish(&reader.packer) != 0) {
		fail(&reader);
	}
}
