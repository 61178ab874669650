/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Closed → (retrying →) greeting → up → lost: retrying, … or closed. The first helper of an object is
 * there or is an error at once. One that had answered and went is most likely being restarted: it is
 * looked for, ever less often, until wait_us after its loss. Where one has too many connections, the end
 * of another is waited for, as long.
 *
 * A named socket is the only one tried. For the default one "not there" and "nobody listens for a
 * second" (a service that is being restarted) lead to a private helper, unless a shared one was lost;
 * everything else, above all "you may not", is an error: an administrator's limit is not to be worked
 * round. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "client/lib/cleanup.h"
#include "client/lib/clock.h"
#include "client/lib/connection.h"
#include "client/lib/spawn.h"

#define RETRY_NS (CLOCK_NS_PER_S / 20)
#define MAX_BACKOFF_NS (5 * CLOCK_NS_PER_S)
#define MAX_PLACE_BACKOFF_NS (CLOCK_NS_PER_S / 2) /* places come free, and are taken, one by one */
#define RESPAWN_NS (60 * CLOCK_NS_PER_S)          /* in which a private helper may end so often */
#define ANSWER_US                                                                                  \
	(10 * CLOCK_NS_PER_S / CLOCK_NS_PER_US) /* for a first helper, where wait_us is 0 */
#define REFUSED_NS CLOCK_NS_PER_S /* how long nobody may listen at the default socket */

static const char *environment_path(const char *name, const char *otherwise) {
	const char *path = secure_getenv(name);

	return path && *path ? path : otherwise;
}

static const char *private_path(void) {
	return environment_path("MULTIPING_HELPER", MULTIPING_PRIVATE_HELPER);
}

void connection_say(struct connection *connection, const char *format, ...) {
	struct words answer;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(answer.text, sizeof answer.text, format, arguments);
	va_end(arguments);
	if (!connection->is_private) {
		words_set(connection->words, "%s: %s", connection->path, answer.text);
	} else if (connection->state == CONNECTION_UP) {
		words_set(connection->words, "the private helper: %s", answer.text);
	} else {
		words_set(connection->words, "no helper: socket %s: %s; private helper %s: %s",
			  connection->path, words_of_error(connection->socket_error),
			  private_path(), answer.text);
	}
}

void connection_advise(struct connection *connection, enum advice_about about) {
	if (connection->is_private && connection->state != CONNECTION_UP) {
		advice_add(connection->words, private_path(), about);
	}
}

int connection_init(struct connection *connection, int epoll_fd, const char *socket_path,
		    int64_t wait_us, struct words *words) {
	const char *path = socket_path ? socket_path : environment_path("MULTIPING_SOCKET", NULL);
	size_t n_bytes;

	connection->is_named = path != NULL;
	path = path ? path : MULTIPING_SOCKET;
	n_bytes = strlen(path) + 1;
	if (n_bytes > sizeof connection->path) {
		return -ENAMETOOLONG;
	}
	memcpy(connection->path, path, n_bytes);
	connection->state = CONNECTION_CLOSED;
	connection->fd = -1;
	connection->epoll_fd = epoll_fd;
	connection->wait_us = wait_us;
	connection->words = words;
	connection->next_msgid = 1;
	return message_decoder_new(&connection->decoder);
}

static void connection_close(struct connection *connection) {
	if (connection->fd >= 0) {
		close(connection->fd); /* which takes it out of epoll, too */
	}
	connection->fd = -1;
	connection->state = CONNECTION_CLOSED;
	connection->has_output = false;
	connection->closing_error = 0;
}

void connection_deinit(struct connection *connection) {
	connection_close(connection);
	connection->decoder = message_decoder_free(connection->decoder);
}

/* Fails with -@error and says so: what was tried, what it answered, what would help. */
static int connection_fail(struct connection *connection, int error, const char *help) {
	words_set(connection->words, "no helper at %s: %s%s%s", connection->path,
		  words_of_error(error), *help ? "; " : "", help);
	return -error;
}

/* The kernel's overflow uid stands for everyone who has no number in our user namespace: in a
 * container the root of the host. */
static bool uid_is_overflow(uid_t uid) {
	char text[16] = "";
	CLEANUP(cleanup_fd) int fd = open("/proc/sys/kernel/overflowuid", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, text, sizeof text - 1) > 0 && strtoul(text, NULL, 10) == uid;
}

