/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in and out. The helper is not trusted: what is no message, or comes before its time,
 * ends the connection. */

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "client/lib/connection.h"

/* Fails with -@error: the socket itself does not work. */
static int connection_socket_failed(struct connection *connection, int error) {
	connection_say(connection, "%s", words_of_error(error));
	return -error;
}

static int connection_broken(struct connection *connection) {
	connection_say(connection, "what it said is not the protocol");
	return -EPROTO;
}

/* errno for the reason that a helper gives before it closes. */
static int closing_error(enum protocol_code code) {
	switch ((int)code) {
	case PROTOCOL_CODE_CONNECTIONS:
		return EBUSY;
	case PROTOCOL_CODE_NO_BACKEND:
		return EPERM;
	case PROTOCOL_CODE_SLOW_START:
		return ETIMEDOUT;
	case PROTOCOL_CODE_NONE: /* of a later version */
	case PROTOCOL_CODE_SHUTDOWN:
		return ECONNRESET;
	default:
		return EPROTO;
	}
}

static void connection_handle_closing(struct connection *connection,
				      const struct closing *closing) {
	connection->closing_error = closing_error(closing->code);
	connection_say(connection, "%s", closing->text);
	for (size_t i = 0; i < closing->n_tried; ++i) {
		words_add(connection->words, "%s%s: %s", i == 0 ? " (tried " : ", ",
			  closing->tried[i].what, words_of_error((int)closing->tried[i].error));
	}
	words_add(connection->words, "%s", closing->n_tried > 0 ? ")" : "");
	if (connection->closing_error == EBUSY) {
		words_add(connection->words, "; max_connections in helper.conf is the limit");
	}
	connection_advise(connection, closing->n_tried > 0 ? ADVICE_NO_RIGHT : ADVICE_OTHER);
}

bool connection_is_in_our_namespace(const struct connection *connection) {
	struct stat ours;

	return stat("/proc/self/ns/net", &ours) == 0 &&
	       ours.st_ino == connection->hello.namespace_inode;
}

static int connection_handle_hello(struct connection *connection, const struct message *message) {
	struct hello_result *hello = &connection->hello;
	bool is_version = message->fault.code == PROTOCOL_CODE_PROTOCOL_VERSION;
	int r;

	if (message->type != MESSAGE_RESPONSE || message->msgid != connection->hello_msgid) {
		return connection_broken(connection);
	}
	if (message->has_fault) {
		connection_say(connection, "%s", message->fault.message);
		return is_version ? -EPROTONOSUPPORT : -EPROTO;
	}
	r = message_unpack_hello(connection->decoder, hello);
	if (r != 0 || hello->targets_per_message == 0) {
		return r < 0 ? r : connection_broken(connection);
	}
	connection->state = CONNECTION_UP;
	connection->is_lost = connection->is_turned_away = false;
	return CONNECTION_E_UP;
}

/* End of file: the last word of the helper, if it had any, is the reason. */
static int connection_ended(struct connection *connection) {
	if (connection->closing_error != 0) {
		return -connection->closing_error;
	}
	connection_say(connection, "it closed the connection%s",
		       connection->state == CONNECTION_UP ? "" : " before it had answered");
	connection_advise(connection, ADVICE_OTHER);
	return -ECONNRESET;
}

/* One packet: > 0 its bytes, 0 nothing there, -errno. A helper that died with our requests unread
 * makes ECONNRESET come first, once, and what it had sent after that. */
static ssize_t connection_receive(struct connection *connection) {
	ssize_t n_bytes;

	do {
		n_bytes = recv(connection->fd, connection->input, sizeof connection->input,
			       MSG_DONTWAIT);
	} while (n_bytes < 0 && (errno == ECONNRESET || errno == EINTR));
	if (n_bytes == 0) {
		return connection_ended(connection);
	}
	if (n_bytes < 0 && errno != EAGAIN) {
		return connection_socket_failed(connection, errno);
	}
	return n_bytes < 0 ? 0 : n_bytes;
}

int connection_read(struct connection *connection, struct message *ret_message) {
	ssize_t n_bytes = connection_receive(connection);
	int r;

	if (n_bytes <= 0) {
		return (int)n_bytes;
	}
	r = message_unpack(connection->decoder, connection->input, (size_t)n_bytes, ret_message);
	if (r != 0) {
		return r < 0 ? r : connection_broken(connection);
	}
	if (ret_message->type == MESSAGE_CLOSING) {
		connection_handle_closing(connection, &ret_message->closing);
		return CONNECTION_E_HANDLED;
	}
	if (ret_message->type == MESSAGE_UNKNOWN) {
		return CONNECTION_E_HANDLED;
	}
	return connection->state == CONNECTION_GREETING
		       ? connection_handle_hello(connection, ret_message)
		       : 1;
}

static int connection_want_write(struct connection *connection, bool wants) {
	struct epoll_event interest = {
		.events = EPOLLIN | (wants ? EPOLLOUT : 0U),
		.data.fd = connection->fd,
	};

	if (connection->has_output == wants) {
		return 0;
	}
	connection->has_output = wants;
	return epoll_ctl(connection->epoll_fd, EPOLL_CTL_MOD, connection->fd, &interest) < 0
		       ? -errno
		       : 0;
}

/* Sends the output: whether it went now or waits. To write to a helper that is gone is no error:
 * the read tells, at its time. */
static int connection_send(struct connection *connection) {
	const struct message_buffer *output = &connection->output;

	if (send(connection->fd, output->bytes, output->n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL) >=
		    0 ||
	    errno == EPIPE || errno == ECONNRESET) {
		return connection_want_write(connection, false);
	}
	if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) {
		return connection_want_write(connection, true);
	}
	return connection_socket_failed(connection, errno);
}

int connection_flush(struct connection *connection) {
	return connection->has_output ? connection_send(connection) : 0;
}

int connection_write(struct connection *connection, struct request *request) {
	int r;

	request->msgid = connection->next_msgid++;
	r = request_pack(request, &connection->output);
	return r < 0 ? r : connection_send(connection);
}
