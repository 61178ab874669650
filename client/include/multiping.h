/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Ping many hosts through the multiping helper, without privilege.
 *
 * A small privileged program, the helper, sends the echo requests and receives the replies; this library asks it over a
 * Unix socket. The calling program needs no root, no capability and no setuid bit. There are three levels; take the
 * first that does:
 *
 *   1. multiping_run()                        one call: these hosts, this time-out, so many retries; back come the results
 *   2. multiping_send(), multiping_receive()  an object with targets: ask, wait, ask again those that have not answered
 *   3. multiping_fd(), multiping_dispatch(), multiping_next_event(), multiping_ping()
 *                                             single probes and their outcomes, for a program with an event loop of its own
 *
 *	// level 1: gcc example.c -lmultiping
 *	const char *hosts[] = {"127.0.0.1", "::1", "www.example.org"};
 *	struct multiping_result *results;
 *	char message[1024];
 *	if (multiping_run(hosts, 3, 1000000, 2, NULL, &results, message, sizeof message) < 0) {
 *		errx(1, "%s", message);
 *	}
 *	for (size_t i = 0; i < 3; ++i) {
 *		if (results[i].outcome == MULTIPING_REPLY) {
 *			printf("%s: %.3f ms\n", results[i].name, results[i].rtt_ns / 1e6);
 *		} else {
 *			printf("%s: no reply\n", results[i].name);
 *		}
 *	}
 *	free(results);
 *
 *	// level 2: two rounds, of which the second asks only those still missing
 *	struct multiping *multiping;
 *	multiping_new(NULL, &multiping);
 *	for (size_t i = 0; i < n_hosts; ++i) {
 *		multiping_add(multiping, hosts[i], NULL, NULL);
 *	}
 *	multiping_send(multiping);
 *	int n_missing = multiping_receive(multiping, 1000000);
 *	if (n_missing > 0) {
 *		multiping_send(multiping);
 *		n_missing = multiping_receive(multiping, 1000000);
 *	}
 *	// multiping_get() tells of each target
 *	multiping = multiping_free(multiping);
 *
 *	// level 3: one turn of a loop that polls multiping_fd() for POLLIN
 *	struct multiping_event event;
 *	if (multiping_dispatch(multiping) < 0) {
 *		warnx("%s", multiping_message(multiping));
 *	}
 *	while (multiping_next_event(multiping, &event)) {
 *		if (event.type == MULTIPING_EVENT_OUTCOME) {
 *			finished(event.context, event.result.outcome, event.result.rtt_ns);
 *		}
 *	}
 *
 * RETURN VALUES. Functions return 0, or the count stated, or -errno; an out-argument (ret_...) is untouched where they
 * fail. What failed is told in words by multiping_message(). Errors that every function may return: -ENOMEM; and
 * -EINVAL for an argument outside the range stated.
 *
 * ERRORS OF REACHING A HELPER, by multiping_run, _send, _receive and _dispatch; the words say what was tried, what each try
 * answered, and what would help:
 *	-ENOENT           there is no socket at that path and (where no path was named) no private helper either
 *	-ECONNREFUSED     a socket is there, but nobody listens
 *	-EACCES           this user may not connect (mode or group of the socket), or may not execute the private helper
 *	-EPERM            the helper has no means to send pings; or the default socket belongs to a stranger; or policy forbids
 *	-EBUSY            too many connections of this user, or of all, and none ended within helper_wait_us (10 s where that is 0)
 *	-EPROTONOSUPPORT  the helper speaks another version of the protocol
 *	-EPROTO           what it said is not the protocol
 *	-ETIMEDOUT        it did not answer within helper_wait_us
 *	-ECONNRESET       it ended before it had answered
 *	other             as socket(2), connect(2), execve(2) say
 * Each ends all open probes as MULTIPING_HELPER_LOST; the next send or ping tries anew.
 *
 * WHEN THE HELPER HAS TOO MANY CONNECTIONS, of this user or of all, the object waits for another to end: it connects again,
 * within 50 ms at first and then at least twice a second. Calls go on over that too, and no event tells of it.
 *
 * WHEN THE HELPER GOES AWAY after it had answered (a restart, an upgrade, a crash), that is no error of a call but a delay.
 * What it had delivered still counts; then the object connects again, first within 50 ms, then ever less often, up to every
 * 5 s, and asks again for what has no outcome, under the same probe numbers. So a packet may be sent twice; an outcome is
 * never lost and never told twice. The time-out of a probe that is asked again starts at its new send, and it counts once in
 * n_sent. All of that happens within the calls that are made anyway: multiping_run() and multiping_receive() go on over an
 * outage, and so does a loop with multiping_dispatch().
 *
 * It comes to an end, and what is open is MULTIPING_HELPER_LOST, where
 *	- there was no helper for helper_wait_us (then what is asked next finds one, or is an error, as with a new object), or
 *	- a helper is there and refuses: another version, nothing to send with, not permitted; or
 *	- helpers die of a request: it was asked again three times, and each time the helper was gone without a word after
 *	  it had taken the whole of it, or at once. Only that request is lost then.
 * A private helper is started anew, at most three times in 60 s. Who had a shared helper waits for that one.
 *
 * WHICH HELPER. A socket that was named, by socket_path or else by the environment's MULTIPING_SOCKET, is the only one
 * tried. Otherwise the default socket (/run/multiping/multiping.sock), which must belong to root or to this user; and
 * only where that does not exist, or nobody listened there for a second, a private helper: a program whose path is
 * compiled in (MULTIPING_HELPER names another), started for this object alone. Both variables count for nothing in a
 * setuid program. A private helper never is a child of the program: no SIGCHLD, nothing to wait for, and it ends with
 * the object.
 *
 * MEMORY. Arguments are copied unless it says "borrowed"; what a function returns by pointer is borrowed until the next
 * call on the same object. An object takes some 150 bytes a target.
 *
 * THREADS. An object belongs to one thread at a time; several objects may be used by several threads at once. Names are
 * looked up by threads of the library's own, with all signals blocked, which touch nothing of the program's.
 *
 * FORK. After fork() only the parent may use the object; the child may neither use nor free it. (Its descriptors close
 * on exec.)
 *
 * SIGNALS. The library changes no handler, raises no SIGPIPE, and blocks signals only for the moment of starting a
 * thread or a private helper. It prints nothing, never exits and has no global state. */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default) /* the library itself is compiled with all else hidden */