/* Whoever could make the default path before the helper did would see what this program pings, and
 * invent the answers. */
static bool peer_is_trusted(int fd) {
	struct ucred peer;
	socklen_t n_bytes = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n_bytes) < 0) {
		return false;
	}
	return peer.uid == 0 || peer.uid == geteuid() ||
	       (!advice_is_first_user_namespace() && uid_is_overflow(peer.uid));
}

static int connection_greet(struct connection *connection) {
	struct request request = {.method = REQUEST_HELLO, .hello.protocol = PROTOCOL_VERSION};
	struct epoll_event interest = {.events = EPOLLIN, .data.fd = connection->fd};
	int r;

	if (epoll_ctl(connection->epoll_fd, EPOLL_CTL_ADD, connection->fd, &interest) < 0) {
		return -errno;
	}
	connection->state = CONNECTION_GREETING;
	if (!connection->is_turned_away) {
		connection->backoff_ns = RETRY_NS; /* somebody is there */
	}
	snprintf(request.hello.client, sizeof request.hello.client, "%.40s (libmultiping %s)",
		 program_invocation_short_name, MULTIPING_VERSION);
	r = connection_write(connection, &request);
	connection->hello_msgid = request.msgid;
	return r;
}

/* Whether a private helper may be started now; the first always. */
static bool connection_takes_respawn(struct connection *connection, int64_t now_ns) {
	unsigned n_before = connection->n_spawned;
	int64_t *respawned_ns = &connection->respawned_ns[n_before % CONNECTION_MAX_RESPAWNS];

	if (n_before > CONNECTION_MAX_RESPAWNS && now_ns - *respawned_ns < RESPAWN_NS) {
		return false;
	}
	*respawned_ns = now_ns;
	++connection->n_spawned;
	return true;
}

static int connection_spawn(struct connection *connection, int socket_error, int64_t now_ns) {
	const char *path = private_path();
	int r;

	if (!connection_takes_respawn(connection, now_ns)) {
		words_set(connection->words, "the private helper %s keeps ending", path);
		return -ECONNRESET;
	}
	connection->is_private = true;
	connection->socket_error = socket_error;
	r = spawn_helper(path, &connection->fd);
	if (r < 0) {
		connection_say(connection, "%s", words_of_error(-r));
		connection_advise(connection, ADVICE_NOT_STARTED);
		return r;
	}
	return connection_greet(connection);
}

static int connection_retry(struct connection *connection, int64_t now_ns) {
	connection->state = CONNECTION_RETRYING;
	connection->retry_ns = now_ns + RETRY_NS;
	return 0;
}

/* When it is no longer waited for. */
static int64_t connection_deadline_ns(const struct connection *connection) {
	int64_t wait_us = connection->wait_us == 0 ? ANSWER_US : connection->wait_us;

	return wait_us < 0 ? INT64_MAX : connection->started_ns + wait_us * CLOCK_NS_PER_US;
}

static bool connection_waited(const struct connection *connection, int64_t now_ns) {
	return now_ns >= connection_deadline_ns(connection);
}

/* What an unsuccessful connect(2) leads to. */
static int connection_refused(struct connection *connection, int error, int64_t now_ns) {
	bool is_shared_lost = connection->is_lost && !connection->is_private;
	bool may_spawn = !connection->is_named && !is_shared_lost;

	switch (error) {
	case EAGAIN: /* its queue of connections is full */
		if (connection->is_lost || connection_waited(connection, now_ns)) {
			return connection_fail(connection, ETIMEDOUT, "it accepts no connection");
		}
		return connection_retry(connection, now_ns);
	case ECONNREFUSED:
		if (may_spawn && now_ns - connection->started_ns >= REFUSED_NS) {
			return connection_spawn(connection, error, now_ns);
		}
		if (may_spawn && !connection->is_lost) {
			return connection_retry(connection, now_ns);
		}
		return connection_fail(connection, error, "is the service running?");
	case ENOENT:
		if (may_spawn) {
			return connection_spawn(connection, error, now_ns);
		}
		return connection_fail(connection, error,
				       "is the path right, and the service running?");
	case EACCES:
		return connection_fail(
			connection, error,
			"its mode or group keeps this user out: ask the administrator");
	default:
		return connection_fail(connection, error, "");
	}
}

