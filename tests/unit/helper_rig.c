/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/helper_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MS = 1000000 };

void rig_config(struct config *ret_config) {
	config_init(ret_config);
	ret_config->probes_in_flight = 16384;
	ret_config->total_packets_per_second = CONFIG_UNLIMITED;
	ret_config->destination_packets_per_second = CONFIG_UNLIMITED;
	ret_config->limits.packets_per_second = CONFIG_UNLIMITED;
}

struct helper *rig_open(const struct config *config) {
	struct tried tried[PROTOCOL_MAX_TRIED];
	struct icmp_sockets *sockets;
	struct helper *helper;
	size_t n_tried;

	assert_int_equal(icmp_sockets_open(config, tried, &n_tried, &sockets), 0);
	assert_int_equal(n_tried, 0);
	assert_int_equal(helper_new(config, sockets, &helper), 0);
	return helper;
}

static bool has_sessions(const struct helper *helper) {
	for (size_t i = 0; i < USER_MAX_CONNECTIONS; i++) {
		if (helper->sessions[i] != NULL) {
			return true;
		}
	}
	return false;
}

static void rig_free(struct helper *helper) {
	users_deinit(&helper->users);
	prober_deinit(&helper->prober);
	icmp_sockets_free(helper->sockets);
	free(helper->host.rules);
	free(helper->subordinates.ranges);
	if (helper->has_routes) {
		(void)close(DESCRIPTOR_ROUTES);
	}
	(void)close(DESCRIPTOR_EPOLL);
	free(helper);
}

void rig_close(struct helper *helper) {
	for (size_t i = 0; i < USER_MAX_CONNECTIONS; i++) {
		if (helper->sessions[i] != NULL) { /* its client goes */
			(void)shutdown(helper->sessions[i]->fd, SHUT_RDWR);
		}
	}
	for (int i = 0; i < 100000 && has_sessions(helper); i++) {
		assert_int_equal(helper_turn(helper, MS), 0);
	}
	assert_false(has_sessions(helper));
	assert_int_equal(helper->users.n_users, 0);
	assert_int_equal(helper->users.remaining[USER_CONNECTIONS], USER_MAX_CONNECTIONS);
	assert_int_equal(helper->users.remaining[USER_PROBES], helper->config.probes_in_flight);
	assert_int_equal(helper->prober.table.n_in_use, 0);
	assert_int_equal(helper->prober.wheel.n_timers, 0);
	assert_null(helper->prober.news_first);
	assert_null(helper->scheduler.first);
	assert_int_equal(helper->scheduler.n_active, 0);
	assert_int_equal(helper->n_without_hello, 0);
	rig_free(helper);
}

/* --- clients --- */

struct client *client_new(struct helper *helper, uid_t uid, bool says_hello) {
	struct client *client = calloc(1, sizeof *client);
	struct request hello = {.method = REQUEST_HELLO,
				.hello = {.protocol = PROTOCOL_VERSION, .client = "test"}};
	int fds[2];

	assert_non_null(client);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
	client->fd = fds[0];
	assert_int_equal(message_decoder_new(&client->decoder), 0);
	assert_int_equal(
		helper_begin_session(helper, fds[1], &(struct peer){.uid = uid, .gid = uid}, 0), 0);
	if (says_hello) {
		uint32_t msgid = client_send(client, &hello);

		rig_settle(helper);
		client_read(client);
		assert_non_null(client_answer(client, msgid));
		assert_int_equal(client_answer(client, msgid)->code, PROTOCOL_CODE_NONE);
	}
	return client;
}

void client_free(struct client *client) {
	(void)close(client->fd);
	message_decoder_free(client->decoder);
	free(client);
}

uint32_t client_send(struct client *client, struct request *request) {
	struct message_buffer buffer;

	request->msgid = client->next_msgid++;
	assert_int_equal(request_pack(request, &buffer), 0);
	assert_int_equal(send(client->fd, buffer.bytes, buffer.n_bytes, MSG_NOSIGNAL),
			 buffer.n_bytes);
	return request->msgid;
}

static struct in6_addr to_address(const char *text) {
	uint8_t ipv4[4];
	struct in6_addr address;

	if (inet_pton(AF_INET, text, ipv4) == 1) {
		return address_from_ipv4(ipv4);
	}
	assert_int_equal(inet_pton(AF_INET6, text, &address), 1);
	return address;
}

uint32_t client_ping(struct client *client, uint32_t id, const char *target, uint32_t n_targets,
		     uint32_t timeout_us, uint32_t interval_us) {
	struct in6_addr targets[PROTOCOL_MAX_TARGETS];
	struct request request = {.method = REQUEST_PING};

	request_ping_init(&request.ping);
	request.ping.id = id;
	request.ping.n_targets = n_targets;
	request.ping.targets = targets;
	request.ping.timeout_us = timeout_us;
	request.ping.interval_us = interval_us;
	for (uint32_t i = 0; i < n_targets; i++) {
		targets[i] = to_address(target);
	}
	return client_send(client, &request);
}

uint32_t client_cancel(struct client *client, uint32_t id) {
	struct request request = {.method = REQUEST_CANCEL, .cancel = {.id = id}};

	return client_send(client, &request);
}

