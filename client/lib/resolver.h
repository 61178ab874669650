/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Looks names up in the background, many at a time. */

#include <stdbool.h>
#include <stddef.h>

#include "client/lib/address.h"

struct resolver;

struct resolver_answer {
	size_t target;
	int error; /* getaddrinfo's code; 0: @address is set */
	struct address address;
};

/* @family: AF_UNSPEC (IPv4, else IPv6), MULTIPING_FAMILY_SYSTEM (the system's order), AF_INET or
 * AF_INET6. -errno. */
int resolver_new(int family, struct resolver **ret_resolver);

/* Never waits for a lookup: one that is going on ends by itself, and frees what is left. NULL is
 * fine; returns NULL. */
struct resolver *resolver_free(struct resolver *resolver);

/* Readable while there are answers. Borrowed. */
int resolver_fd(const struct resolver *resolver);

/* Whether one more name can be asked for. */
bool resolver_has_room(const struct resolver *resolver);

/* Starts the lookup of @name (copied) for @target. -ENOMEM, or why no thread could be started. */
int resolver_ask(struct resolver *resolver, size_t target, const char *name);

/* Fetches an answer: 1 and @ret_answer, or 0 where there is none (yet). */
int resolver_fetch(struct resolver *resolver, struct resolver_answer *ret_answer);
