/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A parent who wishes the private helper ill: spoils everything that execve(2) hands on, in the ways that are named, then becomes the
 * helper.
 *
 *	hostile_parent SOCKET [ATTACK[=VALUE]]... -- PROGRAM [ARGUMENT]...
 *
 * SOCKET is the number of the descriptor that the helper shall find at 3. Attacks are done in the order given, but for those on the
 * arguments and the environment, which are done by the execve. The table below has them all. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/integration/attack/hostile_watch.h"

enum { EXIT_NOT_STARTED = 125, HANDED_DOWN = 3, FIRST_MORE = 4, LAST_MORE = 50 };

static struct helper_start helper;
static int (*watch)(
	const struct helper_start *start); /* NULL: a parent who becomes the helper himself */

static void must(int r, const char *what) {
	if (r < 0) {
		err(EXIT_NOT_STARTED, "%s", what);
	}
}

static void *allocate(size_t n, size_t n_bytes) {
	void *memory = calloc(n, n_bytes);

	if (!memory) {
		err(EXIT_NOT_STARTED, "calloc");
	}
	return memory;
}

static long number(const char *value) {
	char *end;
	long result = strtol(value, &end, 0);

	if (end == value || *end) {
		errx(EXIT_NOT_STARTED, "%s is no number", value);
	}
	return result;
}

static void place(int fd, int at) {
	must(fd, "descriptor");
	if (fd != at) {
		must(dup2(fd, at), "dup2");
		close(fd);
	}
}

/* --- the socket --- */

static int one_of(int pair[2]) {
	must(fcntl(pair[1], F_DUPFD, 100),
	     "F_DUPFD"); /* the other end stays open: nobody hangs up */
	close(pair[1]);
	return pair[0];
}

static int a_pipe(void) {
	int pair[2];

	must(pipe(pair), "pipe");
	return one_of(pair);
}

static int a_pair(int type) {
	int pair[2];

	must(socketpair(AF_UNIX, type, 0, pair), "socketpair");
	return one_of(pair);
}

static int a_listener(int domain, int type) {
	struct sockaddr_un path = {.sun_family = AF_UNIX};
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(domain, type, 0);

	must(domain == AF_UNIX
		     ? bind(fd, (struct sockaddr *)&path, sizeof(sa_family_t)) /* autobind */
		     : bind(fd, (struct sockaddr *)&address, sizeof address),
	     "bind");
	must(listen(fd, 1), "listen");
	return fd;
}

/* A connection to ourselves. */
static int a_tcp(void) {
	struct sockaddr_in address;
	socklen_t n_bytes = sizeof address;
	int listener = a_listener(AF_INET, SOCK_STREAM), fd = socket(AF_INET, SOCK_STREAM, 0);

	must(getsockname(listener, (struct sockaddr *)&address, &n_bytes), "getsockname");
	must(connect(fd, (struct sockaddr *)&address, sizeof address), "connect");
	must(fcntl(listener, F_DUPFD, 100), "F_DUPFD");
	close(listener);
	return fd;
}

static int a_tcp_listener(void) {
	return a_listener(AF_INET, SOCK_STREAM);
}

static int a_seqpacket_listener(void) {
	return a_listener(AF_UNIX, SOCK_SEQPACKET);
}

static int an_unconnected_socket(void) {
	return socket(AF_UNIX, SOCK_SEQPACKET, 0);
}

static int a_stream(void) {
	return a_pair(SOCK_STREAM);
}

static int a_datagram_socket(void) {
	return a_pair(SOCK_DGRAM);
}

static int a_file(void) {
	return open("/etc/passwd", O_RDONLY);
}

static int a_folder(void) {
	return open("/", O_RDONLY | O_DIRECTORY);
}

static const struct {
	const char *name;
	int (*make)(void); /* NULL: none is handed down */
} kinds[] = {
	{"nothing", NULL},
	{"file", a_file},
	{"folder", a_folder},
	{"pipe", a_pipe},
	{"tcp", a_tcp},
	{"tcp_listener", a_tcp_listener},
	{"listener", a_seqpacket_listener},
	{"unconnected", an_unconnected_socket},
	{"stream", a_stream},
	{"datagram", a_datagram_socket},
};

static void hand_down(const char *name) {
	(void)close(HANDED_DOWN);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strcmp(kinds[i].name, name) == 0) {
			if (kinds[i].make) {
				place(kinds[i].make(), HANDED_DOWN);
			}
			return;
		}
	}
	errx(EXIT_NOT_STARTED, "no kind %s", name);
}

/* --- other descriptors --- */

static void close_some(const char *digits) {
	for (; *digits; digits++) {
		(void)close(*digits - '0');
	}
}

/* What the helper had best not have: a folder to leave its root by, memory of another process, sockets, the ends of pipes. */
static void open_more(const char *value) {
	for (int at = FIRST_MORE; at <= LAST_MORE; at++) {
		switch (at % 4) {
		case 0:
			place(open("/", O_RDONLY | O_DIRECTORY), at);
			break;
		case 1:
			place(open("/proc/self/mem", O_RDWR), at);
			break;
		case 2:
			place(a_pipe(), at);
			break;
		default:
			place(socket(AF_INET, SOCK_DGRAM, 0), at);
		}
	}
}

