/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "client/cli/options.h"
#include "client/cli/run.h"

enum { OUTPUT_BUFFER_BYTES = 65536 };

int main(int argc, char **argv) {
	struct options options;

	if (options_parse(argc, argv, &options) != 0) {
		fprintf(stderr, "%s\n", options.fault);
		return STATUS_WRONG_ARGUMENTS;
	}
	switch (options.action) {
	case OPTIONS_SHOW_HELP:
		options_print_help(&options, stdout);
		return fflush(stdout) == 0 ? 0 : STATUS_FAILURE;
	case OPTIONS_SHOW_VERSION:
		printf("%s: Version %s\n", options.program, MULTIPING_VERSION);
		return fflush(stdout) == 0 ? 0 : STATUS_FAILURE;
	case OPTIONS_PING:
		break;
	}
	setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER_BYTES); /* flushed before each wait */
	return run(&options, stdout, stderr);
}
