/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/sandbox.h"

#include <errno.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper/cleanup.h"
#include "helper/defence.h"
#include "helper/descriptors.h"
#include "helper/sandbox_table.h"

int sandbox_forbid_new_privileges(void) {
	if (!defence_is_on(NO_NEW_PRIVILEGES)) {
		return 0;
	}
	return prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0 ? -errno : 0;
}

/* --- files --- */

int sandbox_prepare_empty_root(void) {
	CLEANUP(cleanup_fd) int context = fsopen("tmpfs", FSOPEN_CLOEXEC), root = -1;

	if (context < 0) {
		return errno == EPERM || errno == ENOSYS || errno == ENODEV ? SANDBOX_E_UNSUPPORTED
									    : -errno;
	}
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		return -errno;
	}
	root = fsmount(context, FSMOUNT_CLOEXEC,
		       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			       MOUNT_ATTR_NOEXEC);
	return root < 0 || fchdir(root) < 0 ? -errno : 0; /* it lasts as long as we are in it */
}

int sandbox_enter_empty_root(void) {
	if (chroot(".") < 0) {
		return errno == EPERM ? SANDBOX_E_UNSUPPORTED : -errno;
	}
	return 0;
}

/* As the kernel reads it today; the headers may be older. Fields that it does not know yet are zero, which it accepts. */
struct landlock_rights {
	uint64_t files;
	uint64_t network; /* version 4 */
	uint64_t scopes;  /* version 6 */
};

/* Everything that this version of Landlock can take away. */
static struct landlock_rights landlock_all_rights(long version) {
	static const unsigned n_file_rights[] = {13, 14, 15, 15, 16}; /* of versions 1 to 5 */
	const long last = sizeof n_file_rights / sizeof *n_file_rights;

	return (struct landlock_rights){
		.files = (UINT64_C(1) << n_file_rights[(version < last ? version : last) - 1]) - 1,
		.network = version >= 4 ? 3 : 0, /* bind and connect, TCP */
		.scopes = version >= 6 ? 3 : 0,  /* abstract Unix sockets, signals */
	};
}

int sandbox_leave_files(void) {
	CLEANUP(cleanup_fd) int fd = -1;
	struct landlock_rights rights;
	long version;

	if (!defence_is_on(LANDLOCK)) {
		return 0;
	}
	version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (version < 1) {
		return errno == ENOSYS || errno == EOPNOTSUPP ? SANDBOX_E_UNSUPPORTED : -errno;
	}
	rights = landlock_all_rights(version);
	fd = (int)syscall(SYS_landlock_create_ruleset, &rights, sizeof rights, 0);
	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0) {
		return -errno;
	}
	return 0;
}

/* --- resources --- */

/* 256 MiB for the default table */
enum { BASE_MEMORY_BYTES = 192 << 20, PROBE_MEMORY_BYTES = 128 };

static bool log_is_file(void) {
	struct stat status;

	return fstat(DESCRIPTOR_LOG, &status) == 0 && S_ISREG(status.st_mode);
}

int sandbox_limit_resources(bool is_private, const struct config *config) {
	const struct {
		int resource;
		rlim_t limit;
	} limits[] = {
		{RLIMIT_NOFILE, (rlim_t)descriptor_limit(is_private)},
		{RLIMIT_NPROC, 0},
		{RLIMIT_FSIZE, log_is_file() ? RLIM_INFINITY : 0},
		{RLIMIT_MEMLOCK, 0},
		{RLIMIT_CORE, 0},
#ifndef MULTIPING_SANITIZE /* shadow memory takes terabytes of addresses */
		{RLIMIT_AS,
		 BASE_MEMORY_BYTES + (rlim_t)config->probes_in_flight * PROBE_MEMORY_BYTES},
#endif
	};

	if (!defence_is_on(RESOURCE_LIMITS)) {
		return 0;
	}
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct rlimit now;

		if (getrlimit(limits[i].resource, &now) < 0) {
			return -errno;
		}
		if (now.rlim_max > limits[i].limit) { /* a lower one stays */
			now.rlim_max = limits[i].limit;
		}
		now.rlim_cur = now.rlim_max;
		if (setrlimit(limits[i].resource, &now) < 0) {
			return -errno;
		}
	}
	return 0;
}

/* --- system calls --- */

static void cleanup_filter(scmp_filter_ctx *filter) {
	seccomp_release(*filter); /* takes NULL */
}

/* Allows the call of @rule where argument 0 is in @range (NULL: whatever it is). */
static int allow_in_range(scmp_filter_ctx filter, const struct sandbox_rule *rule,
			  const struct sandbox_range *range) {
	struct scmp_arg_cmp checks[1 + SANDBOX_MAX_CHECKS];
	unsigned n_checks = 0;

	if (range) {
		checks[n_checks++] =
			(struct scmp_arg_cmp){0, SCMP_CMP_MASKED_EQ, range->mask, range->value};
	}
	for (unsigned i = 0; i < SANDBOX_MAX_CHECKS; i++) {
		if (rule->checks[i].op != 0 && defence_is_on(CHECKED_ARGUMENTS)) {
			checks[n_checks++] = rule->checks[i];
		}
	}
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule->call, n_checks, checks);
}

static int allow(scmp_filter_ctx filter, const struct sandbox_rule *rule) {
	int r;

	if (rule->descriptors == SANDBOX_ANY || !defence_is_on(PINNED_DESCRIPTORS)) {
		return allow_in_range(filter, rule, NULL);
	}
	for (size_t i = 0; i < sandbox_n_ranges; i++) {
		if (sandbox_ranges[i].descriptors == rule->descriptors &&
		    (r = allow_in_range(filter, rule, &sandbox_ranges[i])) < 0) {
			return r;
		}
	}
	return 0;
}

int sandbox_load_filter(bool is_private, bool peeks) {
	CLEANUP(cleanup_filter) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	const struct sandbox_rule abort_rule = {
		.call = SCMP_SYS(tgkill),
		.checks = {{0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0},
			   {2, SCMP_CMP_EQ, SIGABRT, 0}},
	};
	const struct {
		const struct sandbox_rule *rules;
		size_t n_rules;
	} sets[] = {
		{sandbox_rules, sandbox_n_rules},
		{sandbox_shared_rules, is_private ? 0 : sandbox_n_shared_rules},
		{sandbox_peeking_rules, peeks ? sandbox_n_peeking_rules : 0},
#ifdef MULTIPING_SANITIZE
		{sandbox_sanitizer_rules, sandbox_n_sanitizer_rules},
#endif
		{&abort_rule, 1},
	};
	int r;

	if (!filter) {
		return -ENOMEM;
	}
	/* A call by another convention of the architecture would only end the thread by default. */
	r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
			     defence_is_on(ONE_ARCHITECTURE) ? SCMP_ACT_KILL_PROCESS
							     : SCMP_ACT_ALLOW);
	if (r == 0) { /* and the kernel's own errors would be lost */
		r = seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
	}
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
		for (size_t j = 0; r == 0 && j < sets[i].n_rules; j++) {
			r = allow(filter, &sets[i].rules[j]);
		}
	}
	return r == 0 && defence_is_on(FILTER) ? seccomp_load(filter) : r;
}