static int connection_try(struct connection *connection, int64_t now_ns) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	CLEANUP(cleanup_fd) int fd = -1;

	_Static_assert(sizeof address.sun_path == CONNECTION_PATH_BYTES, "unix(7)");
	memcpy(address.sun_path, connection->path, sizeof address.sun_path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return connection_fail(connection, errno, "");
	}
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		return connection_refused(connection, errno, now_ns);
	}
	if (!connection->is_named && !peer_is_trusted(fd)) {
		return connection_fail(
			connection, EPERM,
			"it belongs neither to root nor to this user; if that is meant, "
			"name it (MULTIPING_SOCKET)");
	}
	connection->fd = fd;
	fd = -1;
	connection->is_private = false;
	return connection_greet(connection);
}

int connection_advance(struct connection *connection, int64_t now_ns) {
	if (connection->is_turned_away && connection_waited(connection, now_ns)) {
		return -EBUSY; /* the words are the helper's last */
	}
	switch (connection->state) {
	case CONNECTION_CLOSED:
		connection->started_ns = now_ns;
		return connection_try(connection, now_ns);
	case CONNECTION_RETRYING:
		return now_ns < connection_alarm_ns(connection)
			       ? 0
			       : connection_try(connection, now_ns);
	case CONNECTION_GREETING:
		if (connection_waited(connection, now_ns)) {
			return connection_fail(connection, ETIMEDOUT, "it does not answer");
		}
		return 0;
	case CONNECTION_UP:
		return 0;
	}
	return 0;
}

int64_t connection_alarm_ns(const struct connection *connection) {
	int64_t deadline_ns = connection_deadline_ns(connection);

	switch (connection->state) {
	case CONNECTION_RETRYING:
		return (connection->is_lost || connection->is_turned_away) &&
				       deadline_ns < connection->retry_ns
			       ? deadline_ns
			       : connection->retry_ns;
	case CONNECTION_GREETING:
		return deadline_ns;
	case CONNECTION_CLOSED:
	case CONNECTION_UP:
		break;
	}
	return INT64_MAX;
}

/* From half of @ns to all of it: a thousand clients of one helper shall not come back as one. */
static int64_t jitter(int64_t ns) {
	uint32_t random = 0;

	(void)!getrandom(&random, sizeof random, GRND_NONBLOCK); /* without it they do, no more */
	return ns / 2 + (int64_t)((double)ns / 2 * random / UINT32_MAX);
}

/* Whether a helper that is being started again, or one that starts next, may do better. */
static bool error_may_pass(const struct connection *connection, int error, int64_t now_ns) {
	switch (error) {
	case ECONNRESET:
	case ECONNREFUSED:
	case ENOENT:
	case ETIMEDOUT:
	case EOVERFLOW: /* of this connection's ids */
	case EBUSY:     /* others may end */
		return true;
	case EACCES: /* while the socket's file has its mode, but not yet its group */
		return now_ns - connection->started_ns < REFUSED_NS;
	default:
		return false;
	}
}

bool connection_lose(struct connection *connection, int error, int64_t now_ns) {
	int64_t max_backoff_ns = error == EBUSY ? MAX_PLACE_BACKOFF_NS : MAX_BACKOFF_NS;

	if (connection->state == CONNECTION_UP && connection->wait_us != 0) {
		connection->is_lost = true;
		connection->started_ns = now_ns;
	}
	connection_close(connection);
	connection->is_turned_away = error == EBUSY;
	if (!(connection->is_lost || connection->is_turned_away) ||
	    connection_waited(connection, now_ns) || !error_may_pass(connection, error, now_ns)) {
		connection->is_lost = connection->is_turned_away = false;
		return false;
	}
	connection->state = CONNECTION_RETRYING;
	connection->retry_ns = now_ns + jitter(connection->backoff_ns);
	connection->backoff_ns *= 2;
	if (connection->backoff_ns > max_backoff_ns) {
		connection->backoff_ns = max_backoff_ns;
	}
	if (!connection->is_turned_away) {
		words_add(connection->words, "; looking for it again");
	}
	return true;
}
