/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Names every function of the header, and is linked with the library alone: prints one name a line. C and C++. */

#include "multiping.h"

#include <stdio.h>

typedef void (*function)(void);
#define SYMBOL(name)                                                                               \
	{ #name, (function)name }

static const struct {
	const char *name;
	function address;
} symbols[] = {
	SYMBOL(multiping_add),       SYMBOL(multiping_cancel),     SYMBOL(multiping_config_init),
	SYMBOL(multiping_dispatch),  SYMBOL(multiping_fd),         SYMBOL(multiping_free),
	SYMBOL(multiping_get),       SYMBOL(multiping_get_helper), SYMBOL(multiping_message),
	SYMBOL(multiping_n_targets), SYMBOL(multiping_new),        SYMBOL(multiping_next_event),
	SYMBOL(multiping_ping),      SYMBOL(multiping_receive),    SYMBOL(multiping_remove),
	SYMBOL(multiping_reset),     SYMBOL(multiping_run),        SYMBOL(multiping_send),
	SYMBOL(multiping_stats),
};

int main(void) {
	for (size_t i = 0; i < sizeof symbols / sizeof *symbols; ++i) {
		if (symbols[i].address) {
			puts(symbols[i].name);
		}
	}
	return 0;
}
