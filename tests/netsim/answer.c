/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/netsim/answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int64_t low, high;
	bool has_default;
	int64_t by_default;
	const char *help;
} fields[N_FIELDS] = {
	/* clang-format off */
	[FIELD_DELAY]        = {"delay", 0, 600000000, true, 0, "us from the request to the answer"},
	[FIELD_COPIES]       = {"copies", 0, 100000000, true, 1, "how many of it to send"},
	[FIELD_GAP]          = {"gap", 0, 60000000, true, 0, "us from each copy to the next"},
	[FIELD_LOSS]         = {"loss", 0, 1000, true, 0, "how many of 1000 copies vanish"},
	[FIELD_REORDER]      = {"reorder", 0, 1000, true, 0, "how many of 1000 answers overtake: no delay"},
	[FIELD_HOP_LIMIT]    = {"hop-limit", 0, 255, true, 64, "of its IP header"},
	[FIELD_WORDS]        = {"words", 5, 15, true, 5, "of its IPv4 header; options from 6 on"},
	[FIELD_EXTENSIONS]   = {"extensions", 0, 64, true, 0, "empty destination options headers of IPv6"},
	[FIELD_FRAGMENT]     = {"fragment", 0, 8191, true, 0, "times 8 bytes in each piece of it, the last sent first; 0: whole"},
	[FIELD_TYPE]         = {"type", 0, 255, false, 0, "ICMP type instead of echo reply or unreachable"},
	[FIELD_CODE]         = {"code", 0, 255, false, 0, "ICMP code instead of 0, error: host unreachable"},
	[FIELD_MTU]          = {"mtu", 0, UINT32_MAX, true, 0, "error: of the next hop"},
	[FIELD_SIZE]         = {"size", 0, 65527, false, 0, "echo: bytes of data; cut, or filled with 0"},
	[FIELD_IDENTIFIER]   = {"identifier", 0, 65535, false, 0, "instead of the request's"},
	[FIELD_SEQUENCE]     = {"sequence", 0, 65535, false, 0, "instead of the request's"},
	[FIELD_PAYLOAD]      = {"payload", INT64_MIN, INT64_MAX, false, 0, "64 bits, again and again, instead of its data"},
	[FIELD_PAYLOAD_FROM] = {"payload-from", 0, 65507, true, 0, "byte of the data where they begin"},
	[FIELD_QUOTE]        = {"quote", 0, 65535, false, 0, "error: bytes quoted behind the quoted IP header"},
	[FIELD_QUOTED_WORDS] = {"quoted-words", 0, 15, false, 0, "error: of the quoted IPv4 header; below 5 it only says so"},
	[FIELD_QUOTED_EXTENSIONS] = {"quoted-extensions", 0, 64, true, 0, "error: such headers in the quote"},
	[FIELD_OBJECT]       = {"object", 0, 65535, false, 0, "error: bytes that an extension object behind the quote claims"},
	[FIELD_FLIP]         = {"flip", 0, 64, true, 0, "bits turned over at random, under a right checksum"},
	[FIELD_CUT]          = {"cut", 0, 65575, false, 0, "bytes of the IP packet, of which the rest is gone"},
	[FIELD_DAMAGE]       = {"damage", 0, 64, true, 0, "bits turned over under the checksum as it was"},
	/* clang-format on */
};

static const char *const bodies[N_BODIES] = {[BODY_ECHO] = "echo", [BODY_ERROR] = "error"};
static const char *const roles[N_ROLES] = {
	[ROLE_FROM] = "from", [ROLE_ABOUT] = "about", [ROLE_BY] = "by"};

void answer_init(struct answer *ret_answer, enum body body) {
	*ret_answer = (struct answer){.body = body};
	for (enum field field = 0; field < N_FIELDS; field++) {
		if (fields[field].has_default) {
			ret_answer->numbers[field] = (struct number){
				NUMBER_RANGE, fields[field].by_default, fields[field].by_default};
		}
	}
}

enum field field_find(const char *name) {
	enum field field = 0;

	while (field < N_FIELDS && strcmp(fields[field].name, name) != 0) {
		field++;
	}
	return field;
}

static unsigned name_find(const char *const *names, unsigned n_names, const char *name) {
	unsigned place = 0;

	while (place < n_names && strcmp(names[place], name) != 0) {
		place++;
	}
	return place;
}

enum body body_find(const char *name) {
	return name_find(bodies, N_BODIES, name);
}

enum role role_find(const char *name) {
	return name_find(roles, N_ROLES, name);
}

/* Reads "5" or "1..9". */
static bool range_parse(const char *text, struct number *ret_number) {
	char *end;

	errno = 0;
	ret_number->low = ret_number->high = strtoll(text, &end, 10);
	if (end != text && strncmp(end, "..", 2) == 0) {
		text = end + 2;
		ret_number->high = strtoll(text, &end, 10);
	}
	return errno == 0 && end != text && *end == '\0' && ret_number->low <= ret_number->high;
}

bool number_parse(const char *text, enum field field, struct number *ret_number) {
	static const struct {
		const char *word;
		enum number_kind kind;
	} words[] = {{"random", NUMBER_RANGE}, {"host", NUMBER_HOST}, {"count", NUMBER_COUNT}};
	int64_t low = fields[field].low, high = fields[field].high;
	struct number number = {.kind = NUMBER_RANGE};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strcmp(text, words[i].word) == 0) {
			*ret_number = (struct number){words[i].kind, low, high};
			return true;
		}
	}
	if (!range_parse(text, &number) || number.low < low || number.high > high) {
		return false;
	}
	*ret_number = number;
	return true;
}

static int64_t number_draw(const struct number *number, const struct occasion *occasion) {
	uint64_t n_values = (uint64_t)number->high - (uint64_t)number->low + 1; /* 0: all 2^64 */
	uint64_t offset = number->kind == NUMBER_HOST    ? occasion->host
			  : number->kind == NUMBER_COUNT ? occasion->n_copy
			  : n_values == 1                ? 0
							 : random_next(occasion->random);

	return (int64_t)((uint64_t)number->low + (n_values == 0 ? offset : offset % n_values));
}

void answer_draw(const struct answer *answer, const struct occasion *occasion,
		 struct values *ret_values) {
	for (enum field field = 0; field < N_FIELDS; field++) {
		ret_values->has[field] = answer->numbers[field].kind != NUMBER_ABSENT;
		ret_values->of[field] =
			ret_values->has[field] ? number_draw(&answer->numbers[field], occasion) : 0;
	}
}

void fields_print(void) {
	for (enum field field = 0; field < N_FIELDS; field++) {
		printf("  %-18s %s", fields[field].name, fields[field].help);
		if (fields[field].by_default != 0) {
			printf(" (%lld)", (long long)fields[field].by_default);
		}
		putchar('\n');
	}
}