uint32_t client_ask_stats(struct client *client, enum stats_scope scope) {
	struct request request = {.method = REQUEST_STATS, .stats = {.scope = scope}};

	return client_send(client, &request);
}

static struct told *told_add(struct client *client, enum message_type type, uint32_t id) {
	struct told *told = &client->told[client->n_told++];

	assert_true(client->n_told <= CLIENT_MAX_OUTCOMES);
	told->type = type;
	told->id = id;
	return told;
}

static void take_message(struct client *client, const struct message *message) {
	struct stats_result stats;
	struct told *told;

	switch (message->type) {
	case MESSAGE_RESULTS:
		for (uint32_t i = 0; i < message->n_outcomes; i++) {
			told = told_add(client, MESSAGE_RESULTS, message->id);
			assert_int_equal(message_next_outcome(client->decoder, &told->outcome), 1);
		}
		break;
	case MESSAGE_RESPONSE:
		told = told_add(client, MESSAGE_RESPONSE, message->msgid);
		if (message->has_fault) {
			told->code = message->fault.code;
			(void)strcpy(told->limit, message->fault.limit);
		} else if (message_unpack_stats(client->decoder, &stats) == 0) {
			client->stats = stats;
		}
		break;
	case MESSAGE_SENT:
	case MESSAGE_DONE:
	case MESSAGE_UNKNOWN:
		(void)told_add(client, message->type, message->id);
		break;
	case MESSAGE_CLOSING:
		told_add(client, MESSAGE_CLOSING, 0)->code = message->closing.code;
		break;
	}
}

void client_read(struct client *client) {
	uint8_t bytes[PROTOCOL_MAX_MESSAGE_BYTES + 1];
	struct message message;
	ssize_t n;

	while ((n = recv(client->fd, bytes, sizeof bytes, 0)) > 0) {
		assert_int_equal(message_unpack(client->decoder, bytes, (size_t)n, &message), 0);
		take_message(client, &message);
	}
	client->is_closed = n == 0 || errno != EAGAIN;
}

size_t client_n_told(const struct client *client, enum message_type type, uint32_t id) {
	size_t n = 0;

	for (size_t i = 0; i < client->n_told; i++) {
		n += client->told[i].type == type && client->told[i].id == id;
	}
	return n;
}

size_t client_n_outcomes(const struct client *client, uint32_t id, enum outcome_kind kind) {
	size_t n = 0;

	for (size_t i = 0; i < client->n_told; i++) {
		const struct told *told = &client->told[i];

		n += told->type == MESSAGE_RESULTS && told->id == id && told->outcome.kind == kind;
	}
	return n;
}

const struct told *client_answer(const struct client *client, uint32_t msgid) {
	for (size_t i = 0; i < client->n_told; i++) {
		if (client->told[i].type == MESSAGE_RESPONSE && client->told[i].id == msgid) {
			return &client->told[i];
		}
	}
	return NULL;
}

void assert_answered(const struct client *client, uint32_t msgid, enum protocol_code code) {
	const struct told *answer = client_answer(client, msgid);

	assert_non_null(answer);
	assert_int_equal(answer->code, code);
}

uint64_t client_counter(const struct client *client, const char *name) {
	for (size_t i = 0; i < client->stats.n_counters; i++) {
		if (strcmp(client->stats.counters[i].name, name) == 0) {
			return client->stats.counters[i].value;
		}
	}
	fail_msg("no counter %s", name);
	return 0;
}

/* --- the helper --- */

struct session *rig_session(const struct helper *helper, uid_t uid) {
	for (size_t i = 0; i < USER_MAX_CONNECTIONS; i++) {
		struct session *session = helper->sessions[i];

		if (session != NULL && session->user->uid == uid) {
			return session;
		}
	}
	fail_msg("owner %u has no session", uid);
	return NULL;
}

void rig_turns(struct helper *helper, int64_t ms) {
	int64_t end_ns = clock_monotonic_ns(&helper->prober.clock) + ms * MS;

	do {
		assert_int_equal(helper_turn(helper, MS), 0);
	} while (clock_monotonic_ns(&helper->prober.clock) < end_ns);
}

void rig_settle(struct helper *helper) {
	for (int i = 0; i < 20; i++) {
		assert_int_equal(helper_turn(helper, 0), 0);
	}
}

void rig_block(struct helper *helper, struct client *client, uid_t uid) {
	for (int i = 0; i < 1000 && !rig_session(helper, uid)->is_blocked; i++) {
		(void)client_ask_stats(client, STATS_HELPER);
		rig_settle(helper);
	}
	assert_true(rig_session(helper, uid)->is_blocked);
}

void rig_finish(struct helper *helper, struct client *client, uint32_t id) {
	int64_t end_ns = clock_monotonic_ns(&helper->prober.clock) + INT64_C(20000) * MS;

	while (client_n_told(client, MESSAGE_DONE, id) == 0) {
		assert_int_equal(helper_turn(helper, MS), 0);
		client_read(client);
		assert_false(client->is_closed);
		if (clock_monotonic_ns(&helper->prober.clock) > end_ns) {
			fail_msg("ping %u is not done after 20 s", id);
		}
	}
	assert_int_equal(client_n_told(client, MESSAGE_DONE, id), 1);
}
