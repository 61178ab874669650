/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Each test gives up its rights in a child, since there is no way back. They need root to have something to give up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/securebits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/privileges.h"

enum { SOME_ID = 61999 };

/* In a child, ends it with the line of a condition that does not hold; zero is success. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			_exit(__LINE__ % 255 + 1);                                                 \
		}                                                                                  \
	} while (0)

static void assert_child_succeeds(void (*work)(void)) {
	pid_t child;
	int status;

	if (geteuid() != 0) {
		print_message("needs root, which is what is dropped\n");
		skip();
	}
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		work();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != 0) {
		fail_msg("MUST() of line %d, modulo 255", WEXITSTATUS(status) - 1);
	}
}

static bool raw_socket_opens(void) {
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);

	return fd >= 0 && close(fd) == 0;
}

static bool bounding_set_is_empty(void) {
	for (cap_value_t value = 0; cap_get_bound(value) >= 0; value++) {
		if (cap_get_bound(value) != 0) {
			return false;
		}
	}
	return true;
}

static const struct identity somebody = {.change = true, .uid = SOME_ID, .gid = SOME_ID + 1};

static void child_started_by_root(void) {
	static const gid_t groups[] = {4, 27};
	struct reason reason;

	MUST(setgroups(2, groups) == 0);
	MUST(privileges_become(&somebody, &reason) == 0);
	MUST(getuid() == SOME_ID && getgid() == SOME_ID + 1 && getgroups(0, NULL) == 0);
	MUST(raw_socket_opens()); /* this is what was kept */
	MUST(open("/etc/shadow", O_RDONLY) < 0);
	MUST(bounding_set_is_empty());
	MUST(cap_get_secbits() & SECBIT_NOROOT_LOCKED);
	MUST(privileges_prove(&somebody, &reason) == PRIVILEGES_E_REFUSED);
	MUST(strstr(reason.text, "capabilities"));

	MUST(privileges_drop(&reason) == 0);
	MUST(!raw_socket_opens());
	MUST(prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L) == 0); /* as fs.suid_dumpable can have it */
	MUST(privileges_prove(&somebody, &reason) == 0);
	MUST(prctl(PR_GET_DUMPABLE) == 0);
	MUST(setresuid(0, 0, 0) < 0 && setgroups(2, groups) < 0);
}

static void drop_after_start_by_root_leaves_nothing(void **state) {
	assert_child_succeeds(child_started_by_root);
}

/* As a file with cap_net_raw=p starts: nothing is effective yet, the rest of what a user has stays as it is. */
static void child_with_file_capability(void) {
	const cap_value_t raw = CAP_NET_RAW;
	cap_t only_raw = cap_init();
	struct identity identity;
	struct reason reason;

	MUST(prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) == 0);
	MUST(setgroups(0, NULL) == 0 && setresgid(SOME_ID, SOME_ID, SOME_ID) == 0);
	MUST(setresuid(SOME_ID, SOME_ID, SOME_ID) == 0);
	MUST(cap_set_flag(only_raw, CAP_PERMITTED, 1, &raw, CAP_SET) == 0);
	MUST(cap_set_proc(only_raw) == 0 && !raw_socket_opens());

	MUST(privileges_choose("multiping", "multiping", &identity, &reason) == 0);
	MUST(!identity.change && identity.uid == SOME_ID && identity.gid == SOME_ID);
	MUST(privileges_become(&identity, &reason) == 0);
	MUST(raw_socket_opens());
	MUST(privileges_drop(&reason) == 0);
	MUST(privileges_prove(&identity, &reason) == 0 && !raw_socket_opens());
}

static void drop_after_start_with_file_capability_leaves_nothing(void **state) {
	assert_child_succeeds(child_with_file_capability);
}

/* As systemd starts a service with AmbientCapabilities=. */
static void child_with_ambient_capability(void) {
	const cap_value_t raw = CAP_NET_RAW;
	cap_t ambient_raw = cap_init();
	const struct identity unchanged = {.uid = SOME_ID, .gid = SOME_ID};
	struct reason reason;

	MUST(prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) == 0);
	MUST(setgroups(0, NULL) == 0 && setresgid(SOME_ID, SOME_ID, SOME_ID) == 0);
	MUST(setresuid(SOME_ID, SOME_ID, SOME_ID) == 0);
	MUST(cap_set_flag(ambient_raw, CAP_PERMITTED, 1, &raw, CAP_SET) == 0);
	MUST(cap_set_flag(ambient_raw, CAP_INHERITABLE, 1, &raw, CAP_SET) == 0);
	MUST(cap_set_proc(ambient_raw) == 0 && cap_set_ambient(raw, CAP_SET) == 0);

	MUST(privileges_become(&unchanged, &reason) == 0 && raw_socket_opens());
	MUST(cap_get_ambient(raw) == 0);
	MUST(privileges_drop(&reason) == 0 && privileges_prove(&unchanged, &reason) == 0);
}

static void drop_after_start_with_ambient_capability_leaves_nothing(void **state) {
	assert_child_succeeds(child_with_ambient_capability);
}

