/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a simulated host sends back for one echo request: a body, and numbers that say when, how often and how wrong. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/netsim/random.h"

enum field {
	FIELD_DELAY,
	FIELD_COPIES,
	FIELD_GAP,
	FIELD_LOSS,
	FIELD_REORDER,
	FIELD_HOP_LIMIT,
	FIELD_WORDS,
	FIELD_EXTENSIONS,
	FIELD_FRAGMENT,
	FIELD_TYPE,
	FIELD_CODE,
	FIELD_MTU,
	FIELD_SIZE,
	FIELD_IDENTIFIER,
	FIELD_SEQUENCE,
	FIELD_PAYLOAD,
	FIELD_PAYLOAD_FROM,
	FIELD_QUOTE,
	FIELD_QUOTED_WORDS,
	FIELD_QUOTED_EXTENSIONS,
	FIELD_OBJECT,
	FIELD_FLIP,
	FIELD_CUT,
	FIELD_DAMAGE,
	N_FIELDS,
};

enum number_kind {
	NUMBER_ABSENT = 0, /* as it is in the request, or as it should be */
	NUMBER_RANGE,      /* any of low to high, all alike; a fixed number is a range of one */
	NUMBER_HOST,  /* low + the bits of the destination's address behind the rule's prefix */
	NUMBER_COUNT, /* low + how many copies went before */
};

struct number {
	enum number_kind kind;
	int64_t low, high; /* HOST and COUNT begin again at low after high */
};

enum body { BODY_ECHO, BODY_ERROR, N_BODIES };

enum role {
	ROLE_FROM,  /* who sends it, instead of the host that was asked */
	ROLE_ABOUT, /* error: to whom the quoted request went, instead of that host */
	ROLE_BY,    /* error: who sent the quoted request, instead of whoever did */
	N_ROLES,
};

struct answer {
	enum body body;
	bool has_address[N_ROLES];
	struct in6_addr addresses[N_ROLES]; /* IPv4 as IPv4-mapped */
	struct number numbers[N_FIELDS];
	uint64_t n_sent, n_lost, n_reordered,
		n_refused; /* refused: by the kernel, as no IP packet */
};

/* The numbers of one packet. */
struct values {
	bool has[N_FIELDS];
	int64_t of[N_FIELDS];
};

/* What a number may depend on. */
struct occasion {
	struct random *random;
	uint32_t host;   /* the bits behind the rule's prefix, the last 32 at most */
	uint64_t n_copy; /* from 0 */
};

/* Every number as it is when nothing is said. */
void answer_init(struct answer *ret_answer, enum body body);

/* What has this name, or N_FIELDS, N_BODIES, N_ROLES. */
enum field field_find(const char *name);
enum body body_find(const char *name);
enum role role_find(const char *name);

/* Reads "5", "1..9", "random", "host" or "count". False: it is none of these, or not within the field's limits. */
bool number_parse(const char *text, enum field field, struct number *ret_number);

void answer_draw(const struct answer *answer, const struct occasion *occasion,
		 struct values *ret_values);

/* Prints the table of all fields, for --help. */
void fields_print(void);
