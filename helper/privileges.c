/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/securebits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/cleanup.h"
#include "helper/defence.h"
#include "helper/passwd.h"

enum { UID_NOBODY = 65534 }; /* many services run as it; a user namespace shows strangers as it */

static const char advice_start[] =
	"start it as root with CAP_SETUID and CAP_SETGID, outside of user "
	"namespaces, or as the user itself with CAP_NET_RAW";

static void cleanup_capabilities(cap_t *capabilities) {
	(void)cap_free(*capabilities);
}

int privileges_hide(void) {
	if (!defence_is_on(NOT_DUMPABLE)) {
		return 0;
	}
	if (prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) < 0) {
		return -errno;
	}
	return prctl(PR_GET_DUMPABLE, 0L, 0L, 0L, 0L) == 0 ? 0 : PRIVILEGES_E_REFUSED;
}

/* --- whom to become --- */

static int find_user(const char *user, const char *default_user, struct identity *identity,
		     struct reason *ret_reason) {
	int r;

	r = passwd_find_user(&passwd_system_files, user, &identity->uid, &identity->gid);
	if (r == PASSWD_E_UNKNOWN && strcmp(user, default_user) == 0) {
		r = passwd_find_unused_id(&passwd_system_files, &identity->uid);
		identity->gid = identity->uid;
		if (r == PASSWD_E_UNKNOWN) {
			return reason_set(ret_reason, PRIVILEGES_E_REFUSED,
					  "start it outside of the namespace, or map them into it",
					  "no user %s here, and this user namespace has none of "
					  "the uids and gids %d to %d that is free",
					  user, PASSWD_FIRST_DYNAMIC_ID, PASSWD_LAST_DYNAMIC_ID);
		}
	}
	if (r < 0) {
		return reason_set(ret_reason, r, NULL, "user %s: /etc/passwd, /etc/group", user);
	}
	if (r == PASSWD_E_UNKNOWN) {
		return reason_set(ret_reason, PRIVILEGES_E_REFUSED,
				  "create a system account for the helper", "no user %s here",
				  user);
	}
	if (identity->uid == 0 || identity->gid == 0 || identity->uid == UID_NOBODY) {
		return reason_set(
			ret_reason, PRIVILEGES_E_REFUSED, "name an account of its own",
			"user %s has uid %u and gid %u: the helper never runs as root or nobody",
			user, identity->uid, identity->gid);
	}
	return 0;
}

int privileges_choose(const char *user, const char *default_user, struct identity *ret_identity,
		      struct reason *ret_reason) {
	struct identity identity = {.change = geteuid() == 0, .uid = getuid(), .gid = getgid()};
	int r;

	if (!defence_is_on(REAL_IDS)) {
		identity.uid = geteuid();
	}

	if (identity.change && identity.uid == 0) {
		r = find_user(user, default_user, &identity, ret_reason);
		if (r != 0) {
			return r;
		}
	}
	*ret_identity = identity;
	return 0;
}

/* --- becoming it --- */

/* With CAP_SETPCAP: empties the bounding set and locks what could bring capabilities back. Without it (as with a file capability)
 * no_new_privs and the filter must do. */
static int lock_capabilities(void) {
	const unsigned bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
			      SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
			      SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

	for (cap_value_t value = 0; cap_get_bound(value) >= 0; value++) {
		if (cap_drop_bound(value) < 0) {
			return errno == EPERM ? 0 : -errno;
		}
	}
	if (errno != EINVAL) { /* which is what ends the list */
		return -errno;
	}
	return cap_set_secbits(bits) < 0 && errno != EPERM ? -errno : 0;
}

static int change_ids(const struct identity *identity, struct reason *ret_reason) {
	if (defence_is_on(DROP_GROUPS) && setgroups(0, NULL) < 0) {
		return reason_set(ret_reason, -errno, advice_start, "setgroups");
	}
	if (setresgid(identity->gid, identity->gid, identity->gid) < 0) {
		return reason_set(ret_reason, -errno, advice_start, "setresgid %u", identity->gid);
	}
	if (setresuid(identity->uid, identity->uid, identity->uid) < 0) {
		return reason_set(ret_reason, -errno, advice_start, "setresuid %u", identity->uid);
	}
	return 0;
}

/* Permitted and effective become those of the @n_values that are permitted now; inheritable, and so
 * ambient, become empty. */
