/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* getaddrinfo(3) blocks and cannot be stopped, so it runs in threads, which are started as names
 * come and end with the object. The owner must not wait for a name server when it frees the object:
 * whoever leaves last, owner or thread, frees the rest. Threads know this structure alone, nothing
 * of the object. */

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "client/include/multiping.h"
#include "client/lib/cleanup.h"
#include "client/lib/resolver.h"

enum {
	RESOLVER_MAX_THREADS = 16,
	RESOLVER_MAX_OPEN =
		64, /* names asked for and not fetched: bounds memory, keeps the threads busy */
};

struct lookup {
	struct lookup *next;
	struct resolver_answer answer;
	char name[];
};

struct resolver {
	int family;
	int event_fd;
	unsigned n_open;      /* the owner's alone */
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t work;
	bool is_closing;
	unsigned n_threads, n_idle, n_asked, n_references;
	struct lookup *asked_first, *asked_last, *answered;
};

static void lookups_free(struct lookup *lookup) {
	while (lookup) {
		struct lookup *next = lookup->next;

		free(lookup);
		lookup = next;
	}
}

/* Takes the lock with it. */
static void resolver_release_unlock(struct resolver *resolver) {
	bool is_last = --resolver->n_references == 0;

	pthread_mutex_unlock(&resolver->lock);
	if (!is_last) {
		return;
	}
	lookups_free(resolver->asked_first);
	lookups_free(resolver->answered);
	pthread_cond_destroy(&resolver->work);
	pthread_mutex_destroy(&resolver->lock);
	close(resolver->event_fd);
	free(resolver);
}

int resolver_new(int family, struct resolver **ret_resolver) {
	CLEANUP(cleanup_fd) int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct resolver *resolver;

	if (event_fd < 0) {
		return -errno;
	}
	resolver = calloc(1, sizeof *resolver);
	if (!resolver) {
		return -ENOMEM;
	}
	resolver->event_fd = event_fd;
	event_fd = -1;
	resolver->family = family;
	resolver->n_references = 1;
	pthread_mutex_init(&resolver->lock, NULL);
	pthread_cond_init(&resolver->work, NULL);
	*ret_resolver = resolver;
	return 0;
}

struct resolver *resolver_free(struct resolver *resolver) {
	if (resolver) {
		pthread_mutex_lock(&resolver->lock);
		resolver->is_closing = true;
		pthread_cond_broadcast(&resolver->work);
		resolver_release_unlock(resolver);
	}
	return NULL;
}

int resolver_fd(const struct resolver *resolver) {
	return resolver->event_fd;
}

bool resolver_has_room(const struct resolver *resolver) {
	return resolver->n_open < RESOLVER_MAX_OPEN;
}

static int resolve_family(const char *name, int family, struct address *ret_address) {
	struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_DGRAM};
	struct addrinfo *found;
	int error = getaddrinfo(name, NULL, &hints, &found);

	if (error != 0) {
		return error;
	}
	*ret_address = (struct address){0};
	if (found->ai_family == AF_INET) {
		const struct sockaddr_in *ipv4 = (const void *)found->ai_addr;

		ret_address->ip = address_map_ipv4(ipv4->sin_addr);
	} else {
		const struct sockaddr_in6 *ipv6 = (const void *)found->ai_addr;

		ret_address->ip = ipv6->sin6_addr;
		ret_address->scope = ipv6->sin6_scope_id;
		ret_address->scope_is_name = ipv6->sin6_scope_id != 0;
	}
	freeaddrinfo(found);
	return 0;
}

/* Where neither family is asked for, one after the other: most names have IPv4, and an AAAA query
 * that nobody answers then costs nothing. */
static void resolve(const char *name, int family, struct resolver_answer *answer) {
	struct address *address = &answer->address;

	switch (family) {
	case MULTIPING_FAMILY_SYSTEM:
		answer->error = resolve_family(name, AF_UNSPEC, address);
		break;
	case AF_UNSPEC:
		answer->error = resolve_family(name, AF_INET, address);
		if (answer->error != 0 && resolve_family(name, AF_INET6, address) == 0) {
			answer->error = 0;
		}
		break;
	default:
		answer->error = resolve_family(name, family, address);
	}
}

static struct lookup *resolver_next_lookup(struct resolver *resolver) {
	struct lookup *lookup;

	++resolver->n_idle;
	while (!resolver->asked_first && !resolver->is_closing) {
		pthread_cond_wait(&resolver->work, &resolver->lock);
	}
	--resolver->n_idle;
	if (resolver->is_closing) {
		return NULL;
	}
	--resolver->n_asked;
	lookup = resolver->asked_first;
	resolver->asked_first = lookup->next;
	if (!resolver->asked_first) {
		resolver->asked_last = NULL;
	}
	return lookup;
}

static void *resolver_run(void *argument) {
	struct resolver *resolver = argument;
	const uint64_t one = 1;

	pthread_mutex_lock(&resolver->lock);
	for (;;) {
		struct lookup *lookup = resolver_next_lookup(resolver);

		if (!lookup) {
			break;
		}
		pthread_mutex_unlock(&resolver->lock);
		resolve(lookup->name, resolver->family, &lookup->answer);
		pthread_mutex_lock(&resolver->lock);
		lookup->next = resolver->answered;
		resolver->answered = lookup;
		(void)!write(resolver->event_fd, &one, sizeof one);
	}
	resolver_release_unlock(resolver);
	return NULL;
}

/* Starts a detached thread with all signals blocked: the program's handlers are none of its
 * business. */
static int resolver_start_thread(struct resolver *resolver) {
	sigset_t all, before;
	pthread_t thread;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, NULL, resolver_run, resolver);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0) {
		return -error;
	}
	pthread_detach(thread);
	++resolver->n_threads;
	++resolver->n_references;
	return 0;
}

int resolver_ask(struct resolver *resolver, size_t target, const char *name) {
	size_t n_bytes = strlen(name) + 1;
	struct lookup *lookup = calloc(1, sizeof *lookup + n_bytes);
	int r = 0;

	if (!lookup) {
		return -ENOMEM;
	}
	lookup->answer.target = target;
	memcpy(lookup->name, name, n_bytes);

	pthread_mutex_lock(&resolver->lock);
	if (resolver->n_idle <= resolver->n_asked && resolver->n_threads < RESOLVER_MAX_THREADS) {
		r = resolver_start_thread(resolver);
		r = resolver->n_threads > 0 ? 0 : r; /* fewer than wanted will do */
	}
	if (r == 0) {
		if (resolver->asked_last) {
			resolver->asked_last->next = lookup;
		} else {
			resolver->asked_first = lookup;
		}
		resolver->asked_last = lookup;
		pthread_cond_signal(&resolver->work);
		++resolver->n_asked;
		++resolver->n_open;
		lookup = NULL;
	}
	pthread_mutex_unlock(&resolver->lock);
	free(lookup);
	return r;
}

int resolver_fetch(struct resolver *resolver, struct resolver_answer *ret_answer) {
	struct lookup *lookup;
	uint64_t count;

	pthread_mutex_lock(&resolver->lock);
	lookup = resolver->answered;
	if (lookup) {
		resolver->answered = lookup->next;
		--resolver->n_open;
	} else {
		(void)!read(resolver->event_fd, &count, sizeof count); /* no longer readable */
	}
	pthread_mutex_unlock(&resolver->lock);
	if (!lookup) {
		return 0;
	}
	*ret_answer = lookup->answer;
	free(lookup);
	return 1;
}
