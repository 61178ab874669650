/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The way to a helper: which one, connecting, `hello`, and whole messages from then on. */

#include <stdbool.h>
#include <stdint.h>

#include "client/lib/advice.h"
#include "client/lib/words.h"
#include "protocol/buffer.h"
#include "protocol/message.h"
#include "protocol/request.h"

enum {
	CONNECTION_PATH_BYTES = 108, /* of a socket, unix(7), with its zero byte */
	CONNECTION_MAX_RESPAWNS = 3, /* of a private helper, in a minute */
};

enum connection_state {
	CONNECTION_CLOSED,
	CONNECTION_RETRYING, /* nobody is there, or accepts: tried again at retry_ns */
	CONNECTION_GREETING, /* `hello` is on its way */
	CONNECTION_UP,
};

struct connection {
	enum connection_state state;
	int fd;        /* -1: none */
	int epoll_fd;  /* borrowed; @fd is registered there */
	bool is_named; /* @path was given: no other helper is tried */
	bool is_private;
	int socket_error; /* private: why it is */
	bool has_output;  /* a message waits for room in the socket */
	char path[CONNECTION_PATH_BYTES];
	bool is_lost; /* a helper had answered and went: one is looked for since started_ns */
	bool is_turned_away; /* it had too many connections: tried again since started_ns */
	int64_t wait_us;     /* how long; and how long one may take to answer; < 0: for ever */
	int64_t started_ns, retry_ns, backoff_ns;
	int64_t respawned_ns[CONNECTION_MAX_RESPAWNS];
	unsigned n_spawned;
	int closing_error; /* errno for what the helper said as its last word; 0: nothing */
	uint32_t next_msgid, hello_msgid;
	struct hello_result hello; /* once up */
	struct words *words;       /* borrowed: why it failed */
	struct message_decoder *decoder;
	struct message_buffer output;
	uint8_t input[PROTOCOL_MAX_MESSAGE_BYTES + 1]; /* one more, to see what is too long */
};

/* A closed connection to the socket at @socket_path, or where that is NULL to the one that
 * MULTIPING_SOCKET names, or else to the default one or a private helper. -ENAMETOOLONG,
 * -ENOMEM. */
int connection_init(struct connection *connection, int epoll_fd, const char *socket_path,
		    int64_t wait_us, struct words *words);
void connection_deinit(struct connection *connection);

/* Takes the next step towards being up, where time alone is what it takes: starts where it is
 * closed, tries again, gives up. -errno as in multiping.h, with words; connection_lose() is to be
 * called then. */
int connection_advance(struct connection *connection, int64_t now_ns);

/* When connection_advance() has something to do; INT64_MAX: never. */
int64_t connection_alarm_ns(const struct connection *connection);

/* Reads a message: 1 and @ret_message, valid until the next call; 0: nothing there;
 * CONNECTION_E_UP: `hello` was answered; CONNECTION_E_HANDLED: one that is not for the caller;
 * -errno: the connection ended or the helper broke the protocol, after all that was delivered had
 * been read. */
enum { CONNECTION_E_UP = 2, CONNECTION_E_HANDLED };
int connection_read(struct connection *connection, struct message *ret_message);

/* Gives @request the next msgid and writes it. There must be no output waiting. -ENOSPC, -errno. */
int connection_write(struct connection *connection, struct request *request);

/* Writes what waits, where the socket has room. -errno. */
int connection_flush(struct connection *connection);

/* Whether the network namespace of a helper that is up is ours: a few microseconds, for those who must know. */
bool connection_is_in_our_namespace(const struct connection *connection);

/* The words become what the present helper answered; of a private one that never was up, with what was
 * tried before. */
__attribute__((format(printf, 2, 3))) void connection_say(struct connection *connection,
							  const char *format, ...);

/* Adds what would help, where what was said is of a private helper that never was up. */
void connection_advise(struct connection *connection, enum advice_about about);

/* Ends what failed with -@error. Where that is a helper that had answered, or no other was found for
 * it yet, and its return may be hoped for, or where it had too many connections: true, and
 * connection_advance() tries again. */
bool connection_lose(struct connection *connection, int error, int64_t now_ns);
