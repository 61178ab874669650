/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* On files of the test's own, in a folder that each test gets anew. */
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
#include <sys/stat.h>
#include <unistd.h>

#include "helper/passwd.h"

struct folder {
	char path[64];
	char passwd[80], group[80], uid_map[80], gid_map[80], dynamic[80];
	struct passwd_files files;
};

static void write_file(const char *path, const char *text) {
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int folder_new(void **state) {
	struct folder *folder = calloc(1, sizeof *folder);

	assert_non_null(folder);
	(void)strcpy(folder->path, "/tmp/multiping-test-XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	(void)snprintf(folder->passwd, sizeof folder->passwd, "%s/passwd", folder->path);
	(void)snprintf(folder->group, sizeof folder->group, "%s/group", folder->path);
	(void)snprintf(folder->uid_map, sizeof folder->uid_map, "%s/uid_map", folder->path);
	(void)snprintf(folder->gid_map, sizeof folder->gid_map, "%s/gid_map", folder->path);
	(void)snprintf(folder->dynamic, sizeof folder->dynamic, "%s/dynamic", folder->path);
	folder->files = (struct passwd_files){folder->passwd, folder->group, folder->uid_map,
					      folder->gid_map, folder->dynamic};
	write_file(folder->passwd, "root:x:0:0:root:/root:/bin/bash\n"
				   "broken line\n"
				   "short:x:7\n"
				   "worse:x:12z:7::/:\n"
				   "minus:x:4294967295:7::/:\n"
				   "\n"
				   "multiping:x:990:980:Multiping:/nonexistent:/usr/sbin/nologin\n"
				   "last:x:61184:1::/:");
	write_file(folder->group, "root:x:0:\nping:x:61185:alice,bob\n");
	write_file(folder->uid_map, "         0          0 4294967295\n");
	write_file(folder->gid_map, "         0          0 4294967295\n");
	*state = folder;
	return 0;
}

static int folder_free(void **state) {
	struct folder *folder = *state;
	char entry[100];

	(void)unlink(folder->passwd);
	(void)unlink(folder->group);
	(void)unlink(folder->uid_map);
	(void)unlink(folder->gid_map);
	(void)snprintf(entry, sizeof entry, "%s/61186", folder->dynamic);
	(void)unlink(entry);
	(void)rmdir(folder->dynamic);
	assert_int_equal(rmdir(folder->path), 0);
	free(folder);
	return 0;
}

static void find_user_of_name_is_found(void **state) {
	const struct folder *folder = *state;
	uid_t uid;
	gid_t gid;

	assert_int_equal(passwd_find_user(&folder->files, "multiping", &uid, &gid), 0);
	assert_int_equal(uid, 990);
	assert_int_equal(gid, 980);
	assert_int_equal(passwd_find_user(&folder->files, "last", &uid, &gid), 0);
	assert_int_equal(uid, 61184);
}

static void find_user_of_number_has_its_group(void **state) {
	const struct folder *folder = *state;
	uid_t uid;
	gid_t gid;

	assert_int_equal(passwd_find_user(&folder->files, "990", &uid, &gid), 0);
	assert_int_equal(uid, 990);
	assert_int_equal(gid, 980);
	assert_int_equal(passwd_find_user(&folder->files, "991", &uid, &gid), 0);
	assert_int_equal(uid, 991);
	assert_int_equal(gid, 991);
}

static void find_user_unknown_or_broken_is_not_found(void **state) {
	static const char *const names[] = {
		"nobody", "broken line", "short", "worse", "minus",
		"",       "x",           "multi", "-1",    "4294967295"};
	const struct folder *folder = *state;
	uid_t uid;
	gid_t gid;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		assert_int_equal(passwd_find_user(&folder->files, names[i], &uid, &gid),
				 PASSWD_E_UNKNOWN);
	}
}

static void find_user_without_file_fails(void **state) {
	const struct folder *folder = *state;
	uid_t uid;
	gid_t gid;

	assert_int_equal(unlink(folder->passwd), 0);
	assert_int_equal(passwd_find_user(&folder->files, "multiping", &uid, &gid),
			 PASSWD_E_UNKNOWN);
	assert_int_equal(passwd_find_user(&folder->files, "990", &uid, &gid), 0);
	assert_int_equal(gid, 990);
}

static void find_group_by_name_and_number(void **state) {
	const struct folder *folder = *state;
	gid_t gid;

	assert_int_equal(passwd_find_group(&folder->files, "ping", &gid), 0);
	assert_int_equal(gid, 61185);
	assert_int_equal(passwd_find_group(&folder->files, "12", &gid), 0);
	assert_int_equal(gid, 12);
	assert_int_equal(passwd_find_group(&folder->files, "alice", &gid), PASSWD_E_UNKNOWN);
}

static void find_unused_id_passes_over_users_groups_and_services(void **state) {
	const struct folder *folder = *state;
	char entry[100];
	uid_t id;

	assert_int_equal(mkdir(folder->dynamic, 0700), 0);
	(void)snprintf(entry, sizeof entry, "%s/61186", folder->dynamic);
	write_file(entry, "");
	assert_int_equal(passwd_find_unused_id(&folder->files, &id), 0);
	assert_int_equal(id, 61187);
}

static void find_unused_id_is_mapped_as_user_and_group(void **state) {
	const struct folder *folder = *state;
	uid_t id;

	write_file(folder->uid_map, "0 1000 1\n61000 100000 1000\n");
	write_file(folder->gid_map, "0 1000 1\n61500 100000 5000\n");
	assert_int_equal(passwd_find_unused_id(&folder->files, &id), 0);
	assert_int_equal(id, 61500);
}

static void find_unused_id_unmapped_finds_none(void **state) {
	const struct folder *folder = *state;
	uid_t id;

	write_file(folder->uid_map, "0 1000 1\n");
	assert_int_equal(passwd_find_unused_id(&folder->files, &id), PASSWD_E_UNKNOWN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_new, folder_free)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(find_user_of_name_is_found),
		TEST(find_user_of_number_has_its_group),
		TEST(find_user_unknown_or_broken_is_not_found),
		TEST(find_user_without_file_fails),
		TEST(find_group_by_name_and_number),
		TEST(find_unused_id_passes_over_users_groups_and_services),
		TEST(find_unused_id_is_mapped_as_user_and_group),
		TEST(find_unused_id_unmapped_finds_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
