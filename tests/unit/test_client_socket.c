/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/client_socket.h"

struct pair {
	int ours, theirs;
};

static int pair_new(void **state) {
	static struct pair pair;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	pair = (struct pair){fds[0], fds[1]};
	*state = &pair;
	return client_socket_prepare();
}

static int pair_free(void **state) {
	const struct pair *pair = *state;

	client_socket_close(pair->ours);
	return close(pair->theirs);
}

/* Sends standard input's descriptor over @fd. */
static ssize_t send_descriptor(int fd) {
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec bytes = {(void *)"x", 1};
	struct msghdr message = {.msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof control};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memset(CMSG_DATA(header), 0, sizeof(int));
	return sendmsg(fd, &message, MSG_NOSIGNAL);
}

static void client_socket_refused_descriptor_is_the_senders_error(void **state) {
	const struct pair *pair = *state;
	struct reason reason;
	int option = 1;

	if (setsockopt(pair->ours, SOL_SOCKET, CLIENT_SOCKET_PASSRIGHTS, &option, sizeof option) <
	    0) {
		print_message("needs Linux 6.16\n");
		skip();
	}
	assert_true(client_socket_takes_descriptors(pair->ours));
	assert_int_equal(send_descriptor(pair->theirs), 1); /* as any kernel does by itself */
	assert_int_equal(client_socket_refuse_descriptors(pair->ours, &reason), 0);
	assert_false(client_socket_takes_descriptors(pair->ours));
	assert_int_equal(send_descriptor(pair->theirs), -1);
	assert_int_equal(errno, EPERM);
}

static void client_socket_message_with_descriptor_is_seen_and_left(void **state) {
	const struct pair *pair = *state;
	char bytes[4];

	assert_false(client_socket_brings_descriptors(pair->ours)); /* there is none */
	assert_int_equal(send(pair->theirs, "plain", 5, 0), 5);
	assert_int_equal(send_descriptor(pair->theirs), 1);
	assert_false(client_socket_brings_descriptors(pair->ours));
	assert_int_equal(recv(pair->ours, bytes, sizeof bytes, MSG_TRUNC), 5);
	assert_true(client_socket_brings_descriptors(pair->ours));
	assert_true(client_socket_brings_descriptors(pair->ours));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_new, pair_free)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(client_socket_refused_descriptor_is_the_senders_error),
		TEST(client_socket_message_with_descriptor_is_seen_and_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