/* A pipe that is full: who writes to it waits for ever. */
static void stuff_standard_descriptors(const char *value) {
	for (int at = 0; at <= 2; at++) {
		char block[PIPE_BUF] = {0};
		int pair[2];

		must(pipe(pair), "pipe");
		must(fcntl(pair[1], F_SETFL, O_NONBLOCK), "F_SETFL");
		while (write(pair[1], block, sizeof block) > 0) {
		}
		must(fcntl(pair[1], F_SETFL, 0), "F_SETFL");
		place(fcntl(pair[0], F_DUPFD, 100), 100 + at); /* nobody reads, nobody hangs up */
		close(pair[0]);
		place(pair[1], at);
	}
}

/* --- signals, timers, limits, the rest of a process --- */

static void block_signals(const char *value) {
	sigset_t all;

	(void)sigfillset(&all);
	must(sigprocmask(SIG_SETMASK, &all, NULL), "sigprocmask");
}

static void ignore_signals(const char *value) {
	for (int i = 1; i < NSIG; i++) {
		(void)signal(i, SIG_IGN); /* refused for some */
	}
}

/* One that waits for the helper to unblock it. */
static void send_signal(const char *value) {
	block_signals(value);
	must(raise((int)number(value)), "raise");
}

static void set_timers(const char *milliseconds, int first, int last) {
	long ms = number(milliseconds);
	struct itimerval timer = {.it_value = {ms / 1000, ms % 1000 * 1000}};

	for (int which = first; which <= last; which++) {
		must(setitimer((__itimer_which_t)which, &timer, NULL), "setitimer");
	}
}

static void set_timer(const char *milliseconds) {
	set_timers(milliseconds, ITIMER_REAL, ITIMER_REAL);
}

