/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Values are parsed by kind; the few options that do more than set a field are named in option_apply().
 *
 * Not getopt_long(3): it takes abbreviations, which fping does not, and complains in other words. */
#include "client/cli/options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "client/cli/options_table.h"

enum {
	DEFAULT_DATA_BYTES = 56,
	DEFAULT_RETRIES = 3,
	NS_PER_MS = 1000000,
	NS_PER_S = 1000000000,
	DEFAULT_INTERVAL_MS = 10,
	DEFAULT_PERIOD_MS = 1000,
	DEFAULT_TIMEOUT_MS = 500,
	MAX_IMPLIED_TIMEOUT_MS = 2000, /* in count mode the time-out is the period, up to this */
	MAX_SOCKET_PATH_BYTES = 107,   /* unix(7), without the zero byte */
};

/* Notes what is wrong, in fping's words where fping has some, "PROGRAM: " before them. */
__attribute__((format(printf, 2, 3))) static int fault(struct options *options, const char *format,
						       ...) {
	size_t n = (size_t)snprintf(options->fault, sizeof(options->fault),
				    "%.100s: ", options->program);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(options->fault + n, sizeof(options->fault) - n, format, arguments);
	va_end(arguments);
	return OPTIONS_E_FAULT;
}

/* The same for what the help would have told: points there. */
__attribute__((format(printf, 2, 3))) static int usage_fault(struct options *options,
							     const char *format, ...) {
	char text[240];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return fault(options, "%s\nsee 'multiping -h' for usage information", text);
}

static int value_fault(struct options *options, const struct option *option, const char *value) {
	char valid[64];

	option_describe_value(option, valid, sizeof(valid));
	return usage_fault(options, "--%s: '%.60s' is not a valid %s: %s", option->name, value,
			   option->value, valid);
}

/* Whole numbers and decimals, all of the text; fping would also take "5x" for 5. */
static bool parse_number(const char *text, double min, double max, double *ret_number) {
	char *end;
	double number;

	errno = 0;
	number = strtod(text, &end);
	if (end == text || *end != '\0' || errno != 0 || !(number >= min && number <= max)) {
		return false; /* the negation catches NaN */
	}
	*ret_number = number;
	return true;
}

/* Whole numbers as C writes them: 16, 0x10, 020. */
static bool parse_integer(const char *text, uint32_t min, uint32_t max, uint32_t *ret_number) {
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 0);
	if (end == text || *end != '\0' || errno != 0 || number < min || number > max) {
		return false;
	}
	*ret_number = (uint32_t)number;
	return true;
}

static int parse_decimal(struct options *options, const struct option *option, const char *value) {
	void *field = (char *)options + option->offset;
	double number = 0;

	if (!parse_number(value, option->min, option->kind == KIND_FACTOR ? HUGE_VAL : option->max,
			  &number) ||
	    (option->kind == KIND_NUMBER && number != (uint32_t)number)) {
		return value_fault(options, option, value);
	}
	if (option->kind == KIND_NUMBER) {
		*(uint32_t *)field = (uint32_t)number;
	} else if (option->kind == KIND_MILLISECONDS) {
		*(int64_t *)field = (int64_t)(number * NS_PER_MS + 0.5);
	} else {
		*(double *)field = number;
	}
	return 0;
}

static int parse_value(struct options *options, const struct option *option, const char *value) {
	void *field = (char *)options + option->offset;

	switch (option->kind) {
	case KIND_TEXT:
		*(const char **)field = value;
		return 0;
	case KIND_FLAG:
		*(bool *)field = true;
		return 0;
	case KIND_INTEGER:
		return parse_integer(value, option->min, option->max, field)
			       ? 0
			       : value_fault(options, option, value);
	case KIND_NUMBER:
	case KIND_MILLISECONDS:
	case KIND_FACTOR:
		return parse_decimal(options, option, value);
	case KIND_IGNORED:
	case KIND_SPECIAL:
		break;
	}
	return 0;
}

static int set_family(struct options *options, int family) {
	if (options->family != AF_UNSPEC && options->family != family) {
		return fault(options, "can't specify both -4 and -6");
	}
	options->family = family;
	return 0;
}

