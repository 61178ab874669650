/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "helper/cleanup.h"
#include "helper/listener.h"

static const gid_t unchanged = (gid_t)-1;

struct folder {
	char path[64], socket[80];
};

static int folder_new(void **state) {
	struct folder *folder = calloc(1, sizeof *folder);

	assert_non_null(folder);
	(void)strcpy(folder->path, "/tmp/multiping-test-XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	(void)snprintf(folder->socket, sizeof folder->socket, "%s/s.sock", folder->path);
	*state = folder;
	return 0;
}

static int folder_free(void **state) {
	struct folder *folder = *state;

	(void)unlink(folder->socket);
	assert_int_equal(rmdir(folder->path), 0);
	free(folder);
	return 0;
}

static int connect_to(const char *path) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)strcpy(address.sun_path, path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void listener_open_takes_clients(void **state) {
	const struct folder *folder = *state;
	CLEANUP(cleanup_fd) int fd = -1, client = -1, accepted = -1;
	struct reason reason;

	assert_int_equal(listener_open(folder->socket, 0666, unchanged, &fd, &reason), 0);
	client = connect_to(folder->socket);
	accepted = accept(fd, NULL, NULL);
	assert_true(accepted >= 0);
}

static void listener_open_sets_mode_and_group(void **state) {
	const struct folder *folder = *state;
	CLEANUP(cleanup_fd) int fd = -1;
	mode_t before = umask(077);
	struct reason reason;
	struct stat status;

	assert_int_equal(listener_open(folder->socket, 0624, getgid(), &fd, &reason), 0);
	assert_int_equal(umask(before), 077);
	assert_int_equal(stat(folder->socket, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0624);
	assert_int_equal(status.st_gid, getgid());
}

static void listener_open_replaces_stale_socket(void **state) {
	const struct folder *folder = *state;
	CLEANUP(cleanup_fd) int fd = -1, client = -1;
	struct reason reason;

	assert_int_equal(listener_open(folder->socket, 0666, unchanged, &fd, &reason), 0);
	(void)close(fd);
	fd = -1;
	assert_int_equal(access(folder->socket, F_OK), 0);
	assert_int_equal(listener_open(folder->socket, 0666, unchanged, &fd, &reason), 0);
	client = connect_to(folder->socket);
}

static void listener_open_leaves_live_socket(void **state) {
	const struct folder *folder = *state;
	CLEANUP(cleanup_fd) int first = -1, second = -1, client = -1, accepted = -1;
	struct reason reason;

	assert_int_equal(listener_open(folder->socket, 0666, unchanged, &first, &reason), 0);
	assert_int_equal(listener_open(folder->socket, 0666, unchanged, &second, &reason),
			 LISTENER_E_REFUSED);
	assert_non_null(strstr(reason.text, "already listens"));
	accepted = accept(first, NULL, NULL); /* the trial */
	(void)close(accepted);
	client = connect_to(folder->socket);
	accepted = accept(first, NULL, NULL);
	assert_true(accepted >= 0);
}

static void listener_open_leaves_live_socket_of_another_kind(void **state) {
	const struct folder *folder = *state;
	CLEANUP(cleanup_fd) int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -1;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct reason reason;

	(void)strcpy(address.sun_path, folder->socket);
	assert_int_equal(bind(other, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(other, 1), 0);
	assert_int_equal(listener_open(folder->socket, 0666, unchanged, &fd, &reason),
			 LISTENER_E_REFUSED);
}

static void listener_open_leaves_other_files(void **state) {
	const struct folder *folder = *state;
	CLEANUP(cleanup_fd) int file = open(folder->socket, O_CREAT | O_WRONLY, 0600), fd = -1;
	struct reason reason;

	assert_true(file >= 0);
	assert_int_equal(listener_open(folder->socket, 0666, unchanged, &fd, &reason),
			 LISTENER_E_REFUSED);
	assert_non_null(strstr(reason.text, "is no socket"));
	assert_int_equal(access(folder->socket, F_OK), 0);
}

static void listener_open_without_folder_says_so(void **state) {
	CLEANUP(cleanup_fd) int fd = -1;
	struct reason reason;

	assert_int_equal(listener_open("/proc/self/no/s.sock", 0666, unchanged, &fd, &reason),
			 -ENOENT);
	assert_non_null(strstr(reason.text, "folder must exist"));
}

static void listener_open_bad_path_is_refused(void **state) {
	char path[109] = "/tmp/";
	CLEANUP(cleanup_fd) int fd = -1;
	struct reason reason;

	memset(path + 5, 'x', sizeof path - 6);
	assert_int_equal(strlen(path), 108); /* sun_path, without room for the zero byte */
	assert_int_equal(listener_open(path, 0666, unchanged, &fd, &reason), LISTENER_E_REFUSED);
	assert_int_equal(listener_open("s.sock", 0666, unchanged, &fd, &reason),
			 LISTENER_E_REFUSED);
}

static void listener_take_makes_it_ours(void **state) {
	const struct folder *folder = *state;
	CLEANUP(cleanup_fd) int fd = -1;
	struct reason reason;

	assert_int_equal(listener_open(folder->socket, 0666, unchanged, &fd, &reason), 0);
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0); /* as systemd hands it down */
	assert_int_equal(listener_take(fd, &reason), 0);
	assert_int_equal(accept(fd, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
}

static void listener_take_of_another_kind_is_refused(void **state) {
	int others[] = {
		-1,
		open("/dev/null", O_RDWR),
		socket(AF_UNIX, SOCK_SEQPACKET, 0),
		socket(AF_UNIX, SOCK_STREAM, 0),
		socket(AF_INET, SOCK_STREAM, 0),
	};
	struct reason reason;

	(void)listen(others[4], 1); /* at a port that the kernel finds */
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		assert_int_equal(listener_take(others[i], &reason), LISTENER_E_REFUSED);
		(void)close(others[i]);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_new, folder_free)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(listener_open_takes_clients),
		TEST(listener_open_sets_mode_and_group),
		TEST(listener_open_replaces_stale_socket),
		TEST(listener_open_leaves_live_socket),
		TEST(listener_open_leaves_live_socket_of_another_kind),
		TEST(listener_open_leaves_other_files),
		cmocka_unit_test(listener_open_without_folder_says_so),
		cmocka_unit_test(listener_open_bad_path_is_refused),
		TEST(listener_take_makes_it_ours),
		cmocka_unit_test(listener_take_of_another_kind_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
