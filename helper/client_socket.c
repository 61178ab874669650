/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A descriptor that was sent and is thrown away unread closes in this process. If it is the last one of a TCP socket with SO_LINGER
 * and data that its peer does not take, this process sleeps for as long as the sender likes, in recv(2) as in close(2). So the kernel
 * is told to refuse them; where it cannot, or could not yet when somebody connected to a service manager's socket, a message that
 * brings some is not read, and closing such a client is interrupted by a timer. */
#include "helper/client_socket.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "helper/defence.h"
#include "helper/log.h"

enum { CLOSE_US = 100 }; /* ten times what closing an honest client takes */

int client_socket_refuse_descriptors(int fd, struct reason *ret_reason) {
	const int no = 0;

	if (defence_is_on(PASS_RIGHTS)) {
		if (setsockopt(fd, SOL_SOCKET, CLIENT_SOCKET_PASSRIGHTS, &no, sizeof no) == 0) {
			return 0;
		}
		if (errno != ENOPROTOOPT) {
			return reason_set(ret_reason, -errno, NULL, "SO_PASSRIGHTS");
		}
	}
	log_event("without what=SO_PASSRIGHTS needs=Linux_6.16 has=peeking");
	return 0;
}

bool client_socket_takes_descriptors(int fd) {
	int value;
	socklen_t n_bytes = sizeof value;

	/* the filter was made for what the kernel can: another error must not change that */
	if (getsockopt(fd, SOL_SOCKET, CLIENT_SOCKET_PASSRIGHTS, &value, &n_bytes) < 0) {
		return errno == ENOPROTOOPT;
	}
	return value != 0;
}

bool client_socket_brings_descriptors(int fd) {
	/* no room for descriptors: the kernel says so, and leaves them where they are */
	struct msghdr message = {0};

	return defence_is_on(PEEKING) && recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT) >= 0 &&
	       message.msg_flags & MSG_CTRUNC;
}

static void wake_up(int number) {
	(void)number;
}

int client_socket_prepare(void) {
	const struct sigaction action = {.sa_handler = wake_up};

	return sigaction(SIGALRM, &action, NULL) < 0 ? -errno : 0;
}

void client_socket_close(int fd) {
	/* again and again: the first signal may come before the sleep that it is for */
	const struct itimerval soon = {{0, CLOSE_US}, {0, CLOSE_US}}, never = {0};
	bool may_sleep = defence_is_on(CLOSE_TIMER) && client_socket_takes_descriptors(fd);

	if (may_sleep) {
		(void)setitimer(ITIMER_REAL, &soon, NULL);
	}
	(void)close(fd);
	if (may_sleep) {
		(void)setitimer(ITIMER_REAL, &never, NULL);
	}
}
