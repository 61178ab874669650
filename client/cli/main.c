/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>

#include "client/cli/helper_stats.h"
#include "client/cli/options.h"
#include "client/cli/run.h"

enum { OUTPUT_BUFFER_BYTES = 65536 };

/* Where a standard stream is closed, the next socket would take its number, and what is printed would go there. */
static void occupy_standard_descriptors(void) {
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0) {
			open("/dev/null",
			     fd == 0 ? O_WRONLY : O_RDONLY); /* to use it is still an error */
		}
	}
}

int main(int argc, char **argv) {
	struct options options;

	occupy_standard_descriptors();
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
	case OPTIONS_SHOW_HELPER_STATS:
		return helper_stats_show(&options, stdout, stderr);
	case OPTIONS_PING:
		break;
	}
	setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER_BYTES); /* flushed before each wait */
	setvbuf(stderr, NULL, _IOLBF, BUFSIZ);              /* a write a line, not a word */
	return run(&options, stdout, stderr);
}
