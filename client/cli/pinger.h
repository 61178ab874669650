/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The targets and their fates: asks for probes in the order of the schedule, takes the events of the library, decides by fping's
 * rules who is alive, what is lost and what is said about it. Waits for nothing; run.c does. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/cli/deadlines.h"
#include "client/cli/names.h"
#include "client/cli/options.h"
#include "client/cli/output.h"
#include "client/cli/range.h"
#include "client/cli/rounds.h"
#include "client/cli/schedule.h"
#include "client/cli/statistics.h"
#include "client/include/multiping.h"

enum target_state {
	TARGET_NEW,
	TARGET_LOOKUP,  /* its name is being looked up */
	TARGET_UNKNOWN, /* its name has no address; takes no part in anything else */
	TARGET_ASKED,
	TARGET_ALIVE,       /* default mode: decided */
	TARGET_UNREACHABLE, /* default mode: decided */
};

struct pinger {
	const struct options *options; /* borrowed, as are the next two */
	struct multiping *multiping;
	struct output *output;
	struct range range; /* with -g */
	struct names names;
	uint8_t *states; /* enum target_state, of each of n_added */
	size_t n_added; /* to the library: all of a list at once; of a range those whose turn has come */
	size_t n_targets, n_states, n_lookups;
	size_t n_open;       /* probes that the library has not told the outcome of */
	bool is_helper_away; /* and being looked for */
	size_t n_decided;    /* default mode: targets */
	bool has_reported;   /* to netdata */
	size_t n_undecided; /* default mode: targets asked; else probes asked: whose fate is open */
	struct statistics statistics;
	struct rounds rounds;
	struct schedule schedule;
	struct deadlines deadlines;
};

void pinger_init(struct pinger *ret_pinger, const struct options *options,
		 struct multiping *multiping, struct output *output);
void pinger_deinit(struct pinger *pinger);

/* Adds a target of a list by name. -errno. */
int pinger_add(struct pinger *pinger, const char *name);

/* The same of one address of a name that was given; and notes that a name has none. */
int pinger_add_address(struct pinger *pinger, const char *address, const char *given);
void pinger_add_unknown(struct pinger *pinger, const char *name, int error);

/* Adds those of a range, all at once. -errno. */
int pinger_add_range(struct pinger *pinger, const struct range *range);

/* To be called when no name is being looked up any more: tells of those without address, and starts the clock. */
void pinger_start(struct pinger *pinger, int64_t now_ns);

/* Asks for what is due and may be asked for. *ret_at_ns: when to ask again, INT64_MAX: after the next event. -errno. */
int pinger_ask(struct pinger *pinger, int64_t now_ns, int64_t *ret_at_ns);

/* Takes an event. PINGER_E_HELPER_LOST (multiping_message() tells), PINGER_E_REFUSED (what all probes have in
 * common, by policy: refusal_explain() tells); -errno. */
enum { PINGER_E_HELPER_LOST = 1, PINGER_E_REFUSED };
int pinger_handle(struct pinger *pinger, const struct multiping_event *event, int64_t now_ns);

/* Counts as lost what has waited long enough. -ENOMEM. */
int pinger_expire(struct pinger *pinger, int64_t now_ns);

/* Whether every target (default mode) or probe is decided, or with -X enough of them. */
bool pinger_is_done(struct pinger *pinger, int64_t now_ns);

/* The name or address of a target as it is shown; valid until the next call with the same @result (working space). */
const char *pinger_label(const struct pinger *pinger, size_t target,
			 struct multiping_result *result);

/* The same of a result that is at hand. */
const char *pinger_label_of(const struct pinger *pinger, const struct multiping_result *result);

/* Prints the counts since the last snapshot (SIGQUIT) or report (-Q), and begins anew. -ENOMEM. */
int pinger_snapshot(struct pinger *pinger);
int pinger_report(struct pinger *pinger);

/* Prints who did not answer, the summaries and the totals. @decided_only: not of targets that
 * were cut off before their time was over. */
void pinger_finish(struct pinger *pinger, bool decided_only, int64_t elapsed_ns);
