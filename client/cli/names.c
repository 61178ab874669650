/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void names_deinit(struct names *names) {
	for (size_t i = 0; i < names->n; i++) {
		free(names->names[i].given);
		free(names->names[i].shown);
	}
	free(names->names);
	*names = (struct names){0};
}

static int reserve(struct names *names, size_t n) {
	size_t n_grown = names->n + names->n / 2 + 16;
	struct name *grown;

	if (n <= names->n) {
		return 0;
	}
	n_grown = n_grown > n ? n_grown : n;
	grown = reallocarray(names->names, n_grown, sizeof(*grown));
	if (!grown) {
		return -ENOMEM;
	}
	memset(grown + names->n, 0, (n_grown - names->n) * sizeof(*grown));
	names->names = grown;
	names->n = n_grown;
	return 0;
}

static int set(char **place, const char *text) {
	free(*place);
	*place = strdup(text);
	return *place ? 0 : -ENOMEM;
}

int names_set_given(struct names *names, size_t target, const char *given) {
	int r = reserve(names, target + 1);

	return r < 0 ? r : set(&names->names[target].given, given);
}

int names_set_shown(struct names *names, size_t target, const char *shown) {
	int r = reserve(names, target + 1);

	return r < 0 ? r : set(&names->names[target].shown, shown);
}

const char *names_given(const struct names *names, size_t target, const char *otherwise) {
	bool is_noted = target < names->n && names->names[target].given;

	return is_noted ? names->names[target].given : otherwise;
}

const char *names_shown(const struct names *names, size_t target, const char *otherwise) {
	bool is_noted = target < names->n && names->names[target].shown;

	return is_noted ? names->names[target].shown : otherwise;
}
