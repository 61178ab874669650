/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the files of a corpus through a fuzz target, where there is no libFuzzer. An empty corpus is a failure. */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

/* Each input lies in memory of exactly its size, so that the address sanitizer sees a byte read too many. */
static int replay_file(const char *path) {
	FILE *file = fopen(path, "rb");
	struct stat status;
	uint8_t *bytes;
	size_t n_bytes;

	if (file == NULL || fstat(fileno(file), &status) < 0) {
		perror(path);
		return -1;
	}

	n_bytes = (size_t)status.st_size;
	bytes = malloc(n_bytes == 0 ? 1 : n_bytes);
	if (bytes == NULL || fread(bytes, 1, n_bytes, file) != n_bytes) {
		perror(path);
		return -1;
	}

	(void)fclose(file);
	(void)LLVMFuzzerTestOneInput(bytes, n_bytes);
	free(bytes);
	return 0;
}

int main(int argc, char **argv) {
	unsigned n_files = 0;
	struct dirent *entry;
	DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;

	if (folder == NULL) {
		fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
		return EXIT_FAILURE;
	}

	while ((entry = readdir(folder)) != NULL) {
		char path[4096];

		if (entry->d_name[0] == '.') {
			continue;
		}
		(void)snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		if (replay_file(path) < 0) {
			return EXIT_FAILURE;
		}
		n_files++;
	}

	(void)closedir(folder);
	printf("%u inputs\n", n_files);
	return n_files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
