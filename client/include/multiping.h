/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Ping many hosts through the multiping helper, without privilege.
 *
 * Functions return 0 (or the count stated) or -errno. Arguments are copied; results are borrowed until the next call on the
 * same object. One object belongs to one thread at a time. Nothing prints, exits, touches signals or keeps a global. */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MULTIPING_ADDRESS_TEXT_BYTES 64 /* "fe80::1%interface" with its zero byte */

struct multiping; /* a session with a helper, and its targets */

enum multiping_outcome { /* of a target's last probe; numbers never change */
	MULTIPING_PENDING = 0, /* waits for its name, a limit or its turn: nothing was sent yet */
	MULTIPING_SENT = 1,    /* on its way, not decided */
	MULTIPING_REPLY = 2,
	MULTIPING_TIMEOUT = 3,
	MULTIPING_ICMP_ERROR = 4,
	MULTIPING_SEND_ERROR = 5,
	MULTIPING_DENIED = 6,
	MULTIPING_CANCELLED = 7,
	MULTIPING_NAME_ERROR = 8,  /* the library's own: getaddrinfo failed */
	MULTIPING_HELPER_LOST = 9, /* the library's own: the helper is gone */
};

enum multiping_flag {
	MULTIPING_TRANSMIT_STAMP = 1,
	MULTIPING_RECEIVE_STAMP = 2, /* rtt_ns from the kernel's stamp, else the user clock */
	MULTIPING_MAYBE_LOCAL_LOSS = 4, /* the helper's sockets dropped packets while the probe was open */
	MULTIPING_UNVERIFIED = 8, /* ICMP error without our secret, or a payload too small to hold it */
};

struct multiping_config { /* struct_bytes comes first, so that fields can be added at the end */
	size_t struct_bytes;
	const char *socket_path;  /* NULL: MULTIPING_SOCKET, the default socket, a private helper */
	int family;               /* AF_UNSPEC (IPv4 first), AF_INET, AF_INET6 */
	int64_t probe_timeout_us; /* life of a probe from its own send; 1,000 to 60,000,000; 10,000,000 */
	int64_t interval_us;      /* least gap between two sends; 0 */
	int64_t helper_wait_us;   /* how long to look for a lost helper; -1 for ever; 10,000,000 */
	uint16_t size_bytes;      /* ICMP data; 56 */
	int16_t pattern;          /* 0 to 255, -1 random */
	uint8_t ttl, tos, dont_fragment; /* 0: the system's */
	const char *source, *interface;  /* NULL: the route's choice; refused is an error */
	uint32_t fwmark;
};

struct multiping_result {
	const char *name; /* as given */
	char address[MULTIPING_ADDRESS_TEXT_BYTES], reporter[MULTIPING_ADDRESS_TEXT_BYTES];
	size_t target;  /* its place among those added, from 0 */
	uint64_t probe; /* which probe of this target decided */
	enum multiping_outcome outcome;
	uint32_t flags; /* enum multiping_flag */
	int64_t sent_unix_ns, queued_us, rtt_ns; /* rtt_ns < 0: none */
	int error;                               /* errno, or getaddrinfo's code */
	uint8_t hop_limit, icmp_type, icmp_code;
	uint32_t size_bytes, next_hop_mtu, n_sent, n_replies, n_duplicates;
};

/* Fills in the defaults above. */
void multiping_config_init(struct multiping_config *config);

/* 1. One call: all targets, (1 + n_retries) rounds at most. ret_results: n_hosts in order, free() it. */
int multiping_run(const char *const *hosts, size_t n_hosts, int64_t timeout_us, unsigned n_retries,
		  const struct multiping_config *config /* or NULL */,
		  struct multiping_result **ret_results,
		  char *message, size_t message_bytes /* what was tried and what helps; or NULL, 0 */);

/* 2. The object. */
int multiping_new(const struct multiping_config *config, struct multiping **ret_multiping); /* connects at first send */
struct multiping *multiping_free(struct multiping *multiping); /* cancels; returns NULL */
int multiping_add(struct multiping *multiping, const char *host, void *context, size_t *ret_target);
int multiping_remove(struct multiping *multiping, size_t target); /* its number is not used again */
int multiping_send(struct multiping *multiping); /* asks those without reply; returns how many */
int multiping_receive(struct multiping *multiping, int64_t wait_us); /* returns how many have no reply yet */
int multiping_reset(struct multiping *multiping); /* a new round: forget replies, keep targets */
int multiping_get(const struct multiping *multiping, size_t target, struct multiping_result *ret_result);
size_t multiping_n_targets(const struct multiping *multiping);
const char *multiping_message(const struct multiping *multiping); /* last failure in words */

/* 3. Events, for a program's own loop. Never blocks. */
enum multiping_event_type {
	MULTIPING_EVENT_HELPER_UP = 1,
	MULTIPING_EVENT_HELPER_DOWN,
	MULTIPING_EVENT_NAME,    /* the name was resolved, or could not be: result.error, result.outcome */
	MULTIPING_EVENT_OUTCOME, /* a probe ended; result is of that probe */
	MULTIPING_EVENT_DUPLICATE,
	MULTIPING_EVENT_LATE,
	MULTIPING_EVENT_UNVERIFIED_ERROR,
};
struct multiping_event {
	enum multiping_event_type type;
	void *context; /* as given to multiping_add */
	struct multiping_result result;
};
int multiping_fd(const struct multiping *multiping); /* poll for POLLIN; the same for the object's life */
int multiping_dispatch(struct multiping *multiping); /* when readable; reads, writes, resolves, times */
int multiping_next_event(struct multiping *multiping, struct multiping_event *ret_event); /* 1, or 0: none left */

/* One probe now, to be answered within timeout_us of its own send (0: probe_timeout_us of the configuration). Many probes may
 * be open for one target. Probes asked for in one go with the same timeout travel in one request. */
int multiping_ping(struct multiping *multiping, size_t target, int64_t timeout_us, uint64_t *ret_probe);
int multiping_cancel(struct multiping *multiping, uint64_t probe);

#ifdef __cplusplus
}
#endif
