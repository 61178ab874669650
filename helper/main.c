/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The helper's start, as a list of steps: what is not yet safe is on the way to it, and no packet is sent before the last one.
 *
 * There are two programs. The shared helper listens for every user of the machine, at a path or at the sockets that a service manager
 * hands down; whoever starts it is trusted. The
 * private one serves the program that started it, over the socket it was handed down, and trusts nothing else it was given: no
 * argument, no environment. What fails is said on standard error by the one, over the socket by the other. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "helper/activation.h"
#include "helper/client_socket.h"
#include "helper/config.h"
#include "helper/defence.h"
#include "helper/descriptors.h"
#include "helper/helper.h"
#include "helper/icmp_sockets.h"
#include "helper/listener.h"
#include "helper/log.h"
#include "helper/passwd.h"
#include "helper/privileges.h"
#include "helper/reason.h"
#include "helper/sandbox.h"
#include "helper/surroundings.h"
#include "protocol/message.h"

static const bool is_private = HELPER_IS_PRIVATE; /* which of the two programs this is */

struct start {
	const char *listen_path, *config_path, *user; /* borrowed; NULL: not given */
	struct activation activation;                 /* shared */
	struct config config;
	struct identity identity;
	int client_fd;                         /* private */
	struct peer starter;                   /* private */
	int n_listeners;                       /* shared: from DESCRIPTOR_FIRST_LISTENER on */
	unsigned realms[CONFIG_MAX_LISTENERS]; /* of each: which of the configuration's it is */
	bool has_empty_root;                   /* is in it already */
	struct icmp_sockets *sockets;
	struct helper *helper;
	struct tried tried[PROTOCOL_MAX_TRIED]; /* ways to send that failed */
	size_t n_tried;
	struct reason reason; /* of the step that failed */
};

/* --- the steps: 0, or what reason_set() returned --- */

static int hide(struct start *start) {
	return reason_set(&start->reason, privileges_hide(), NULL, "PR_SET_DUMPABLE");
}

/* The groups, of which there may be tens of thousands, are kept to the end. */
static int ask_who_starts(struct start *start) {
	int n_groups = getgroups(0, NULL);
	gid_t *groups = n_groups >= 0 ? calloc((size_t)n_groups + 1, sizeof *groups) : NULL;

	if (!groups || (n_groups = getgroups(n_groups, groups)) < 0) {
		return reason_set(&start->reason, -errno, NULL, "its groups");
	}
	start->starter = (struct peer){getuid(), getgid(), groups, (size_t)n_groups};
	return 0;
}

static int read_activation(struct start *start) {
	return is_private ? 0 : activation_read(&start->activation, &start->reason);
}

static int clean_surroundings(struct start *start) {
	int r;

	r = surroundings_clean(is_private, start->activation.n_listeners, &start->reason);
	if (r == 0) {
		start->client_fd = DESCRIPTOR_FIRST_CLIENT;
	}
	return r;
}

/* A manager that waits in vain says so itself; and this one may be a stranger's, since the variable outlives fork(2). */
static int reach_manager(struct start *start) {
	int r = is_private ? 0 : activation_connect(&start->activation);

	if (r < 0) {
		log_event("without what=NOTIFY_SOCKET errno=%d", -r);
		start->activation.watchdog_ns = 0;
	}
	return 0;
}

static int read_configuration(struct start *start) {
	const char *path = start->config_path ? start->config_path : MULTIPING_CONFIG;
	int r;

	r = config_load(path, start->config_path != NULL, &start->config, &start->reason);
	if (r == 0 && start->listen_path) {
		(void)snprintf(start->config.listeners->path, CONFIG_PATH_BYTES, "%s",
			       start->listen_path);
	}
	if (r == 0 && is_private && !start->config.private_allow && defence_is_on(PRIVATE_ALLOW)) {
		return reason_set(&start->reason, CONFIG_E_REFUSED, "use the shared helper",
				  "%s: [private] allow = no", path);
	}
	return r;
}

static int choose_identity(struct start *start) {
	return privileges_choose(start->user ? start->user : start->config.user,
				 CONFIG_DEFAULT_USER, &start->identity, &start->reason);
}

static bool has_listener(const struct start *start, unsigned realm) {
	for (int i = 0; i < start->n_listeners; i++) {
		if (start->realms[i] == realm) {
			return true;
		}
	}
	return false;
}

/* Binds those of the configuration that have a path and were not handed down; the host's own comes last, so that who finds it finds
 * all. */