#endif

/* A family: either, whichever getaddrinfo(3) names first (RFC 6724, gai.conf(5)), as ping(8) and fping(8) have it. */
#define MULTIPING_FAMILY_SYSTEM (-1)

#define MULTIPING_ADDRESS_TEXT_BYTES 64 /* "fe80::1%interface" with its zero byte */

struct multiping; /* a session with a helper, and its targets */

enum multiping_outcome { /* of a target's last probe; numbers never change */
	MULTIPING_PENDING = 0,    /* waits for its name, a limit or its turn: nothing was sent yet. No statement about the host */
	MULTIPING_SENT = 1,       /* on its way, not decided */
	MULTIPING_REPLY = 2,      /* answered: rtt_ns, hop_limit, size_bytes */
	MULTIPING_TIMEOUT = 3,    /* sent, and no answer within the probe's life */
	MULTIPING_ICMP_ERROR = 4, /* a router or the host refused it: icmp_type, icmp_code, reporter, next_hop_mtu */
	MULTIPING_SEND_ERROR = 5, /* the helper's kernel did not take it: error, e.g. ENETUNREACH */
	MULTIPING_DENIED = 6,     /* by the helper's policy or limits: multiping_message() tells, and error is
				   *   EPERM     a rule for this destination
				   *   EACCES    an option that is not allowed
				   *   EMSGSIZE  size_bytes is too much
				   *   ERANGE    the time-out is too long
				   *   ENODEV    the interface was given by its name, but the helper lives in another network
				   *             namespace: give its number there
				   *   EINVAL    other */
	MULTIPING_CANCELLED = 7,  /* by multiping_cancel(), or by a later multiping_send() */
	MULTIPING_NAME_ERROR = 8, /* the library's own: the name has no address: error, a code for gai_strerror(3) */
	MULTIPING_HELPER_LOST = 9, /* the library's own: the helper went away for good, or could not be reached: error. No
				    * statement about the host */
};

enum multiping_flag {
	MULTIPING_TRANSMIT_STAMP = 1,   /* rtt_ns starts at the kernel's transmit time stamp, else at the helper's clock */
	MULTIPING_RECEIVE_STAMP = 2,    /* rtt_ns ends at the kernel's receive time stamp, else at the helper's clock */
	MULTIPING_MAYBE_LOCAL_LOSS = 4, /* the helper's sockets dropped packets while the probe was open */
	MULTIPING_UNVERIFIED = 8, /* ICMP error without our secret, or a payload (below 8 bytes) too small to hold it */
};

