/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A helper with one defence switched off: PROGRAM --without-defence NAME[,NAME...] [ITS OWN ARGUMENTS]; several, where the attack
 * is on what lies behind them. Never installed. A name that the helper does not know switches nothing off, and so the test that
 * wanted it fails. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "helper/defence.h"
#include "helper/owner.h"
#include "protocol/scan.h"

int helper_main(int argc, char **argv); /* helper/main.c */

static const char *switched_off;

bool defence_is_on_named(const char *name) {
	const size_t n_bytes = strlen(name);

	for (const char *off = switched_off; *off; off += strcspn(off, ",")) {
		off += *off == ',';
		if (strncmp(off, name, n_bytes) == 0 && strcspn(off, ",") == n_bytes) {
			return false;
		}
	}
	return true;
}

/* The linker puts it in the place of message_scan(), which is there: protocol/ knows nothing of defences. */
enum protocol_code __real_message_scan(const void *bytes, size_t n_bytes);
enum protocol_code __wrap_message_scan(const void *bytes, size_t n_bytes) {
	return defence_is_on(SCAN) ? __real_message_scan(bytes, n_bytes) : PROTOCOL_CODE_NONE;
}

/* As programs did that took a uid for an int, and one of 2^31 or more, which is then negative, for nobody's: root's (CVE-2018-19788).
 * The helper has no code against that, only the right type; so the mistake is made here. */
void __real_owner_find(const struct realm *realm, const struct subordinates *subordinates,
		       const struct peer *peer, struct owner *ret_owner);
void __wrap_owner_find(const struct realm *realm, const struct subordinates *subordinates,
		       const struct peer *peer, struct owner *ret_owner);
void __wrap_owner_find(const struct realm *realm, const struct subordinates *subordinates,
		       const struct peer *peer, struct owner *ret_owner) {
	struct peer taken = *peer;

	if (taken.uid > INT32_MAX && !defence_is_on(UNSIGNED_UIDS)) {
		taken.uid = 0;
	}
	__real_owner_find(realm, subordinates, &taken, ret_owner);
}

int main(int argc, char **argv) {
	if (argc < 3 || strcmp(argv[1], "--without-defence") != 0) {
		(void)fputs("usage: --without-defence NAME[,NAME...] [ARGUMENTS OF THE HELPER]\n",
			    stderr);
		return EX_USAGE;
	}
	switched_off = argv[2];
	argv[2] = argv[0];
	return helper_main(argc - 2, argv + 2);
}