static int set_source(struct options *options, const char *address) {
	char text[INET6_ADDRSTRLEN];
	struct in6_addr ip;

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(address, "%"), address);
	if (inet_pton(AF_INET, address, &ip) == 1) {
		options->source_family = AF_INET;
	} else if (inet_pton(AF_INET6, text, &ip) == 1) {
		options->source_family = AF_INET6;
	} else {
		return fault(options, "can't parse source address: %.60s", address);
	}
	options->source = address;
	return 0;
}

/* "SECONDS", or "SECONDS,cumulative". */
static int set_report(struct options *options, const struct option *option, const char *value) {
	const char *comma = strchrnul(value, ',');
	char number[32];
	double seconds;

	snprintf(number, sizeof(number), "%.*s", (int)(comma - value), value);
	if (!parse_number(number, 0, OPTION_MAX_REPORT_SECONDS, &seconds) ||
	    (*comma != '\0' && strcmp(comma, ",cumulative") != 0)) {
		return value_fault(options, option, value);
	}
	options->report_ns = (int64_t)(seconds * NS_PER_S + 0.5);
	options->report_is_cumulative = *comma != '\0';
	options->quiet = true;
	return 0;
}

static int option_apply(struct options *options, const struct option *option, const char *value) {
	switch (option->letter) {
	case '4':
		return set_family(options, AF_INET);
	case '6':
		return set_family(options, AF_INET6);
	case 'h':
		options->action = OPTIONS_SHOW_HELP;
		return 0;
	case 'v':
		options->action = OPTIONS_SHOW_VERSION;
		return 0;
	case 'Q':
		return set_report(options, option, value);
	case 'S':
		return set_source(options, value);
	case 'd':
	case 'n':
		if (options->names_numeric != (option->letter == 'n') &&
		    options_look_up_names(options)) {
			return fault(options, "use either one of -d or -n");
		}
		break;
	case 'X':
		options->ends_early = true;
		break;
	case 'C':
		options->all_rtts = true;
		break;
	default:
		break;
	}
	return parse_value(options, option, value);
}

/* "--name", "--name=value" or "--name" "value"; @next is the argument behind, taken if *ret_taken. */
static int parse_long(struct options *options, const char *text, const char *next,
		      bool *ret_taken) {
	size_t n_name = strcspn(text, "=");
	const char *value = text[n_name] == '=' ? text + n_name + 1 : NULL;
	const struct option *option = option_of_name(text, n_name);

	if (!option) {
		return usage_fault(options, "invalid option -- '%.60s'", text);
	}
	if (!option->value && value) {
		return usage_fault(options, "option takes no arguments -- '%s'", option->name);
	}
	if (option->value && !value) {
		value = next;
		*ret_taken = true;
	}
	if (option->value && !value) {
		return usage_fault(options, "option requires an argument -- '%s'", option->name);
	}
	return option_apply(options, option, value);
}

/* "-abc", "-c5" or "-c" "5". */
static int parse_short(struct options *options, const char *text, const char *next,
		       bool *ret_taken) {
	for (; *text != '\0' && options->action == OPTIONS_PING; text++) {
		const struct option *option = option_of_letter(*text);
		const char *value;
		int r;

		if (!option) {
			return usage_fault(options, "invalid option -- '%c'", *text);
		}
		if (option->value) {
			value = text[1] != '\0' ? text + 1 : next;
			*ret_taken = text[1] == '\0';
			if (!value) {
				return usage_fault(options, "option requires an argument -- '%c'",
						   *text);
			}
			return option_apply(options, option, value);
		}
		r = option_apply(options, option, NULL);
		if (r != 0) {
			return r;
		}
	}
	return 0;
}

static int check_socket(struct options *options) {
	const char *path = options->socket_path;

	if (path && *path == '\0') {
		return usage_fault(options, "--socket: no path");
	}
	if (path && strlen(path) > MAX_SOCKET_PATH_BYTES) {
		return usage_fault(options, "--socket: the path is longer than %d bytes",
				   MAX_SOCKET_PATH_BYTES);
	}
	return 0;
}

static int check_targets(struct options *options) {
	bool stdin_only = options->n_targets == 0 && !options->generate;

	if (options->file && !stdin_only) {
		return usage_fault(options, "-f goes neither with targets nor with -g");
	}
	if (options->generate && (options->n_targets == 0 || options->n_targets > 2)) {
		return usage_fault(options, "-g needs a prefix, or a first and a last address");
	}
	if (stdin_only && !options->file) {
		options->file = "-";
	}
	return 0;
}