struct multiping_config { /* fill in with multiping_config_init(), then change */
	size_t struct_bytes;      /* sizeof(struct multiping_config): fields can be added at the end */
	const char *socket_path;  /* at most 107 bytes. NULL: see WHICH HELPER */
	int family;               /* AF_UNSPEC (IPv4, else IPv6), AF_INET, AF_INET6, MULTIPING_FAMILY_SYSTEM; AF_UNSPEC */
	int64_t probe_timeout_us; /* life of a probe from its own send; 1,000 to 60,000,000; 10,000,000 */
	int64_t interval_us;      /* least gap between any two sends of this object; 0 to 60,000,000; 0 */
	int64_t helper_wait_us;   /* how long to wait for a helper that went away to come back, for one that is there to
				   * answer, and for one that is full; -1 for ever; 0: what is open when it goes is lost at once; 10,000,000 */
	uint16_t size_bytes;      /* ICMP data; 0 to 65,507 (policy: less); 56. Below 8 nothing can be verified */
	int16_t pattern;          /* what fills the data behind its first 8 bytes: 0 to 255, -1 random; 0 */
	uint8_t ttl, tos;         /* hop limit and traffic class; 0: the system's */
	uint8_t dont_fragment;    /* 1: never fragment (IPv4), on the way or here */
	const char *source;       /* numeric address to send from, which decides the family too; NULL: the route's choice */
	const char *interface;    /* name, or number in the helper's network namespace; NULL: the route's choice */
	uint32_t fwmark;          /* firewall mark, one that the helper's configuration names; 0: none */
	/* ttl, tos, dont_fragment, source, interface, fwmark: an administrator may refuse each to a user. Then every probe ends as
	 * MULTIPING_DENIED with error EACCES; an option is never ignored. */
};

struct multiping_result {
	const char *name; /* as given; borrowed from the object (multiping_run: from the caller's own @hosts) */
	char address[MULTIPING_ADDRESS_TEXT_BYTES];  /* numeric; "" while the name has none */
	char reporter[MULTIPING_ADDRESS_TEXT_BYTES]; /* who sent the ICMP error; "" without one */
	size_t target;                               /* its place among those added, from 0 */
	uint64_t probe;        /* the probe that decided, as by multiping_ping(); 0: none did yet */
	enum multiping_outcome outcome;
	uint32_t flags;        /* enum multiping_flag, ored */
	int64_t sent_unix_ns;  /* when it was sent, by the wall clock, to the precision of a request's way; 0: was not */
	int64_t queued_us;     /* how long the helper held it back: a limit, or others' turns */
	int64_t rtt_ns;        /* round-trip time; < 0: none */
	int error;             /* errno, or for MULTIPING_NAME_ERROR getaddrinfo's code; 0: none */
	uint8_t hop_limit;     /* of the reply as it arrived; 0: unknown */
	uint8_t icmp_type, icmp_code;
	uint32_t size_bytes;   /* ICMP data of the reply */
	uint32_t next_hop_mtu; /* of "too big", "fragmentation needed"; 0: none */
	uint32_t n_sent, n_replies, n_duplicates; /* of this target since it was added, or since multiping_reset(); a probe that
						   * was asked again of another helper was sent once */
};

/* Fills in the defaults: of each field the number that stands last in its comment, else 0 or NULL. */
void multiping_config_init(struct multiping_config *config);

/* --- 1. One call --- */

/* Pings each of the @n_hosts names or numeric addresses at @hosts (borrowed), and returns when each is decided: 0, also
 * where nobody answered. Blocks, but for no longer than (1 + @n_retries) × @timeout_us plus what limits, name lookup and a
 * helper that is being restarted take.
 *
 * A host is asked at most 1 + @n_retries times; its time-out, @timeout_us (1,000 to 60,000,000), starts each time when
 * its own probe leaves. The answer to an earlier probe counts as long as the host is not decided. A name without
 * address is an outcome of that host (MULTIPING_NAME_ERROR). @config: NULL for the defaults; its probe_timeout_us is
 * not looked at.
 *
 * @ret_results becomes an array of @n_hosts, in the order of @hosts, for the caller to free(3); each name points to the
 * caller's own string. @message (NULL, or @message_bytes long) becomes what was tried and what would help where
 * something failed, "" else; it is written on success too, e.g. why all were denied.
 *
 * -EINTR: a signal handler ran. Errors of reaching a helper: see above. */
int multiping_run(const char *const *hosts, size_t n_hosts, int64_t timeout_us, unsigned n_retries,
		  const struct multiping_config *config, struct multiping_result **ret_results,
		  char *message, size_t message_bytes);

/* --- 2. The object --- */

/* Makes an object without targets. @config: NULL for the defaults. Connects to nothing: that happens when first
 * something is to be sent. -EINVAL: a field outside its range, or struct_bytes is wrong. -E2BIG: a later header's
 * config, with fields set that this library does not know. -ENAMETOOLONG: the socket's path. -ENODEV: no interface of
 * that name. */
