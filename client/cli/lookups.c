/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/lookups.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { MAX_THREADS = 16 };

/* Many lookups, each of which somebody takes. */
struct work {
	void (*look_up)(struct work *work, size_t i);
	void *lookups;
	int family;
	size_t n;
	atomic_size_t next;
};

static void *work_off(void *context) {
	struct work *work = context;

	for (size_t i = atomic_fetch_add(&work->next, 1); i < work->n;
	     i = atomic_fetch_add(&work->next, 1)) {
		work->look_up(work, i);
	}
	return NULL;
}

/* Where no thread is to be had, this one does it all. */
static void work_do(struct work *work) {
	pthread_t threads[MAX_THREADS];
	size_t n_threads = 0;

	while (n_threads < MAX_THREADS && n_threads + 1 < work->n &&
	       pthread_create(&threads[n_threads], NULL, work_off, work) == 0) {
		n_threads++;
	}
	work_off(work);
	while (n_threads > 0) {
		pthread_join(threads[--n_threads], NULL);
	}
}

static void find_addresses(struct work *work, size_t i) {
	struct lookup_addresses *lookup = (struct lookup_addresses *)work->lookups + i;
	const struct addrinfo hints = {.ai_family = work->family, .ai_socktype = SOCK_STREAM};

	lookup->error = getaddrinfo(lookup->name, NULL, &hints, &lookup->found);
	if (lookup->error != 0) {
		lookup->found = NULL;
	}
}

void lookups_find_addresses(struct lookup_addresses *lookups, size_t n, int family) {
	struct work work = {
		.look_up = find_addresses, .lookups = lookups, .family = family, .n = n};

	work_do(&work);
}

static void find_name(struct work *work, size_t i) {
	struct lookup_name *lookup = (struct lookup_name *)work->lookups + i;
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
	struct addrinfo *address;
	char name[NI_MAXHOST];

	lookup->name = NULL;
	if (lookup->address[0] == '\0' ||
	    getaddrinfo(lookup->address, NULL, &hints, &address) != 0) {
		return;
	}
	if (getnameinfo(address->ai_addr, address->ai_addrlen, name, sizeof(name), NULL, 0, 0) ==
	    0) {
		lookup->name = strdup(name);
	}
	freeaddrinfo(address);
}

void lookups_find_names(struct lookup_name *lookups, size_t n) {
	struct work work = {.look_up = find_name, .lookups = lookups, .n = n};

	work_do(&work);
}

const char *lookups_address_text(const struct addrinfo *found, char ret_text[NI_MAXHOST]) {
	if (getnameinfo(found->ai_addr, found->ai_addrlen, ret_text, NI_MAXHOST, NULL, 0,
			NI_NUMERICHOST) != 0) {
		snprintf(ret_text, NI_MAXHOST, "?");
	}
	return ret_text;
}
