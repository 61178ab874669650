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
	char passwd[80], group[80], uid_map[80], gid_map[80], dynamic[80], subuid[80];
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
	(void)snprintf(folder->subuid, sizeof folder->subuid, "%s/subuid", folder->path);
	folder->files = (struct passwd_files){folder->passwd,  folder->group,   folder->uid_map,
					      folder->gid_map, folder->dynamic, folder->subuid};
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
	(void)unlink(folder->subuid);
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

/* --- subordinate ids --- */

static void subordinates_belong_to_their_user(void **state) {
	static const struct {
		uid_t uid, owner;
	} uids[] = {
		{99999, 99999},   {100000, 990},    {165535, 990},
		{165536, 61184},  {165537, 61184},  {165538, 165538},
		{300000, 300000}, {300009, 300000}, /* of nobody known: one owner all the same */
		{500007, 500000},                   /* of root: its containers are not root */
		{0, 0},           {990, 990},       {4294967294, 4294967280},
		{600000, 600000}, /* in a line that is none */
	};
	const struct folder *folder = *state;
	struct subordinates subordinates;

	write_file(folder->subuid, "multiping:100000:65536\n61184:165536:2\nstranger:300000:10\n"
				   "root:500000:65536\nlast:600000\n:x\n\nlast:700000:x\n"
				   "stranger:4294967280:65536");
	assert_int_equal(passwd_read_subordinates(&folder->files, &subordinates), 0);
	assert_int_equal(subordinates.n_ranges, 5);
	for (size_t i = 0; i < sizeof uids / sizeof *uids; i++) {
		assert_int_equal(subordinates_owner(&subordinates, uids[i].uid), uids[i].owner);
	}
	free(subordinates.ranges);
}

/* As getpwnam(3) would find it, and passwd_find_user(). */
static void subordinates_of_a_name_given_twice_are_the_first_ones(void **state) {
	const struct folder *folder = *state;
	struct subordinates subordinates;

	write_file(folder->passwd, "twice:x:1000:1000::/:\ntwice:x:1001:1001::/:\n");
	write_file(folder->subuid, "twice:100000:65536\n");
	assert_int_equal(passwd_read_subordinates(&folder->files, &subordinates), 0);
	assert_int_equal(subordinates_owner(&subordinates, 100000), 1000);
	free(subordinates.ranges);
}

static void subordinates_without_the_file_are_none(void **state) {
	const struct folder *folder = *state;
	struct subordinates subordinates;

	assert_int_equal(passwd_read_subordinates(&folder->files, &subordinates), 0);
	assert_int_equal(subordinates.n_ranges, 0);
	assert_int_equal(subordinates_owner(&subordinates, 4294967294), 4294967294);
	free(subordinates.ranges);
}

static void find_stranger_only_in_a_user_namespace(void **state) {
	static const struct {
		const char *map;
		uid_t stranger;
	} maps[] = {
		{"         0          0 4294967295\n", (uid_t)-1},
		{"         0       1000          1\n", 65534},
		{"         0       1000          1\n         1     100000      65536\n", 65534},
		{"         1          1 4294967294\n", 65534},
		{"", 65534},
	};
	const struct folder *folder = *state;

	for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
		uid_t stranger;

		write_file(folder->uid_map, maps[i].map);
		assert_int_equal(passwd_find_stranger(&folder->files, &stranger), 0);
		assert_int_equal(stranger, maps[i].stranger);
	}
}

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
		TEST(subordinates_belong_to_their_user),
		TEST(subordinates_of_a_name_given_twice_are_the_first_ones),
		TEST(subordinates_without_the_file_are_none),
		TEST(find_stranger_only_in_a_user_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