/* What fping checks when all options are known, in its order. */
static int check(struct options *options) {
	if (check_socket(options) != 0) {
		return OPTIONS_E_FAULT;
	}
	if (options->stats_helper) {
		options->action = OPTIONS_SHOW_HELPER_STATS;
		return options->n_targets == 0
			       ? 0
			       : usage_fault(options, "--stats-helper takes no targets");
	}
	if (options->json && !options_have_rounds(options)) {
		return fault(options, "option -J, --json requires -c, -C, or -l");
	}
	if (options->json && options->netdata) {
		return fault(options, "specify only one of J, N");
	}
	if (options->ttl > OPTION_MAX_TTL) {
		return fault(options, "ttl %u out of range", options->ttl);
	}
	if (options->only_alive && options->only_unreachable) {
		return fault(options, "specify only one of a, u");
	}
	if (options->n_rounds > 0 && options->loop) {
		return fault(options, "specify only one of c, l");
	}
	if (options->size_bytes > OPTION_MAX_DATA_BYTES) {
		return fault(options, "data size %u not valid, must be lower than %u",
			     options->size_bytes, (unsigned)OPTION_MAX_DATA_BYTES);
	}
	if (options->source && options->family != AF_UNSPEC &&
	    options->family != options->source_family) {
		return fault(options, "source address %.60s is of the other family",
			     options->source);
	}
	if (options->backoff < OPTION_MIN_BACKOFF || options->backoff > OPTION_MAX_BACKOFF) {
		return fault(options,
			     "backoff factor %.1f not valid, must be between %.1f and %.1f",
			     options->backoff, OPTION_MIN_BACKOFF, OPTION_MAX_BACKOFF);
	}
	return check_targets(options);
}

static void set_default_timeout(struct options *options) {
	const int64_t max_implied_ns = (int64_t)MAX_IMPLIED_TIMEOUT_MS * NS_PER_MS;

	if (options->timeout_ns >= 0) {
		return;
	}
	if (!options_have_rounds(options)) {
		options->timeout_ns = (int64_t)DEFAULT_TIMEOUT_MS * NS_PER_MS;
	} else {
		options->timeout_ns =
			options->period_ns < max_implied_ns ? options->period_ns : max_implied_ns;
	}
}

int options_parse(int argc, char **argv, struct options *ret_options) {
	bool only_targets = false;
	int r = 0;

	*ret_options = (struct options){
		.program = argc > 0 ? argv[0] : "multiping",
		.family = AF_UNSPEC,
		.n_retries = DEFAULT_RETRIES,
		.size_bytes = DEFAULT_DATA_BYTES,
		.backoff = 1.5,
		.interval_ns = (int64_t)DEFAULT_INTERVAL_MS * NS_PER_MS,
		.period_ns = (int64_t)DEFAULT_PERIOD_MS * NS_PER_MS,
		.timeout_ns = -1,
		.targets = argv,
	};
	for (int i = 1; i < argc && r == 0 && ret_options->action == OPTIONS_PING; i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : NULL;
		bool taken = false;

		if (only_targets || argv[i][0] != '-' || argv[i][1] == '\0') {
			argv[ret_options->n_targets++] = argv[i];
		} else if (strcmp(argv[i], "--") == 0) {
			only_targets = true;
		} else if (argv[i][1] == '-') {
			r = parse_long(ret_options, argv[i] + 2, next, &taken);
		} else {
			r = parse_short(ret_options, argv[i] + 1, next, &taken);
		}
		i += taken;
	}
	if (r != 0 || ret_options->action != OPTIONS_PING) {
		return r;
	}
	set_default_timeout(ret_options);
	return check(ret_options);
}

int64_t options_timeout_ns(const struct options *options, uint32_t n_lost) {
	const double most_ns = 1e18;
	double timeout_ns = (double)options->timeout_ns;

	if (options_have_rounds(options)) {
		return options->timeout_ns;
	}
	for (uint32_t i = 0; i < n_lost && timeout_ns < most_ns; i++) {
		timeout_ns *= options->backoff;
	}
	return (int64_t)(timeout_ns < most_ns ? timeout_ns : most_ns);
}