static int bind_listeners(struct start *start) {
	for (unsigned i = (unsigned)start->config.n_listeners; i-- > 0;) {
		const struct config_listener *listener = &start->config.listeners[i];
		int fd, r;

		if (!*listener->path || has_listener(start, i)) {
			continue;
		}
		if (start->n_listeners == CONFIG_MAX_LISTENERS) {
			return reason_set(&start->reason, LISTENER_E_REFUSED, NULL,
					  "more than %d sockets", CONFIG_MAX_LISTENERS);
		}
		r = listener_open(listener->path, listener->mode, listener->group, &fd,
				  &start->reason);
		if (r != 0) {
			return r;
		}
		r = descriptor_place(fd, DESCRIPTOR_FIRST_LISTENER + start->n_listeners);
		if (r < 0) {
			return reason_set(&start->reason, r, NULL, "numbering it");
		}
		start->realms[start->n_listeners++] = i;
	}
	return 0;
}

/* A service manager's sockets: the name of each, FileDescriptorName=, says whose it is. */
static int take_listeners(struct start *start) {
	for (int i = 0; i < start->activation.n_listeners; i++) {
		const char *name = start->activation.names[i];
		const struct config_listener *listener = config_find_listener(&start->config, name);
		int r = listener_take(DESCRIPTOR_FIRST_LISTENER + i, &start->reason);

		if (r != 0) {
			return r;
		}
		if (listener == NULL) {
			return reason_set(&start->reason, LISTENER_E_REFUSED,
					  "FileDescriptorName=helper is for this host's users; for "
					  "others add the section",
					  "a socket is named %s, but there is no [listener %s]",
					  name, name);
		}
		start->realms[start->n_listeners++] =
			(unsigned)(listener - start->config.listeners);
	}
	return 0;
}

static int meet_clients(struct start *start) {
	bool has_sockets = start->activation.n_listeners > 0;
	int r;

	if (is_private) {
		return client_socket_refuse_descriptors(start->client_fd, &start->reason);
	}
	if (has_sockets == (start->listen_path != NULL)) {
		return reason_set(&start->reason, LISTENER_E_REFUSED, "give one of them",
				  "there are %s --listen PATH %s a service manager's sockets",
				  has_sockets ? "both" : "neither", has_sockets ? "and" : "nor");
	}
	r = has_sockets ? take_listeners(start) : 0;
	return r != 0 ? r : bind_listeners(start);
}

static int prepare_root(struct start *start) {
	int r;

	r = defence_is_on(EMPTY_ROOT) ? sandbox_prepare_empty_root() : SANDBOX_E_UNSUPPORTED;
	if (r < 0) {
		return reason_set(&start->reason, r, NULL, "mounting a tmpfs");
	}
	start->has_empty_root = r == 0;
	return 0;
}

static int become_user(struct start *start) {
	return privileges_become(&start->identity, &start->reason);
}

/* What helps where no socket was to be had. */
static const char *advise_on_sockets(void) {
	uid_t stranger;

	if (is_private) {
		return NULL; /* its client knows better */
	}
	if (passwd_find_stranger(&passwd_system_files, &stranger) == 0 && stranger != (uid_t)-1) {
		return "a user namespace gives no right over a network from outside: start it "
		       "outside, or set net.ipv4.ping_group_range to its group";
	}
	return "start it as root or with CAP_NET_RAW, or set net.ipv4.ping_group_range to its "
	       "group";
}

static int open_sockets(struct start *start) {
	int r;

	r = icmp_sockets_open(&start->config, start->tried, &start->n_tried, &start->sockets);
	if (r < 0) {
		return reason_set(&start->reason, r, advise_on_sockets(), "no way to send ICMP");
	}
	for (size_t i = 0; i < start->n_tried; i++) {
		log_event("without what=%s errno=%u", start->tried[i].what, start->tried[i].error);
	}
	return 0;
}

static int watch_listeners(struct start *start) {
	int r = helper_read_owners(start->helper, &passwd_system_files);

	for (int i = 0; r == 0 && i < start->n_listeners; i++) {
		r = helper_add_listener(start->helper, DESCRIPTOR_FIRST_LISTENER + i,
					start->realms[i]);
	}
	return r;
}