static void set_processor_timers(const char *milliseconds) {
	set_timers(milliseconds, ITIMER_VIRTUAL, ITIMER_PROF);
}

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{"as", RLIMIT_AS},           {"core", RLIMIT_CORE},
	{"cpu", RLIMIT_CPU},         {"data", RLIMIT_DATA},
	{"fsize", RLIMIT_FSIZE},     {"locks", RLIMIT_LOCKS},
	{"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE},
	{"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},
	{"rss", RLIMIT_RSS},         {"sigpending", RLIMIT_SIGPENDING},
	{"stack", RLIMIT_STACK},
};

/* "NAME:SOFT" or "NAME:SOFT:HARD" */
static void set_limit(const char *value) {
	char name[16] = "";
	unsigned long long soft, hard = 0;
	int n = sscanf(value, "%15[a-z]:%llu:%llu", name, &soft, &hard);

	for (size_t i = 0; n >= 2 && i < sizeof limits / sizeof *limits; i++) {
		struct rlimit limit = {soft, n == 3 ? hard : soft};

		if (strcmp(limits[i].name, name) == 0) {
			must(setrlimit(limits[i].resource, &limit), name);
			return;
		}
	}
	errx(EXIT_NOT_STARTED, "no limit %s", value);
}

static void set_umask(const char *value) {
	(void)umask((mode_t)number(value));
}

static void be_nice(const char *value) {
	must(setpriority(PRIO_PROCESS, 0, (int)number(value)), "setpriority");
}

static void die_first(const char *value) {
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	must(fd, "oom_score_adj");
	must((int)write(fd, "1000", 4), "oom_score_adj");
	close(fd);
}

static void delete_folder(const char *value) {
	char path[] = "/tmp/hostile-parent-XXXXXX";

	if (!mkdtemp(path)) {
		err(EXIT_NOT_STARTED, "mkdtemp");
	}
	must(chdir(path), "chdir");
	must(rmdir(path), "rmdir");
}

static void enter_folder(const char *path) {
	must(chdir(path), "chdir");
}

static void forbid_privileges(const char *value) {
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS");
}

static void write_file(const char *path, const char *text) {
	int fd = open(path, O_WRONLY);

	must(fd, path);
	must((int)write(fd, text, strlen(text)), path);
	close(fd);
}

/* Root in a user namespace where nobody else has a number; @value "net": which has a network of its own, too. */
static void make_user_namespace(const char *value) {
	char map[64];
	uid_t uid = getuid();
	gid_t gid = getgid();

	must(unshare(CLONE_NEWUSER | (value ? CLONE_NEWNET : 0)), "unshare");
	write_file("/proc/self/setgroups", "deny");
	(void)snprintf(map, sizeof map, "0 %u 1", uid);
	write_file("/proc/self/uid_map", map);
	(void)snprintf(map, sizeof map, "0 %u 1", gid);
	write_file("/proc/self/gid_map", map);
}

/* --- what only execve(2) can do --- */

static void take_arguments(const char *value) {
	helper.arguments[0] = NULL;
}

static void add_arguments(const char *value) {
	size_t n = (size_t)number(value);
	char **many = allocate(n + 1, sizeof *many);

	for (size_t i = 0; i < n; i++) {
		many[i] = (char *)(uintptr_t)(i == 0 ? helper.arguments[0] : "-");
	}
	helper.arguments = many;
}

static void poison_environment(const char *value) {
	static const char *const poison[] = {
#ifndef __SANITIZE_ADDRESS__ /* the dynamic linker, which no installed helper has, writes that it cannot: to a pipe that is full */
		"LD_PROFILE=libc.so.6",
#endif
		"LD_PRELOAD=/tmp/evil.so",
		"LD_AUDIT=/tmp/evil.so",
		"LD_LIBRARY_PATH=/tmp",
		"LD_DEBUG=all",
		"LD_DEBUG_OUTPUT=/tmp/evil",
		"GLIBC_TUNABLES=glibc.malloc.mxfast=glibc.malloc.mxfast="
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"GCONV_PATH=/tmp",
		"LOCPATH=/tmp",
		"NLSPATH=/tmp/%N",
		"TZDIR=/tmp",
		"TZ=:/etc/shadow",
		"MALLOC_PERTURB_=255",
		"MALLOC_TRACE=/tmp/evil",
		"RES_OPTIONS=debug",
		"HOSTALIASES=/etc/shadow",
		"TMPDIR=/etc",
		"PATH=.:/tmp",
		"IFS=/",
		"LISTEN_FDS=1",
		"LISTEN_PID=1",
		"LISTEN_FDNAMES=helper",
		"NOTIFY_SOCKET=@evil",
		"WATCHDOG_USEC=1",
		"WATCHDOG_PID=1",
		"MULTIPING_SOCKET=/tmp/evil",
		"MULTIPING_HELPER=/tmp/evil",
		"MULTIPING_CONFIG=/tmp/evil",
		"NO_EQUALS_SIGN",
		"=",
		"",
		NULL,
	};

	helper.environment = (char **)(uintptr_t)poison;
}

static void bloat_environment(const char *value) {
	enum {
		N = 16,
		VARIABLE_BYTES = 100000
	}; /* a variable may have 128 KiB, all a quarter of the stack */

	helper.environment = allocate(N + 1, sizeof *helper.environment);
	for (int i = 0; i < N; i++) {
		helper.environment[i] = allocate(VARIABLE_BYTES + 1, 1);
		memset(helper.environment[i], i % 2 ? 'A' : '%', VARIABLE_BYTES);
	}
}

static void steal(const char *value) {
	watch = watch_and_steal;
}

static void trace(const char *value) {
	watch = watch_and_trace;
}

static void wait_for_it(const char *value) {
	watch = watch_and_wait;
}

static void kill_after(const char *microseconds) {
	watch = watch_and_kill;
	helper.value = microseconds;
}

static const struct {
	const char *name;
	void (*run)(const char *value);
} attacks[] = {
	{"hand_down", hand_down},
	{"close", close_some},
	{"more_descriptors", open_more},
	{"stuffed_descriptors", stuff_standard_descriptors},
	{"blocked_signals", block_signals},
	{"ignored_signals", ignore_signals},
	{"pending_signal", send_signal},
	{"timer", set_timer},
	{"processor_timers", set_processor_timers},
	{"limit", set_limit},
	{"umask", set_umask},
	{"nice", be_nice},
	{"die_first", die_first},
	{"deleted_folder", delete_folder},
	{"folder", enter_folder},
	{"no_new_privileges", forbid_privileges},
	{"user_namespace", make_user_namespace},
	{"no_arguments", take_arguments},
	{"arguments", add_arguments},
	{"poisoned_environment", poison_environment},
	{"bloated_environment", bloat_environment},
	{"steal", steal},
	{"trace", trace},
	{"wait", wait_for_it},
	{"kill_after", kill_after},
};

static void attack(const char *word) {
	size_t n_bytes = strcspn(word, "=");
	const char *value = word[n_bytes] ? word + n_bytes + 1 : NULL;

	for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
		if (strlen(attacks[i].name) == n_bytes &&
		    strncmp(attacks[i].name, word, n_bytes) == 0) {
			attacks[i].run(value);
			return;
		}
	}
	errx(EXIT_NOT_STARTED, "no attack %s", word);
}

int main(int argc, char **argv) {
	static char *nothing[] = {NULL};
	int first_of_helper = 2;

	while (first_of_helper < argc && strcmp(argv[first_of_helper], "--") != 0) {
		first_of_helper++;
	}
	if (++first_of_helper >= argc) {
		errx(EXIT_NOT_STARTED,
		     "usage: SOCKET [ATTACK[=VALUE]]... -- PROGRAM [ARGUMENT]...");
	}
	helper.arguments = argv + first_of_helper;
	helper.environment = nothing;
	helper.program = *helper.arguments;
	place((int)number(argv[1]), HANDED_DOWN);
	for (int i = 2; i < first_of_helper - 1; i++) {
		attack(argv[i]);
	}
	if (watch) {
		return watch(&helper);
	}
	execve(helper.program, helper.arguments, helper.environment);
	return EXIT_NOT_STARTED; /* without a word: where one would go is perhaps under attack */
}