int multiping_new(const struct multiping_config *config, struct multiping **ret_multiping);

/* Closes and frees; open probes are cancelled. NULL is fine. Returns NULL. Does not block, also while a name is looked
 * up. */
struct multiping *multiping_free(struct multiping *multiping);

/* Adds @host, a name or a numeric address (IPv6 with %scope too), copied. @context comes back with each event of the
 * target. @ret_target (or NULL) becomes its number, counted from 0 in the order of adding. The same host may be added
 * many times: each is a target of its own.
 *
 * A numeric address is known at once; one of the wrong family is a MULTIPING_NAME_ERROR at once. A name is looked up in
 * the background (getaddrinfo(3): /etc/hosts and nsswitch.conf count), starting with the next call of level 2 or
 * multiping_dispatch(). multiping_get() tells: outcome MULTIPING_NAME_ERROR, or an address that is not "" any more. */
int multiping_add(struct multiping *multiping, const char *host, void *context, size_t *ret_target);

/* Takes a target away; its number is not used again (nor its memory, until multiping_free). What is still open of it is
 * forgotten, and no event tells of it any more. -ENOENT: no such target. */
int multiping_remove(struct multiping *multiping, size_t target);

/* Asks each target that has no reply yet (and has, or may yet get, an address), and returns how many that are. Does not
 * block: what cannot be written at once goes out during multiping_receive(). The earlier probe of a target stays open,
 * and its answer counts; that of two sends ago is cancelled. */
int multiping_send(struct multiping *multiping);

/* Waits until each target asked has answered or can no more do so (time-out, error), or until @wait_us after the call
 * or after the last probe was really sent, whichever is later. @wait_us < 0: for as long as probes live. Names that are
 * still being looked up, a limit, a busy helper or one that is being restarted thus make the call longer; they never make a
 * host silent.
 *
 * Returns how many targets have no reply since they were added or reset, names without address included;
 * multiping_get() tells of each. A target that is missing may still be MULTIPING_SENT: a later multiping_receive() can
 * find its answer. -EINTR: a signal handler ran; call again. Errors of reaching a helper: see above.
 *
 * Where multiping_ping() is used on the same object, its events gather meanwhile. */
int multiping_receive(struct multiping *multiping, int64_t wait_us);

/* Begins a new round: forgets replies, outcomes and counters, cancels what is open of multiping_send(), keeps targets
 * and addresses. Answers to earlier rounds count for nothing. */
int multiping_reset(struct multiping *multiping);

/* What is known of @target. After a reply that is the reply; while a probe of multiping_send() is open,
 * MULTIPING_PENDING or MULTIPING_SENT; else the last outcome (of probes of multiping_ping(): that of the last that
 * ended). Before anything was asked: MULTIPING_PENDING with probe 0. -ENOENT: no such target. */
int multiping_get(const struct multiping *multiping, size_t target, struct multiping_result *ret_result);

/* How many targets were ever added, those removed included: numbers are below this. */
size_t multiping_n_targets(const struct multiping *multiping);

/* The last failure in words, without a full stop or a line feed at its end; "" before the first. */
const char *multiping_message(const struct multiping *multiping);

/* --- Which helper it is, and what it counts --- */

#define MULTIPING_NAME_BYTES 72 /* printable ASCII with its zero byte */

struct multiping_helper {
	size_t struct_bytes;                /* sizeof(struct multiping_helper), to be set before the call */
	char helper[MULTIPING_NAME_BYTES];  /* its name and version: "multiping-helper 0.1.0" */
	char backend[MULTIPING_NAME_BYTES]; /* "raw": raw sockets; "ping": ICMP datagram sockets */
	uint64_t namespace_inode;           /* of its network namespace, from where pings leave: as stat(2) of /proc/PID/ns/net says */
	uint32_t receive_buffer_bytes;      /* of each of its receive sockets, as the kernel granted it */
	uint32_t packets_per_second;        /* that this user may send; UINT32_MAX: no limit */
	uint32_t max_size_bytes;            /* ICMP data that this user may send */
	uint32_t is_private;                /* 1: started for this object alone */
};

/* Tells of the helper that the object is connected to. -ENOTCONN: to none, now. -EINVAL: struct_bytes is less than the first
 * version's; -E2BIG: more than this library's. */
int multiping_get_helper(const struct multiping *multiping, struct multiping_helper *ret_helper);