static int build_helper(struct start *start) {
	int r;

	if ((r = surroundings_take_signals()) < 0 ||
	    (r = helper_new(&start->config, start->sockets, &start->helper)) < 0 ||
	    (r = helper_watch_signals(start->helper, DESCRIPTOR_SIGNAL)) < 0) {
		return reason_set(&start->reason, r, NULL, "signals, tables, random keys");
	}
	r = is_private ? helper_add_session(start->helper, start->client_fd, &start->starter)
		       : watch_listeners(start);
	if (start->activation.watchdog_ns > 0) {
		/* twice as often as it must be, as sd_watchdog_enabled(3) advises */
		helper_tell_alive(start->helper, start->activation.watchdog_ns / 2);
	}
	return reason_set(&start->reason, r, NULL, "watching for clients");
}

static int fill_descriptors(struct start *start) {
	int r = defence_is_on(FILLED_DESCRIPTORS) ? descriptors_fill() : 0;

	return reason_set(&start->reason, r, NULL, "/dev/null");
}

static int enter_root(struct start *start) {
	int r = start->has_empty_root ? sandbox_enter_empty_root() : SANDBOX_E_UNSUPPORTED;

	if (r < 0) {
		return reason_set(&start->reason, r, NULL, "chroot");
	}
	start->has_empty_root = r == 0;
	return 0;
}

static int drop_privileges(struct start *start) {
	int r;

	if (!defence_is_on(DROP_CAPABILITIES)) {
		return 0;
	}
	r = privileges_drop(&start->reason);
	if (r == 0 && defence_is_on(PROVE_DROP)) {
		r = privileges_prove(&start->identity, &start->reason);
	}
	return r;
}

static int leave_files(struct start *start) {
	int r;

	if ((r = sandbox_forbid_new_privileges()) < 0 || (r = sandbox_leave_files()) < 0) {
		return reason_set(&start->reason, r, NULL, "no_new_privs, Landlock");
	}
	if (r == SANDBOX_E_UNSUPPORTED && !start->has_empty_root) {
		log_event("unprotected against=file_access needs=Landlock has=seccomp");
	}
	return 0;
}

static int limit_resources(struct start *start) {
	return reason_set(&start->reason, sandbox_limit_resources(is_private, &start->config), NULL,
			  "setrlimit");
}

/* Sends are paced by epoll_pwait2(2); the usual slack of 50 us is longer than many gaps. */
static int sharpen_timers(struct start *start) {
	int r = prctl(PR_SET_TIMERSLACK, 1L, 0L, 0L, 0L) < 0 ? -errno : 0;

	return reason_set(&start->reason, r, NULL, "PR_SET_TIMERSLACK");
}

static int load_filter(struct start *start) {
	/* to a service manager's socket somebody may have connected before it refused descriptors */
	bool peeks = start->activation.n_listeners > 0 ||
		     client_socket_takes_descriptors(is_private ? start->client_fd
								: DESCRIPTOR_FIRST_LISTENER);
	int r;

	r = sandbox_load_filter(is_private, peeks);
	return reason_set(&start->reason, r, "the kernel needs CONFIG_SECCOMP_FILTER", "seccomp");
}

static const struct {
	const char *what; /* "cannot ..." */
	int (*take)(struct start *start);
} steps[] = {
	{"hide from others of its user", hide},              /* before there is anything to see */
	{"ask who starts it", ask_who_starts},               /* before he is left for another */
	{"understand the service manager", read_activation}, /* its words are in the environment */
	{"clean the surroundings", clean_surroundings},
	{"reach the service manager", reach_manager},
	{"read the configuration", read_configuration},
	{"choose the user to run as", choose_identity},
	/* as whoever started it: only he may write to the folder */
	{"listen for clients", meet_clients},
	{"prepare an empty root", prepare_root},
	{"become the user to run as", become_user}, /* firewalls know sockets by who opened them */
	{"hide from others of that user", hide},    /* as after every change of ids */
	{"open the ICMP sockets", open_sockets},
	{"build the helper", build_helper}, /* all it will need: nothing can be opened later */
	{"fill the free descriptors", fill_descriptors}, /* opens the last file */
	{"enter the empty root", enter_root},
	{"drop every privilege", drop_privileges},
	{"leave the file system", leave_files},
	{"limit resources", limit_resources},
	{"sharpen timers", sharpen_timers},
	{"load the system-call filter", load_filter},
};

/* --- what failed --- */

static void say(const struct start *start, const char *what) {
	(void)fprintf(stderr, "multiping-helper: cannot %s: %s\n", what, start->reason.text);
	for (size_t i = 0; i < start->n_tried; i++) {
		(void)fprintf(stderr, "multiping-helper: tried %s: %s\n", start->tried[i].what,
			      strerror((int)start->tried[i].error));
	}
}

