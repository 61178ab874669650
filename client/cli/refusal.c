/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/refusal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* By the protocol's names, which are those of allow_options, too. */
static const struct {
	const char *name;
	char letter;
} letters[] = {
	{"ttl", 'H'},    {"tos", 'O'},       {"dont_fragment", 'M'},
	{"source", 'S'}, {"interface", 'I'}, {"fwmark", 'k'},
};

/* The letter of the option that is the last word of @message; 0: it is none. */
static char letter_of(const char *message, const char **ret_name) {
	const char *blank = strrchr(message, ' ');

	*ret_name = blank ? blank + 1 : message;
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
		if (strcmp(*ret_name, letters[i].name) == 0) {
			return letters[i].letter;
		}
	}
	return 0;
}

void refusal_explain(const struct options *options, const struct multiping *multiping, int error,
		     char *ret_text, size_t text_bytes) {
	struct multiping_helper helper = {.struct_bytes = sizeof(helper)};
	const char *message = multiping_message(multiping), *name;
	char letter = letter_of(message, &name);

	if (error == EMSGSIZE && multiping_get_helper(multiping, &helper) == 0) {
		snprintf(ret_text, text_bytes,
			 "-b: %u bytes asked, the helper allows %u; max_payload_bytes in "
			 "helper.conf is the limit",
			 options->size_bytes, helper.max_size_bytes);
	} else if (error == EACCES && letter != 0) {
		snprintf(ret_text, text_bytes,
			 "-%c: %s; \"%s\" in allow_options of helper.conf would allow it", letter,
			 message, name);
	} else {
		snprintf(ret_text, text_bytes, "%s", message);
	}
}
