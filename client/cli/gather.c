/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/lookups.h"
#include "client/cli/targets.h"

static int add_range(const struct options *options, struct pinger *pinger, struct output *output) {
	struct range range;
	char fault[160];
	int r;

	if (options->n_targets == 1) {
		r = range_parse_prefix(options->targets[0], options->family, &range, fault,
				       sizeof(fault));
	} else {
		r = range_parse_ends(options->targets[0], options->targets[1], options->family,
				     &range, fault, sizeof(fault));
	}
	if (r != 0) {
		output_failure(output, fault);
		return GATHER_E_ARGUMENTS;
	}
	return pinger_add_range(pinger, &range);
}

/* Tells @take of each target of a list. What @take returns but 0 ends it. */
static int for_each_name(const struct options *options, struct output *output, targets_take *take,
			 void *context) {
	bool is_stdin = options->file && strcmp(options->file, "-") == 0;
	FILE *file = stdin;
	int r = 0;

	if (!options->file) {
		for (size_t i = 0; r == 0 && i < options->n_targets; i++) {
			r = take(context, options->targets[i]);
		}
		return r;
	}
	if (!is_stdin) {
		file = fopen(options->file, "re");
	}
	if (!file) {
		output_errno(output, "fopen : ", errno);
		return GATHER_E_FAILURE;
	}
	r = targets_read(file, take, context);
	if (r < 0 && ferror(file)) {
		output_file_error(output, is_stdin ? "standard input" : options->file, -r);
		r = GATHER_E_FAILURE;
	}
	if (!is_stdin) {
		fclose(file);
	}
	return r;
}

static int add_name(void *context, const char *name) {
	return pinger_add(context, name);
}

/* Names of which all addresses are wanted. */
struct list {
	struct lookup_addresses *lookups;
	size_t n, n_allocated;
};

static void list_free(struct list *list) {
	for (size_t i = 0; i < list->n; i++) {
		free((char *)list->lookups[i].name);
		if (list->lookups[i].found) {
			freeaddrinfo(list->lookups[i].found);
		}
	}
	free(list->lookups);
}

static int list_name(void *context, const char *name) {
	struct list *list = context;

	if (list->n == list->n_allocated) {
		size_t n_allocated = 2 * list->n_allocated + 64;
		struct lookup_addresses *lookups =
			reallocarray(list->lookups, n_allocated, sizeof(*lookups));

		if (!lookups) {
			return -ENOMEM;
		}
		list->lookups = lookups;
		list->n_allocated = n_allocated;
	}
	list->lookups[list->n] = (struct lookup_addresses){.name = strdup(name)};
	return list->lookups[list->n++].name ? 0 : -ENOMEM;
}

static int add_addresses(const struct lookup_addresses *lookup, struct pinger *pinger) {
	char text[NI_MAXHOST];
	int r = 0;

	for (const struct addrinfo *found = lookup->found; r == 0 && found;
	     found = found->ai_next) {
		r = pinger_add_address(pinger, lookups_address_text(found, text), lookup->name);
	}
	return r;
}

/* -m: every address of a name is a target. */
static int add_all_addresses(const struct options *options, struct pinger *pinger,
			     struct output *output) {
	const int family = options->source ? options->source_family : options->family;
	struct list list = {0};
	int r;

	r = for_each_name(options, output, list_name, &list);
	if (r == 0) {
		lookups_find_addresses(list.lookups, list.n, family);
	}
	for (size_t i = 0; r == 0 && i < list.n; i++) {
		if (list.lookups[i].error != 0) {
			pinger_add_unknown(pinger, list.lookups[i].name, list.lookups[i].error);
		} else {
			r = add_addresses(&list.lookups[i], pinger);
		}
	}
	list_free(&list);
	return r;
}

int gather_targets(const struct options *options, struct pinger *pinger, struct output *output) {
	if (options->generate) {
		return add_range(options, pinger, output);
	}
	if (options->all_addresses) {
		return add_all_addresses(options, pinger, output);
	}
	return for_each_name(options, output, add_name, pinger);
}

static bool is_numeric(const char *name) {
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
	struct addrinfo *found;

	if (getaddrinfo(name, NULL, &hints, &found) != 0) {
		return false;
	}
	freeaddrinfo(found);
	return true;
}

/* Notes what a target is called. @found: what its address is called; NULL: not known. */
static int set_shown(struct pinger *pinger, size_t target, const char *found) {
	struct multiping_result result;
	char shown[2 * NI_MAXHOST + 4];
	const char *name;

	multiping_get(pinger->multiping, target, &result);
	name = found ? found : names_given(&pinger->names, target, result.name);
	if (pinger->options->show_addresses) {
		snprintf(shown, sizeof(shown), "%s (%s)", name, result.address);
		name = shown;
	}
	return names_set_shown(&pinger->names, target, name);
}

/* What is to be asked for @target. */
static struct lookup_name lookup_of(const struct pinger *pinger, size_t target) {
	struct lookup_name lookup = {.target = target};
	struct multiping_result result;

	multiping_get(pinger->multiping, target, &result);
	if (pinger->options->names_all ||
	    is_numeric(names_given(&pinger->names, target, result.name))) {
		snprintf(lookup.address, sizeof(lookup.address), "%s", result.address);
	}
	return lookup;
}

int gather_names(const struct options *options, struct pinger *pinger) {
	struct lookup_name *lookups;
	size_t n = 0;
	int r = 0;

	if (!options_look_up_names(options)) {
		return 0;
	}
	lookups = reallocarray(NULL, pinger->n_added + 1, sizeof(*lookups));
	if (!lookups) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < pinger->n_added; i++) {
		if (pinger->states[i] != TARGET_UNKNOWN) {
			lookups[n++] = lookup_of(pinger, i);
		}
	}
	lookups_find_names(lookups, n);
	for (size_t i = 0; i < n; i++) {
		r = r == 0 ? set_shown(pinger, lookups[i].target, lookups[i].name) : r;
		free(lookups[i].name);
	}
	free(lookups);
	return r;
}
