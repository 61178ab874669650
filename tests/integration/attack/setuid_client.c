/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A program that pings with the library, linked into it so that it may be setuid. Prints what the library says. */
#include <stdio.h>

#include "multiping.h"

int main(void) {
	const char *const hosts[] = {"127.0.0.1"};
	struct multiping_result *results;
	char message[1024] = "";

	if (multiping_run(hosts, 1, 1000000, 0, NULL, &results, message, sizeof message) < 0) {
		(void)printf("%s\n", message);
		return 1;
	}
	(void)printf("outcome %d\n", results->outcome);
	return 0;
}