enum multiping_stats_scope { /* numbers never change */
	MULTIPING_STATS_SESSION = 0, /* of this object's connection, since it was made */
	MULTIPING_STATS_OWNER = 1,   /* of all connections of this user */
	MULTIPING_STATS_HELPER = 2,  /* of all users, since the helper was started */
};
struct multiping_counter {
	char name[MULTIPING_NAME_BYTES]; /* "replies", ..: protocol/PROTOCOL.md lists them; a later helper may have more */
	uint64_t value;
};

/* Asks the helper for its counters: connects where that was not done yet, and blocks until they are there. @ret_counters
 * becomes an array of @ret_n_counters, in the helper's order, for the caller to free(3). -ETIMEDOUT: they did not come within
 * helper_wait_us (10 s where that is 0). -ECONNRESET: the helper went away and none came back. -EPROTO: it answered something
 * else. -EINTR: a signal handler ran. Errors of reaching a helper: see above.
 *
 * What is under way goes on meanwhile, and where multiping_ping() is used on the same object, its events gather: a program
 * with a loop of its own better asks by an object of its own. */
int multiping_stats(struct multiping *multiping, enum multiping_stats_scope scope,
		    struct multiping_counter **ret_counters, size_t *ret_n_counters);

/* --- 3. Events, for a program's own loop. Nothing here blocks --- */

enum multiping_event_type {
	MULTIPING_EVENT_HELPER_UP = 1,   /* a helper answered, the first or again; context NULL, of result nothing is set */
	MULTIPING_EVENT_HELPER_DOWN,     /* went away (and is looked for: once an outage), or was not reached: result.error is the
					  * errno, multiping_message() has the words. Outcomes say what is lost */
	MULTIPING_EVENT_NAME,            /* a name that had to be looked up has an address now (result.address), or has none:
					  * result.outcome is MULTIPING_NAME_ERROR, result.error getaddrinfo's code. Numeric
					  * addresses of the right family have no such event */
	MULTIPING_EVENT_OUTCOME,         /* a probe of multiping_ping() ended: each has this event exactly once */
	MULTIPING_EVENT_DUPLICATE,       /* a further reply to a probe that had one; at most once a probe */
	MULTIPING_EVENT_LATE,            /* a reply after the probe had ended without; at most once a probe */
	MULTIPING_EVENT_UNVERIFIED_ERROR, /* an ICMP error that may or may not be about this probe, which goes on; at most once */
};
struct multiping_event {
	enum multiping_event_type type;
	void *context; /* as given to multiping_add() */
	struct multiping_result result; /* of that probe (its number: result.probe), with the target's name and counters; with
					 * events other than OUTCOME and NAME, result.outcome says nothing */
};

/* A descriptor to poll for POLLIN: whenever it is readable, call multiping_dispatch(). The same for the object's life;
 * it is the object's: neither read nor close it. After multiping_add(), multiping_ping() and multiping_cancel() it is
 * readable by itself where there is something to do. */
int multiping_fd(const struct multiping *multiping);

/* Does what can be done now: connects, reads what has come, writes what was asked for, passes names to and from lookup,
 * minds the time. A bounded amount of each in one call; the descriptor stays readable while there is more. While 4,096
 * events or more wait to be fetched it reads nothing, and the helper waits. Returns 0 (during an outage too), or once for
 * each time that a helper could not be reached the error (see above); the outcomes of the probes concerned come as events. */
int multiping_dispatch(struct multiping *multiping);

/* Fetches the next event: 1 and @ret_event, or 0 where there is none. Fetch all after each multiping_dispatch(). Events
 * tell of probes of multiping_ping(); those of multiping_send() are told by multiping_get() alone. */
int multiping_next_event(struct multiping *multiping, struct multiping_event *ret_event);

/* Asks for one probe of @target, to be answered within @timeout_us of its own send (1,000 to 60,000,000; 0:
 * probe_timeout_us of the config). @ret_probe (or NULL) becomes its number, which is unique in the object and never 0.
 * The probe is written at the next multiping_dispatch(): many that are asked for in one go, with the same time-out,
 * travel in one request. Any number of probes may be open for one target.
 *
 * A target whose name is still being looked up is pinged as soon as it has an address. One whose name has none gets the
 * outcome MULTIPING_NAME_ERROR, as an event like any other. -ENOENT: no such target. */
int multiping_ping(struct multiping *multiping, size_t target, int64_t timeout_us, uint64_t *ret_probe);

/* Ends an open @probe of multiping_ping(): its outcome will be MULTIPING_CANCELLED, or one that was already on its way.
 * Nothing happens where it has ended. -ENOENT: no such probe, or it ended so long ago that it is forgotten. */
int multiping_cancel(struct multiping *multiping, uint64_t probe);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
