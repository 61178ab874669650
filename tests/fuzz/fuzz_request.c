/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The helper's decoder: hostile clients' bytes. What it takes, it also packs and takes again, as the same. */

#include <errno.h>
#include <string.h>

#include "protocol/request.h"
#include "protocol/scan.h"
#include "tests/fuzz/fuzz.h"

/* Packs @request and unpacks that: packed once more, the same bytes. */
static void check_round_trip(const struct request *request) {
	static struct request_decoder decoder;
	static struct message_buffer first, second;
	struct request again;
	struct fault fault;

	if (request_pack(request, &first) == -ENOSPC) {
		return; /* with its defaults spelt out it may be longer than it came */
	}

	FUZZ_CHECK(request_unpack(&decoder, first.bytes, first.n_bytes, &again, &fault) == 0);
	FUZZ_CHECK(request_pack(&again, &second) == 0);
	FUZZ_CHECK(first.n_bytes == second.n_bytes);
	FUZZ_CHECK(memcmp(first.bytes, second.bytes, first.n_bytes) == 0);
}

static void check_fault(const struct fault *fault, int r, enum protocol_code scanned) {
	FUZZ_CHECK(protocol_code_name(fault->code) != NULL);
	FUZZ_CHECK(fault->message[0] != '\0');
	FUZZ_CHECK(memchr(fault->message, '\0', sizeof(fault->message)) != NULL);
	FUZZ_CHECK(r == REQUEST_E_UNANSWERABLE || !protocol_code_closes(fault->code));
	if (scanned != PROTOCOL_CODE_NONE) {
		FUZZ_CHECK(fault->code == scanned);
	} else {
		FUZZ_CHECK(fault->code >= PROTOCOL_CODE_DUPLICATE_KEY); /* msgpack-c agrees */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
	static struct request_decoder decoder;
	struct request request;
	struct fault fault;
	int r = request_unpack(&decoder, bytes, n_bytes, &request, &fault);

	if (r != 0) {
		FUZZ_CHECK(r == REQUEST_E_FAULT || r == REQUEST_E_UNANSWERABLE);
		check_fault(&fault, r, message_scan(bytes, n_bytes));
		return 0;
	}

	if (request.method == REQUEST_PING) {
		FUZZ_CHECK(request.ping.targets == decoder.targets);
		FUZZ_CHECK(request.ping.n_targets >= 1);
		FUZZ_CHECK(request.ping.n_targets <= PROTOCOL_MAX_TARGETS);
		FUZZ_CHECK(request.ping.pattern >= -1 && request.ping.pattern <= UINT8_MAX);
	}
	check_round_trip(&request);
	return 0;
}
