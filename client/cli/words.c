/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/words.h"

#include <inttypes.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <stddef.h>
#include <stdio.h>

#define NETWORK_UNREACHABLE "ICMP Network Unreachable"
#define HOST_UNREACHABLE "ICMP Host Unreachable"
#define PROHIBITED "ICMP Unreachable (Communication Administratively Prohibited)"
#define TOO_BIG "ICMP Unreachable (Fragmentation Needed)"
#define INVALID_CODE "ICMP Unreachable (Invalid Code)"

/* RFC 792, RFC 1122, RFC 1812, by code */
static const char *const unreachable_texts[] = {
	NETWORK_UNREACHABLE,
	HOST_UNREACHABLE,
	"ICMP Protocol Unreachable",
	"ICMP Port Unreachable",
	TOO_BIG,
	"ICMP Unreachable (Source Route Failed)",
	"ICMP Unreachable (Destination Network Unknown)",
	"ICMP Unreachable (Destination Host Unknown)",
	"ICMP Unreachable (Source Host Isolated)",
	"ICMP Unreachable (Communication with Network Prohibited)",
	"ICMP Unreachable (Communication with Host Prohibited)",
	"ICMP Unreachable (Network Unreachable For Type Of Service)",
	"ICMP Unreachable (Host Unreachable For Type Of Service)",
	PROHIBITED,
	"ICMP Unreachable (Host Precedence Violation)",
	"ICMP Unreachable (Precedence cutoff in effect)",
};

/* RFC 4443, by code. fping 5.1 says nothing of ICMPv6 errors; where the meaning is that of an IPv4 code, so are the words. */
static const char *const unreachable6_texts[] = {
	NETWORK_UNREACHABLE,
	PROHIBITED,
	"ICMP Unreachable (Beyond Scope Of Source Address)",
	HOST_UNREACHABLE,
	"ICMP Port Unreachable",
	"ICMP Unreachable (Source Address Failed Policy)",
	"ICMP Unreachable (Route To Destination Rejected)",
};

#define N_TEXTS(texts) (sizeof(texts) / sizeof((texts)[0]))
#define NS_PER_MS INT64_C(1000000)

const char *milliseconds_text(int64_t ns, char ret_text[MILLISECONDS_TEXT_BYTES]) {
	/* In whole numbers: each line of a million replies has one, and floating point takes twice as long. */
	static const struct {
		int64_t below_ns, unit_ns, units_per_ms;
		int n_decimals;
	} forms[] = {
		{NS_PER_MS, NS_PER_MS / 1000, 1000, 3},
		{10 * NS_PER_MS, NS_PER_MS / 100, 100, 2},
		{100 * NS_PER_MS, NS_PER_MS / 10, 10, 1},
	};

	for (size_t i = 0; i < N_TEXTS(forms); i++) {
		int64_t units = (ns + forms[i].unit_ns / 2) / forms[i].unit_ns;

		if (ns < forms[i].below_ns) {
			snprintf(ret_text, MILLISECONDS_TEXT_BYTES, "%" PRId64 ".%0*" PRId64,
				 units / forms[i].units_per_ms, forms[i].n_decimals,
				 units % forms[i].units_per_ms);
			return ret_text;
		}
	}
	snprintf(ret_text, MILLISECONDS_TEXT_BYTES, ns < 1000000 * NS_PER_MS ? "%.0f" : "%.3e",
		 (double)ns / NS_PER_MS);
	return ret_text;
}

static const char *icmpv6_error_text(uint8_t type, uint8_t code) {
	switch (type) {
	case ICMP6_DST_UNREACH:
		return code < N_TEXTS(unreachable6_texts) ? unreachable6_texts[code] : INVALID_CODE;
	case ICMP6_PACKET_TOO_BIG:
		return TOO_BIG;
	case ICMP6_TIME_EXCEEDED:
		return "ICMP Time Exceeded";
	case ICMP6_PARAM_PROB:
		return "ICMP Parameter Problem";
	default:
		return NULL;
	}
}

const char *icmp_error_text(bool ipv6, uint8_t type, uint8_t code) {
	if (ipv6) {
		return icmpv6_error_text(type, code);
	}
	switch (type) {
	case ICMP_DEST_UNREACH:
		return code < N_TEXTS(unreachable_texts) ? unreachable_texts[code] : INVALID_CODE;
	case ICMP_SOURCE_QUENCH:
		return "ICMP Source Quench";
	case ICMP_REDIRECT:
		return "ICMP Redirect";
	case ICMP_TIME_EXCEEDED:
		return "ICMP Time Exceeded";
	case ICMP_PARAMETERPROB:
		return "ICMP Parameter Problem";
	default:
		return NULL;
	}
}