static void say_to_client(const struct start *start, const char *what) {
	struct closing closing = {.code = PROTOCOL_CODE_NO_BACKEND, .n_tried = start->n_tried};
	struct message_buffer buffer;

	(void)snprintf(closing.text, sizeof closing.text, "cannot %s: %.200s", what,
		       start->reason.text);
	memcpy(closing.tried, start->tried, sizeof closing.tried);
	if (closing_pack(&closing, &buffer) == 0) {
		(void)send(start->client_fd, buffer.bytes, buffer.n_bytes,
			   MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

/* --- arguments --- */

static const char usage[] =
	"usage: multiping-helper [--listen PATH] [--config FILE] [--user NAME]\n"
	"Sends pings for the programs that connect to its socket. Root or systemd starts it.\n"
	"  --listen PATH  where to listen (absolute); its folder must exist. Only where no socket\n"
	"                 comes from a service manager (LISTEN_FDS)\n"
	"  --config FILE  instead of " MULTIPING_CONFIG " (absolute)\n"
	"  --user NAME    whom to run as, instead of the configuration's user\n"
	"  --check-config FILE  say what is wrong in it, or that nothing is, and end\n"
	"  --version, --help\n";

enum { GO_ON = -1 };

static int check_config(const char *path, struct start *start) {
	if (config_load(path, true, &start->config, &start->reason) != 0 ||
	    choose_identity(start) != 0) {
		(void)fprintf(stderr, "multiping-helper: %s\n", start->reason.text);
		return EX_CONFIG;
	}
	return printf("%s: nothing is wrong\n", path) < 0 ? EX_IOERR : EX_OK;
}

static int say_usage(const char *argument, const char *what) {
	(void)fprintf(stderr, "multiping-helper: %s: %s; see --help\n", argument, what);
	return EX_USAGE;
}

/* Fills @start from the command line. GO_ON, or the status to exit with. */
static int read_arguments(int argc, char **argv, struct start *start) {
	static const struct option options[] = {
		{"listen", required_argument, NULL, 'l'},
		{"config", required_argument, NULL, 'c'},
		{"user", required_argument, NULL, 'u'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{"check-config", required_argument, NULL, 'C'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'l':
			start->listen_path = optarg;
			break;
		case 'c':
			start->config_path = optarg;
			break;
		case 'u':
			start->user = optarg;
			break;
		case 'C':
			return check_config(optarg, start);
		case 'v':
			return puts("multiping-helper " MULTIPING_VERSION) < 0 ? EX_IOERR : EX_OK;
		case 'h':
			return fputs(usage, stdout) < 0 ? EX_IOERR : EX_OK;
		default:
			return EX_USAGE;
		}
	}
	if (optind < argc) {
		return say_usage(argv[optind], "no option");
	}
	if (start->listen_path &&
	    (*start->listen_path != '/' || strlen(start->listen_path) >= CONFIG_PATH_BYTES)) {
		return say_usage("--listen", "not an absolute path of at most 107 bytes");
	}
	if (start->config_path && *start->config_path != '/') {
		return say_usage("--config", "not an absolute path");
	}
	return GO_ON;
}

/* A private helper has one way to be started; whoever tries another gets no word, since there is nobody to say it to. */
static int check_start(int argc) {
	return argc <= 1 && (surroundings_have_client() || !defence_is_on(CHECK_CLIENT_SOCKET))
		       ? GO_ON
		       : EX_USAGE;
}

static void tell_manager(const char *state) {
	if (!is_private) {
		activation_tell(state);
	}
}

int main(int argc, char **argv) {
	struct start start = {.client_fd = DESCRIPTOR_PARENT};
	int r;

	r = is_private ? check_start(argc) : read_arguments(argc, argv, &start);
	if (r != GO_ON) {
		return r;
	}
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		if (steps[i].take(&start) != 0) {
			(is_private ? say_to_client : say)(&start, steps[i].what);
			return EX_UNAVAILABLE;
		}
	}
	log_event("started version=%s uid=%u gid=%u", MULTIPING_VERSION, start.identity.uid,
		  start.identity.gid);
	tell_manager("READY=1");
	r = helper_run(start.helper);
	tell_manager("STOPPING=1");
	log_event("ended errno=%d", -r);
	/* nothing is freed: the filter forbids to close what is ours */
	return r < 0 ? EX_SOFTWARE : EX_OK;
}
