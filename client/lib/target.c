/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks, not one array: growing copies nothing, pointers stay valid, and multiping_run() frees the
 * targets behind itself while it writes the results, so that the two never stand side by side.
 * Names lie end to end in an arena. */

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/target.h"

enum { NAMES_BLOCK_BYTES = 65536 };

static void names_free(struct targets *targets) {
	char *before;

	while (targets->names) {
		memcpy(&before, targets->names, sizeof before);
		free(targets->names);
		targets->names = before;
	}
}

/* Copies a name into the arena. A block is as large as the name needs, at least
 * NAMES_BLOCK_BYTES. */
static const char *names_keep(struct targets *targets, const char *name) {
	size_t n_bytes = strlen(name) + 1;
	size_t n_block = sizeof(char *) + n_bytes;
	char *block;

	if (!targets->names || n_bytes > NAMES_BLOCK_BYTES - targets->n_names_bytes) {
		if (n_block < NAMES_BLOCK_BYTES) {
			n_block = NAMES_BLOCK_BYTES;
		}
		block = malloc(n_block);
		if (!block) {
			return NULL;
		}
		memcpy(block, &targets->names, sizeof targets->names);
		targets->names = block;
		targets->n_names_bytes = sizeof(char *);
	}
	block = targets->names + targets->n_names_bytes;
	memcpy(block, name, n_bytes);
	targets->n_names_bytes += n_bytes;
	if (targets->n_names_bytes > NAMES_BLOCK_BYTES) {
		targets->n_names_bytes = NAMES_BLOCK_BYTES; /* a large block of its own is full */
	}
	return block;
}

void targets_deinit(struct targets *targets) {
	for (size_t i = 0; i * TARGETS_PER_CHUNK < targets->n; ++i) {
		free(targets->chunks[i]);
	}
	free(targets->chunks);
	names_free(targets);
	*targets = (struct targets){0};
}

void targets_free_chunk(struct targets *targets, size_t chunk) {
	free(targets->chunks[chunk]);
	targets->chunks[chunk] = NULL;
}

/* Makes room for the next target: a new chunk where the last is full, a longer array of them at
 * each power of two. */
static int targets_reserve(struct targets *targets) {
	size_t n_chunks = targets->n / TARGETS_PER_CHUNK;
	struct target **chunks;

	if (targets->n >= TARGETS_MAX) {
		return -ENOMEM;
	}
	if (targets->n % TARGETS_PER_CHUNK != 0) {
		return 0;
	}
	if ((n_chunks & (n_chunks - 1)) == 0) {
		chunks = realloc(targets->chunks, (n_chunks ? n_chunks * 2 : 1) * sizeof *chunks);
		if (!chunks) {
			return -ENOMEM;
		}
		targets->chunks = chunks;
	}
	targets->chunks[n_chunks] = malloc(TARGETS_PER_CHUNK * sizeof **chunks);
	return targets->chunks[n_chunks] ? 0 : -ENOMEM;
}

static void target_take_numeric(struct target *target, int family) {
	struct address address = {0};

	switch (address_parse(target->name, family, &address)) {
	case 0:
		target->name_state = NAME_KNOWN;
		break;
	case ADDRESS_E_FAMILY:
		target->name_state = NAME_FAILED;
		target->last.error = EAI_ADDRFAMILY;
		break;
	case ADDRESS_E_SCOPE:
		target->name_state = NAME_FAILED;
		target->last.error = EAI_NONAME;
		break;
	default:
		target->name_state = NAME_UNASKED;
	}
	if (target->name_state == NAME_FAILED) {
		target->last.outcome = MULTIPING_NAME_ERROR;
	}
	target->ip = address.ip;
	target->scope = address.scope;
	target->scope_is_name = address.scope_is_name;
}

int targets_add(struct targets *targets, const char *name, int family, void *context,
		size_t *ret_number) {
	struct target *target;
	int r;

	r = targets_reserve(targets);
	if (r < 0) {
		return r;
	}
	if (!targets->borrow_names) {
		name = names_keep(targets, name);
	}
	if (!name) {
		if (targets->n % TARGETS_PER_CHUNK ==
		    0) { /* the chunk that was just made is not counted by n */
			targets_free_chunk(targets, targets->n / TARGETS_PER_CHUNK);
		}
		return -ENOMEM;
	}
	target = targets_at(targets, targets->n);
	*target = (struct target){.name = name, .context = context, .last.rtt_ns = -1};
	target_take_numeric(target, family);
	*ret_number = targets->n++;
	return 0;
}

struct target *targets_find(const struct targets *targets, size_t number) {
	struct target *target;

	if (number >= targets->n) {
		return NULL;
	}
	target = targets_at(targets, number);
	return target->removed ? NULL : target;
}

/* The address as text. A scope reads as it was given, by name or number; where a name led to it, it
 * is a number. */
static void target_format_address(const struct target *target, char *ret_text) {
	size_t n_bytes;
	const char *given;

	*ret_text = '\0';
	if (target->name_state != NAME_KNOWN) {
		return;
	}
	n_bytes = address_format(&target->ip, ret_text);
	if (target->scope == 0) {
		return;
	}
	given = strchr(target->name, '%');
	if (given) {
		snprintf(ret_text + n_bytes, MULTIPING_ADDRESS_TEXT_BYTES - n_bytes, "%s", given);
	} else {
		snprintf(ret_text + n_bytes, MULTIPING_ADDRESS_TEXT_BYTES - n_bytes, "%%%u",
			 target->scope);
	}
}

void target_fill_result(const struct target *target, size_t number, const struct record *record,
			struct multiping_result *ret_result) {
	struct multiping_result *result = ret_result;

	result->name = target->name;
	target_format_address(target, result->address);
	result->reporter[0] = '\0';
	if (!IN6_IS_ADDR_UNSPECIFIED(&record->reporter)) {
		address_format(&record->reporter, result->reporter);
	}
	result->target = number;
	result->probe = record->probe;
	result->outcome = (enum multiping_outcome)record->outcome;
	result->flags = record->flags;
	result->sent_unix_ns = record->sent_unix_ns;
	result->queued_us = record->queued_us;
	result->rtt_ns = record->rtt_ns;
	result->error = record->error;
	result->hop_limit = record->hop_limit;
	result->icmp_type = record->icmp_type;
	result->icmp_code = record->icmp_code;
	result->size_bytes = record->size_bytes;
	result->next_hop_mtu = record->next_hop_mtu;
	result->n_sent = target->n_sent;
	result->n_replies = target->n_replies;
	result->n_duplicates = target->n_duplicates;
}

void target_forget(struct target *target) {
	if (target->name_state != NAME_FAILED) {
		target->last = (struct record){.rtt_ns = -1};
	}
	target->n_sent = target->n_replies = target->n_duplicates = target->n_asked = 0;
	target->n_open = target->n_on_way = 0;
	target->replied = target->wanted = false;
}
