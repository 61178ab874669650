/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to the helper: stats, for which somebody waits, then cancels, which make room there, then
 * batches in the order of asking, two at a time. What the helper has said it will not take is not
 * sent: a second fault would end the session for all the other probes too. */

#include <errno.h>
#include <netdb.h>

#include "client/lib/clock.h"
#include "client/lib/probe.h"
#include "client/lib/session.h"

static int write_cancel(struct multiping *multiping) {
	struct request request = {.method = REQUEST_CANCEL};
	struct cancel cancel;

	batches_next_cancel(&multiping->batches, &cancel);
	request.cancel.id = cancel.wire_id;
	request.cancel.has_index = cancel.place != BATCH_WHOLE;
	request.cancel.index = request.cancel.has_index ? cancel.place : 0;
	++multiping->session.n_others;
	return connection_write(&multiping->connection, &request);
}

static int write_stats(struct multiping *multiping) {
	struct stats_query *query = multiping->session.query;
	struct request request = {.method = REQUEST_STATS, .stats.scope = query->scope};
	int r;

	r = connection_write(&multiping->connection, &request);
	query->msgid = request.msgid;
	++multiping->session.n_others;
	return r;
}

/* Ends a batch that must not be sent. */
static int refuse(struct multiping *multiping, struct batch *batch, enum multiping_outcome outcome,
		  int error) {
	int r;

	batches_unqueue_first(&multiping->batches);
	r = probe_decide_all(multiping, batch, outcome, error);
	if (r == 0) {
		batches_finish(&multiping->batches, batch, session_max_finished(multiping));
	}
	return r;
}

/* Which of the options in use the helper's policy refuses; NULL: none. */
static const char *refused_option(uint32_t options) {
	return options == 0 ? NULL : ping_option_name((enum ping_option)(options & -options));
}

/* The errno for which @batch is denied before it is asked; 0: it may be asked. */
static int denial(struct multiping *multiping, const struct batch *batch) {
	const struct connection *connection = &multiping->connection;
	const struct hello_result *hello = &connection->hello;
	const struct request_ping *ping = &multiping->options.ping;
	const char *option = refused_option(ping->options & ~hello->options);

	if (option) {
		words_set(&multiping->words, "the helper's policy refuses the option %s", option);
		return EACCES;
	}
	if (multiping->options.interface_is_name && !connection_is_in_our_namespace(connection)) {
		words_set(&multiping->words,
			  "the interface's name holds in this network namespace, but pings leave "
			  "from the "
			  "helper's (%llu): give the number that it has there",
			  (unsigned long long)hello->namespace_inode);
		return ENODEV;
	}
	if (ping->size_bytes > hello->payload_bytes) {
		words_set(&multiping->words, "size_bytes: %u asked, the helper allows %u",
			  ping->size_bytes, hello->payload_bytes);
		return EMSGSIZE;
	}
	if (batch->key.timeout_us > hello->timeout_us) {
		words_set(&multiping->words, "time-out: %u us asked, the helper allows %u",
			  batch->key.timeout_us, hello->timeout_us);
		return ERANGE;
	}
	if (batch->n_undecided >
	    hello->targets_per_message) { /* built before the helper was known */
		words_set(&multiping->words, "the helper takes %u targets at a time, ask again",
			  hello->targets_per_message);
		return EINVAL;
	}
	return 0;
}

static void collect_addresses(struct multiping *multiping, const struct batch *batch) {
	for (uint32_t i = 0; i < batch->n_asked; ++i) {
		uint32_t entry = batch->entries[batch_place(batch, i)];

		multiping->addresses[i] = targets_at(&multiping->targets, entry & ENTRY_TARGET)->ip;
	}
}

static int ask(struct multiping *multiping, struct batch *batch) {
	struct request request = {.method = REQUEST_PING, .ping = multiping->options.ping};
	struct session *session = &multiping->session;
	int r;

	r = batches_ask_first(&multiping->batches, clock_unix_ns());
	if (r < 0) {
		words_set(&multiping->words, "no request's number is left on this connection");
		return r; /* of -ENOMEM session_fail() tells */
	}
	collect_addresses(multiping, batch);
	request.ping.id = batch->wire_id;
	request.ping.targets = multiping->addresses;
	request.ping.n_targets = batch->n_asked;
	request.ping.timeout_us = batch->key.timeout_us;
	request.ping.scope = batch->key.scope;
	r = connection_write(&multiping->connection, &request);
	session->pings[session->n_pings].msgid = request.msgid;
	session->pings[session->n_pings++].batch = batch->number;
	return r;
}

static int write_ping(struct multiping *multiping) {
	struct batch *batch = multiping->batches.queue_first;
	int error;

	if (batch->n_undecided == 0) { /* all of it was cancelled */
		return refuse(multiping, batch, MULTIPING_CANCELLED, 0);
	}
	if (batch->key.scope_is_name && !connection_is_in_our_namespace(&multiping->connection)) {
		words_set(&multiping->words,
			  "%%interface: pings leave from another network namespace, the "
			  "helper's: give the number that the interface has there");
		return refuse(multiping, batch, MULTIPING_NAME_ERROR, EAI_NONAME);
	}
	error = denial(multiping, batch);
	if (error != 0) {
		return refuse(multiping, batch, MULTIPING_DENIED, error);
	}
	return ask(multiping, batch);
}

static bool ping_is_due(const struct multiping *multiping) {
	return multiping->batches.queue_first && multiping->session.retry_ns == 0 &&
	       multiping->session.n_pings < PROTOCOL_MAX_PING_REQUESTS;
}

int session_write(struct multiping *multiping, int64_t now_ns) {
	const struct session *session = &multiping->session;
	int r = 0;

	if (now_ns >= multiping->session.retry_ns) {
		multiping->session.retry_ns = 0;
	}
	while (r == 0 && !multiping->connection.has_output) {
		bool may_others = session->n_others < PROTOCOL_MAX_OTHER_REQUESTS;

		if (may_others && session->query && session->query->msgid == 0) {
			r = write_stats(multiping);
		} else if (may_others && multiping->batches.n_cancels > 0) {
			r = write_cancel(multiping);
		} else if (ping_is_due(multiping)) {
			r = write_ping(multiping);
		} else {
			break;
		}
	}
	return r;
}
