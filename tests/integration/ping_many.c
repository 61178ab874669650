/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The library's one call, for as many hosts as there are lines on standard input: ping_many SOCKET TIMEOUT_MS < hosts
 *
 * Prints one line, "replies N wrong N own_bytes N": wrong are results that do not belong to the host in that place. own_bytes is the
 * peak of resident memory without the array of results, which the caller gets and whose size the header tells. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "multiping.h"

struct hosts {
	char *text;         /* of standard input, each line ended by a zero byte */
	const char **names; /* into @text */
	size_t n_names;
};

/* Reads all of standard input into a new buffer with a zero byte behind it. -errno. */
static int input_read(char **ret_text, size_t *ret_n_bytes) {
	FILE *copy;
	char *text = NULL, block[65536];
	size_t n_bytes = 0, n;

	copy = open_memstream(&text, &n_bytes);
	if (copy == NULL) {
		return -errno;
	}
	while ((n = fread(block, 1, sizeof(block), stdin)) > 0) {
		fwrite(block, 1, n, copy);
	}
	if (fclose(copy) != 0) {
		free(text);
		return -ENOMEM;
	}
	*ret_text = text;
	*ret_n_bytes = n_bytes;
	return 0;
}

static int hosts_read(struct hosts *ret_hosts) {
	struct hosts hosts = {0};
	size_t n_bytes, n_lines = 0;
	int r;

	r = input_read(&hosts.text, &n_bytes);
	if (r < 0) {
		return r;
	}
	for (size_t i = 0; i < n_bytes; i++) {
		n_lines += hosts.text[i] == '\n';
	}
	hosts.names = calloc(n_lines + 1, sizeof(*hosts.names));
	if (hosts.names == NULL) {
		free(hosts.text);
		return -ENOMEM;
	}
	for (char *rest = hosts.text, *line; (line = strsep(&rest, "\n")) != NULL;) {
		if (*line != '\0') {
			hosts.names[hosts.n_names++] = line;
		}
	}
	*ret_hosts = hosts;
	return 0;
}

static long peak_bytes(void) {
	char line[128];
	long kibibytes = -1;
	FILE *status = fopen("/proc/self/status", "re");

	while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
		if (sscanf(line, "VmHWM: %ld", &kibibytes) == 1) {
			break;
		}
	}
	if (status != NULL) {
		fclose(status);
	}
	return kibibytes * 1024;
}

int main(int argc, char **argv) {
	struct multiping_config config;
	struct multiping_result *results;
	struct hosts hosts;
	char message[512];
	size_t n_replies = 0, n_wrong = 0;
	int r;

	if (argc != 3) {
		fprintf(stderr, "usage: ping_many SOCKET TIMEOUT_MS < hosts\n");
		return 2;
	}
	r = hosts_read(&hosts);
	if (r < 0) {
		fprintf(stderr, "ping_many: %s\n", strerror(-r));
		return 2;
	}
	multiping_config_init(&config);
	config.socket_path = argv[1];
	r = multiping_run(hosts.names, hosts.n_names, 1000 * strtol(argv[2], NULL, 10), 0, &config,
			  &results, message, sizeof(message));
	if (r < 0) {
		fprintf(stderr, "ping_many: %s\n", message);
		return 2;
	}
	for (size_t i = 0; i < hosts.n_names; i++) {
		n_replies += results[i].outcome == MULTIPING_REPLY;
		n_wrong += results[i].target != i || strcmp(results[i].name, hosts.names[i]) != 0 ||
			   strcmp(results[i].address, hosts.names[i]) != 0;
	}
	printf("replies %zu wrong %zu own_bytes %ld\n", n_replies, n_wrong,
	       peak_bytes() - (long)(hosts.n_names * sizeof(*results)));
	free(results);
	free(hosts.names);
	free(hosts.text);
	return n_replies == hosts.n_names && n_wrong == 0 ? 0 : 1;
}