/* A container's root that was left with CAP_NET_RAW alone cannot become anybody else: it must say so, not go on. */
static void child_without_setuid(void) {
	const cap_value_t raw = CAP_NET_RAW;
	cap_t only_raw = cap_init();
	struct reason reason;

	MUST(cap_set_flag(only_raw, CAP_PERMITTED, 1, &raw, CAP_SET) == 0);
	MUST(cap_set_flag(only_raw, CAP_EFFECTIVE, 1, &raw, CAP_SET) == 0);
	MUST(cap_set_proc(only_raw) == 0);
	MUST(privileges_become(&somebody, &reason) == -EPERM);
	MUST(strstr(reason.text, "CAP_SETGID"));
}

static void become_without_right_to_fails(void **state) {
	assert_child_succeeds(child_without_setuid);
}

/* --- what must not count as proof --- */

static void child_still_root(void) {
	const struct identity root = {.uid = 0, .gid = 0};
	struct reason reason;

	MUST(setgroups(0, NULL) == 0);
	MUST(privileges_drop(&reason) == 0);
	MUST(privileges_prove(&root, &reason) == PRIVILEGES_E_REFUSED); /* setuid(0) succeeds */
}

static void prove_of_root_is_refused(void **state) {
	assert_child_succeeds(child_still_root);
}

static void child_saved_uid_is_root(void) {
	struct reason reason;

	MUST(setgroups(0, NULL) == 0 && setresgid(SOME_ID + 1, SOME_ID + 1, SOME_ID + 1) == 0);
	MUST(setresuid(SOME_ID, SOME_ID, 0) == 0);
	MUST(privileges_drop(&reason) == 0);
	MUST(privileges_prove(&somebody, &reason) == PRIVILEGES_E_REFUSED);
}

static void prove_with_saved_root_is_refused(void **state) {
	assert_child_succeeds(child_saved_uid_is_root);
}

static void child_keeps_group(void) {
	static const gid_t groups[] = {27};
	struct reason reason;

	MUST(setgroups(1, groups) == 0);
	MUST(setresgid(SOME_ID + 1, SOME_ID + 1, SOME_ID + 1) == 0);
	MUST(setresuid(SOME_ID, SOME_ID, SOME_ID) == 0);
	MUST(privileges_drop(&reason) == 0);
	MUST(privileges_prove(&somebody, &reason) == PRIVILEGES_E_REFUSED);
	MUST(strstr(reason.text, "groups"));
}

static void prove_with_a_group_left_is_refused(void **state) {
	assert_child_succeeds(child_keeps_group);
}

/* --- whom to become --- */

static void child_chooses(void) {
	static const char *const refused[] = {"root", "0", "nobody", "65534", "no-such-account"};
	struct identity identity;
	struct reason reason;

	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		MUST(privileges_choose(refused[i], "multiping", &identity, &reason) ==
		     PRIVILEGES_E_REFUSED);
		MUST(strstr(reason.text, refused[i]));
	}
	MUST(privileges_choose("61999", "multiping", &identity, &reason) == 0);
	MUST(identity.change && identity.uid == SOME_ID && identity.gid == SOME_ID);
}

static void choose_root_or_nobody_is_refused(void **state) {
	assert_child_succeeds(child_chooses);
}

static void child_chooses_default(void) {
	struct identity identity;
	struct reason reason;

	MUST(privileges_choose("no-such-account", "no-such-account", &identity, &reason) == 0);
	MUST(identity.change && identity.uid >= 61184 && identity.uid <= 65519);
	MUST(identity.gid == identity.uid);
}

static void choose_default_without_account_takes_unused_id(void **state) {
	assert_child_succeeds(child_chooses_default);
}

static void child_setuid_root(void) {
	struct identity identity;
	struct reason reason;

	MUST(setresgid(SOME_ID, 0, 0) == 0 && setresuid(SOME_ID, 0, 0) == 0);
	MUST(privileges_choose("multiping", "multiping", &identity, &reason) == 0);
	MUST(identity.change && identity.uid == SOME_ID && identity.gid == SOME_ID);
	MUST(privileges_become(&identity, &reason) == 0 && raw_socket_opens());
	MUST(privileges_drop(&reason) == 0 && privileges_prove(&identity, &reason) == 0);
}

static void choose_setuid_root_becomes_the_caller(void **state) {
	assert_child_succeeds(child_setuid_root);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drop_after_start_by_root_leaves_nothing),
		cmocka_unit_test(drop_after_start_with_file_capability_leaves_nothing),
		cmocka_unit_test(drop_after_start_with_ambient_capability_leaves_nothing),
		cmocka_unit_test(become_without_right_to_fails),
		cmocka_unit_test(prove_of_root_is_refused),
		cmocka_unit_test(prove_with_saved_root_is_refused),
		cmocka_unit_test(prove_with_a_group_left_is_refused),
		cmocka_unit_test(choose_root_or_nobody_is_refused),
		cmocka_unit_test(choose_default_without_account_takes_unused_id),
		cmocka_unit_test(choose_setuid_root_becomes_the_caller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