static int keep_capabilities(const cap_value_t *values, size_t n_values) {
	CLEANUP(cleanup_capabilities) cap_t now = cap_get_proc();
	CLEANUP(cleanup_capabilities) cap_t kept = cap_init();

	if (!now || !kept) {
		return -errno;
	}
	for (size_t i = 0; i < n_values; i++) {
		cap_flag_value_t is_permitted = CAP_CLEAR;

		if (cap_get_flag(now, values[i], CAP_PERMITTED, &is_permitted) < 0 ||
		    cap_set_flag(kept, CAP_PERMITTED, 1, &values[i], is_permitted) < 0 ||
		    cap_set_flag(kept, CAP_EFFECTIVE, 1, &values[i], is_permitted) < 0) {
			return -errno;
		}
	}
	return cap_set_proc(kept) < 0 ? -errno : 0;
}

int privileges_become(const struct identity *identity, struct reason *ret_reason) {
	static const cap_value_t needed[] = {CAP_NET_RAW, CAP_NET_ADMIN, CAP_SYS_CHROOT};
	int r;

	if (identity->change) {
		if ((r = lock_capabilities()) < 0) {
			return reason_set(ret_reason, r, NULL, "emptying the bounding set");
		}
		/* Without the locked securebits, the change of ids would take the capabilities along. */
		if (prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) < 0 && errno != EPERM) {
			return reason_set(ret_reason, -errno, NULL, "PR_SET_KEEPCAPS");
		}
		if ((r = change_ids(identity, ret_reason)) < 0) {
			return r;
		}
	}
	r = keep_capabilities(needed, sizeof needed / sizeof *needed);
	return reason_set(ret_reason, r, NULL, "reducing capabilities");
}

int privileges_drop(struct reason *ret_reason) {
	return reason_set(ret_reason, keep_capabilities(NULL, 0), NULL, "dropping capabilities");
}

/* --- proof --- */

static int prove_ids(const struct identity *identity, struct reason *ret_reason) {
	uid_t uids[3]; /* real, effective, saved */
	gid_t gids[3];

	if (getresuid(&uids[0], &uids[1], &uids[2]) < 0 ||
	    getresgid(&gids[0], &gids[1], &gids[2]) < 0) {
		return reason_set(ret_reason, -errno, NULL, "asking for ids");
	}
	for (int i = 0; i < 3; i++) {
		if (uids[i] != identity->uid || gids[i] != identity->gid) {
			return reason_set(ret_reason, PRIVILEGES_E_REFUSED, NULL,
					  "not all ids are %u and %u", identity->uid,
					  identity->gid);
		}
	}
	if (identity->change && getgroups(0, NULL) != 0) {
		return reason_set(ret_reason, PRIVILEGES_E_REFUSED, NULL, "groups are left");
	}
	return 0;
}

/* A raw socket can be opened with CAP_NET_RAW alone: no sysctl allows it, unlike ICMP datagram sockets. */
static int prove_sockets(struct reason *ret_reason) {
	static const int families[] = {AF_INET, AF_INET6};

	for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
		CLEANUP(cleanup_fd)
		int fd = socket(families[i], SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

		if (fd >= 0 || (errno != EPERM && errno != EAFNOSUPPORT)) {
			return reason_set(ret_reason, fd >= 0 ? PRIVILEGES_E_REFUSED : -errno, NULL,
					  "opening one more raw socket was not refused");
		}
	}
	return 0;
}

int privileges_prove(const struct identity *identity, struct reason *ret_reason) {
	CLEANUP(cleanup_capabilities) cap_t now = cap_get_proc();
	CLEANUP(cleanup_capabilities) cap_t none = cap_init();
	int r;

	if (!now || !none) {
		return reason_set(ret_reason, -errno, NULL, "asking for capabilities");
	}
	if (cap_compare(now, none) != 0) {
		return reason_set(ret_reason, PRIVILEGES_E_REFUSED, NULL, "capabilities are left");
	}
	if ((r = prove_ids(identity, ret_reason)) != 0) {
		return r;
	}
	if (setuid(0) == 0) {
		return reason_set(ret_reason, PRIVILEGES_E_REFUSED, NULL,
				  "setuid(0) was not refused");
	}
	if ((r = prove_sockets(ret_reason)) != 0) {
		return r;
	}
	return reason_set(ret_reason, privileges_hide(), NULL,
			  "this process can be read by others of its uid");
}
