/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "helper/cleanup.h"
#include "helper/client_socket.h"
#include "helper/descriptors.h"

enum { BACKLOG = 256 };

static const char advice_folder[] = "its folder must exist and be writable here";

static int socket_open(void) {
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

/* Removes what a helper that is gone left at @address: it takes no connection. */
static int remove_stale(const struct sockaddr_un *address, struct reason *ret_reason) {
	CLEANUP(cleanup_fd) int fd = -1;
	struct stat status;

	if (lstat(address->sun_path, &status) < 0) {
		return reason_set(ret_reason, errno == ENOENT ? 0 : -errno, advice_folder, "%s",
				  address->sun_path);
	}
	if (!S_ISSOCK(status.st_mode)) {
		return reason_set(ret_reason, LISTENER_E_REFUSED,
				  "remove it or choose another path", "%s exists and is no socket",
				  address->sun_path);
	}
	fd = socket_open();
	if (fd < 0) {
		return reason_set(ret_reason, fd, NULL, "a Unix socket");
	}
	if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ||
	    errno != ECONNREFUSED) {
		return reason_set(ret_reason, LISTENER_E_REFUSED, "stop it or choose another path",
				  "somebody already listens at %s", address->sun_path);
	}
	return reason_set(ret_reason, unlink(address->sun_path) < 0 ? -errno : 0, NULL,
			  "removing the stale %s", address->sun_path);
}

/* The socket's file gets the socket's own mode, less the umask: so it is never there with another. */
static int bind_with_mode(int fd, const struct sockaddr_un *address, mode_t mode) {
	mode_t umask_before = umask(0);
	int r = fchmod(fd, mode) < 0 ||
				bind(fd, (const struct sockaddr *)address, sizeof *address) < 0
			? -errno
			: 0;

	(void)umask(umask_before);
	return r;
}

int listener_open(const char *path, mode_t mode, gid_t group, int *ret_fd,
		  struct reason *ret_reason) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	CLEANUP(cleanup_fd) int fd = -1;
	int r;

	if (path[0] != '/' || strlen(path) >= sizeof address.sun_path) {
		return reason_set(ret_reason, LISTENER_E_REFUSED, NULL,
				  "%s is no absolute path of at most %zu bytes", path,
				  sizeof address.sun_path - 1);
	}
	(void)strcpy(address.sun_path, path);
	if ((r = remove_stale(&address, ret_reason)) != 0) {
		return r;
	}

	fd = socket_open();
	if (fd < 0) {
		return reason_set(ret_reason, fd, NULL, "a Unix socket");
	}
	if ((r = bind_with_mode(fd, &address, mode)) < 0) {
		return reason_set(ret_reason, r, advice_folder, "%s", path);
	}
	if (group != (gid_t)-1 && lchown(path, (uid_t)-1, group) < 0) {
		return reason_set(ret_reason, -errno, NULL, "giving %s to group %u", path, group);
	}
	if ((r = client_socket_refuse_descriptors(fd, ret_reason)) != 0) {
		return r;
	}
	if (listen(fd, BACKLOG) < 0) {
		return reason_set(ret_reason, -errno, NULL, "listening at %s", path);
	}
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int listener_take(int fd, struct reason *ret_reason) {
	int is_listening = 0, flags;
	socklen_t n_bytes = sizeof is_listening;

	if (!descriptor_is_seqpacket(fd) ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &n_bytes) < 0 ||
	    !is_listening) {
		return reason_set(ret_reason, LISTENER_E_REFUSED, "see ListenSequentialPacket=",
				  "no listening Unix socket of type SOCK_SEQPACKET");
	}
	/* systemd hands it down in waiting mode: accepting until nobody is left would stop the helper */
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		return reason_set(ret_reason, -errno, NULL, "O_NONBLOCK");
	}
	return client_socket_refuse_descriptors(fd, ret_reason);
}
