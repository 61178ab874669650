/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The client's decoder: a subverted helper's bytes. Everything that can be asked of a message is asked of each. */

#include <errno.h>
#include <string.h>

#include "protocol/message.h"
#include "protocol/scan.h"
#include "tests/fuzz/fuzz.h"

static void check_text(const char *text, size_t text_bytes) {
	const char *end = memchr(text, '\0', text_bytes);

	FUZZ_CHECK(end != NULL);
	for (; text < end; text++) {
		FUZZ_CHECK(*text >= ' ' && *text <= '~');
	}
}

/* Asks for all outcomes, malformed ones too: as many as were announced. */
static void check_outcomes(struct message_decoder *decoder, uint32_t n_outcomes) {
	struct outcome outcome;
	uint32_t n_seen = 0;
	int r;

	while ((r = message_next_outcome(decoder, &outcome)) != 0) {
		n_seen++;
		if (r == -EBADMSG) {
			continue;
		}
		FUZZ_CHECK(r == 1);
		FUZZ_CHECK(outcome.index < PROTOCOL_MAX_TARGETS);
		FUZZ_CHECK(outcome.rtt_ns >= 0);
		check_text(outcome.rule, sizeof(outcome.rule));
	}
	FUZZ_CHECK(n_seen == n_outcomes);
}

static void check_response(struct message_decoder *decoder, const struct message *message) {
	static struct stats_result stats;
	struct hello_result hello;
	bool is_true = message_unpack_true(decoder) == 0;

	FUZZ_CHECK(!message->has_fault || !is_true);
	if (message_unpack_hello(decoder, &hello) == 0) {
		FUZZ_CHECK(hello.targets_per_message >= 1);
		FUZZ_CHECK(hello.targets_per_message <= PROTOCOL_MAX_TARGETS);
		check_text(hello.helper, sizeof(hello.helper));
		check_text(hello.backend, sizeof(hello.backend));
	}
	if (message_unpack_stats(decoder, &stats) == 0) {
		FUZZ_CHECK(stats.n_counters <= PROTOCOL_MAX_COUNTERS);
		for (size_t i = 0; i < stats.n_counters; i++) {
			check_text(stats.counters[i].name, sizeof(stats.counters[i].name));
		}
	}
}

static void check_message(struct message_decoder *decoder, const struct message *message) {
	check_text(message->fault.message, sizeof(message->fault.message));
	check_text(message->fault.limit, sizeof(message->fault.limit));
	check_text(message->closing.text, sizeof(message->closing.text));
	FUZZ_CHECK(message->closing.n_tried <= PROTOCOL_MAX_TRIED);
	for (size_t i = 0; i < message->closing.n_tried; i++) {
		check_text(message->closing.tried[i].what, sizeof(message->closing.tried[i].what));
	}
	check_outcomes(decoder, message->n_outcomes);
	check_response(decoder, message);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
	struct message_decoder *decoder = NULL;
	struct message message;
	int r;

	FUZZ_CHECK(message_decoder_new(&decoder) == 0);
	r = message_unpack(decoder, bytes, n_bytes, &message);
	if (r == 0) {
		check_message(decoder, &message);
	} else {
		enum protocol_code scanned = message_scan(bytes, n_bytes);

		FUZZ_CHECK(r == MESSAGE_E_MALFORMED);
		FUZZ_CHECK(scanned == PROTOCOL_CODE_NONE
				   ? !protocol_code_closes(message.fault.code) ||
					     message.fault.code == PROTOCOL_CODE_DUPLICATE_KEY
				   : message.fault.code == scanned);
		check_outcomes(decoder, 0);
	}

	message_decoder_free(decoder);
	return 0;
}
