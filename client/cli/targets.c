/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/targets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int targets_read(FILE *file, targets_take *take, void *context) {
	char *line = NULL;
	size_t allocated = 0;
	int r = 0;

	errno = 0;
	while (r == 0 && getline(&line, &allocated, file) >= 0) {
		char *word = line + strspn(line, " \t\r\n\v\f");

		word[strcspn(word, " \t\r\n\v\f")] = '\0';
		if (*word != '\0' && *word != '#') {
			r = take(context, word);
		}
	}
	if (r == 0 && ferror(file)) {
		r = errno != 0 ? -errno : -EIO;
	}
	free(line);
	return r;
}
