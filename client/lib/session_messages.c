/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the helper says. It is held to the protocol: a place that was not asked, a response to
 * nothing, end the connection. Ids that are not known are those of finished batches that were
 * forgotten, and are skipped. */

#include <errno.h>
#include <string.h>

#include "client/lib/clock.h"
#include "client/lib/probe.h"
#include "client/lib/session.h"

#define NO_MEMORY_NS                                                                               \
	(CLOCK_NS_PER_S / 10) /* until a helper without memory for a request is asked again */

static int session_broken(struct multiping *multiping, const char *what) {
	words_set(&multiping->words, "the helper broke the protocol: %s", what);
	return -EPROTO;
}

static int handle_results(struct multiping *multiping, struct batch *batch) {
	struct message_decoder *decoder = multiping->connection.decoder;
	struct outcome outcome;
	uint32_t place;
	int r;

	while ((r = message_next_outcome(decoder, &outcome)) > 0) {
		place = batch_place(batch, outcome.index);
		if (place == UINT32_MAX) {
			return session_broken(multiping, "results of what was not asked");
		}
		r = probe_handle_outcome(multiping, batch, place, &outcome);
		if (r < 0) {
			return r;
		}
	}
	return r == -EBADMSG ? session_broken(multiping, "results") : r;
}

static int handle_done(struct multiping *multiping, struct batch *batch) {
	int r;

	if (batch->state != BATCH_ASKED) {
		return 0;
	}
	probe_note_sent(multiping, batch);
	if (batch->n_undecided > 0) {
		words_set(&multiping->words, "the helper left %u probes without outcome",
			  batch->n_undecided);
	}
	r = probe_decide_all(multiping, batch, MULTIPING_HELPER_LOST, EPROTO);
	if (r == 0) {
		batches_finish(&multiping->batches, batch, session_max_finished(multiping));
	}
	return r;
}

/* The helper answered a ping with an error: nothing of it was done. */
static int handle_refusal(struct multiping *multiping, struct batch *batch,
			  const struct fault *fault) {
	bool is_option = fault->code == PROTOCOL_CODE_OPTION_REFUSED;
	int r;

	if (!batch || batch->state != BATCH_ASKED) {
		return 0;
	}
	if (fault->code == PROTOCOL_CODE_TOO_MANY_REQUESTS &&
	    strcmp(fault->limit, "request_bytes") == 0) {
		batches_ask_again(&multiping->batches, batch);
		multiping->session.retry_ns = clock_monotonic_ns() + NO_MEMORY_NS;
		return 0;
	}
	words_set(&multiping->words, "the helper refused: %s", fault->message);
	r = probe_decide_all(multiping, batch, MULTIPING_DENIED, is_option ? EACCES : EINVAL);
	if (r == 0) {
		batches_finish(&multiping->batches, batch, session_max_finished(multiping));
	}
	return r;
}

static int handle_stats(struct multiping *multiping, const struct message *message) {
	struct stats_query *query = multiping->session.query;

	query->is_over = true;
	if (message->has_fault) {
		words_set(&multiping->words, "the helper refused: %s", message->fault.message);
		query->error = -EPROTO;
		return 0;
	}
	return message_unpack_stats(multiping->connection.decoder, &query->result) == 0
		       ? 0
		       : session_broken(multiping, "stats");
}

static int handle_response(struct multiping *multiping, const struct message *message) {
	struct session *session = &multiping->session;
	const struct stats_query *query = session->query;

	session->retry_ns = 0; /* something ended, so there may be memory now */
	for (unsigned i = 0; i < session->n_pings; ++i) {
		uint64_t number = session->pings[i].batch;

		if (session->pings[i].msgid == message->msgid) {
			session->pings[i] = session->pings[--session->n_pings];
			return message->has_fault
				       ? handle_refusal(
						 multiping,
						 window_get(&multiping->batches.by_number, number),
						 &message->fault)
				       : 0;
		}
	}
	if (session->n_others == 0) {
		return session_broken(multiping, "a response without request");
	}
	--session->n_others;
	return query && query->msgid == message->msgid ? handle_stats(multiping, message) : 0;
}

int session_handle_message(struct multiping *multiping, const struct message *message) {
	struct batch *batch;

	if (message->type == MESSAGE_RESPONSE) {
		return handle_response(multiping, message);
	}
	batch = window_get(&multiping->batches.by_wire, message->id);
	if (!batch) {
		return 0;
	}
	switch ((int)message->type) {
	case MESSAGE_RESULTS:
		return handle_results(multiping, batch);
	case MESSAGE_SENT:
		probe_note_sent(multiping, batch);
		return 0;
	case MESSAGE_DONE:
		return handle_done(multiping, batch);
	default:
		return 0;
	}
}
