/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* One turn: wait; take what arrived from the network; expire timers; accept, read and write clients; send; take again what the sends
 * brought back; tell the clients. Each step has its budget, so that a turn is short whatever anybody does, and everything that
 * arrived is looked at before a timer may call it missing. */
#include <errno.h>
#include <sys/epoll.h>
#include <time.h>

#include "helper/activation.h"
#include "helper/descriptors.h"
#include "helper/helper_private.h"

enum {
	EVENTS_PER_TURN = 64,
	/* Below ICMP_SOCKETS_BATCH: on loopback one call then fetches all replies. */
	SENDS_PER_TURN = 48,
	/* While busy, outcomes are told once a millisecond; of a ping that goes on, when there are many or they have waited long. With more
	 * sessions each of them has fewer in the same time, and so waits longer; not where all is sent, as its client may now wait for a
	 * given time, nor where the slots that they hold are wanted. */
	DELIVERY_NS = 1000000,
	RIPE_NS = 10000000,
	RIPE_NS_PER_SESSION = 1000000,
	MAX_RIPE_NS = 500000000,
	RIPE_OUTCOMES = 256,
	BUSY_TURNS = 8, /* one after the other: there will be more */
	WATCH_RETRY_NS = 1000000,
};

/* --- telling --- */

static void tell_events(struct helper *helper) {
	struct prober *prober = &helper->prober;

	for (uint32_t i = 0; i < prober->n_events; i++) {
		struct session *session = helper_find_session(helper, prober->events[i].session);

		if (session != NULL) {
			session_tell_event(session, &prober->events[i]);
			helper_settle_session(helper, session, 0);
		}
	}
	prober->n_events = 0;
}

/* Whether the scheduler will run again so soon that what is told later is told more cheaply. */
static bool is_busy(const struct helper *helper) {
	return helper->scheduler.n_active > 0 &&
	       helper->send_ns < helper->prober.clock.now_ns + DELIVERY_NS;
}

/* How long news of @ping may wait. */
static int64_t ripe_ns(const struct helper *helper, const struct ping *ping) {
	const struct user *user = ping->user;
	int64_t wait_ns =
		(int64_t)helper->scheduler.n_active * user->n_sessions * RIPE_NS_PER_SESSION;

	if (ping->n_unsent == 0 || user->waits_for == USER_WAIT_SLOTS || wait_ns < RIPE_NS) {
		return RIPE_NS;
	}
	return wait_ns < MAX_RIPE_NS ? wait_ns : MAX_RIPE_NS;
}

/* Whether to tell the news of @ping though the helper is busy. A message costs its reader a wake-up, whatever is in it. */
static bool is_ripe(const struct helper *helper, const struct ping *ping) {
	bool response_is_due = ping->n_admitted == ping->n_targets && !ping->response_sent;

	return response_is_due || ping->n_finished >= RIPE_OUTCOMES ||
	       ping->n_finished == ping->n_undelivered ||
	       helper->prober.clock.now_ns - ping->news_ns >= ripe_ns(helper, ping);
}

/* Tells what is new; what is not yet ripe goes back. */
static void deliver(struct helper *helper) {
	struct prober *prober = &helper->prober;
	bool busy = is_busy(helper);
	struct ping *ping;

	tell_events(helper);
	if (busy && prober->clock.now_ns < helper->delivered_ns + DELIVERY_NS) {
		return;
	}
	helper->delivered_ns = prober->clock.now_ns;
	while ((ping = prober->news_first) != NULL && ping->looked_at != helper->turn) {
		int64_t news_ns = ping->news_ns;

		(void)prober_pop_news(prober);
		ping->looked_at = helper->turn;
		if (busy && !is_ripe(helper, ping)) {
			prober_push_news(prober, ping);
			ping->news_ns = news_ns;
		} else {
			struct session *session = helper_find_session(helper, ping->session);

			helper_settle_session(helper, session, session_deliver(session, ping));
			helper->send_ns = prober->clock.now_ns; /* slots came free */
		}
	}
}

/* --- the loop --- */

static void handle_event(struct helper *helper, const struct epoll_event *event) {
	uint32_t number = (uint32_t)event->data.u64;

	switch ((enum source)(event->data.u64 >> 32)) {
	case SOURCE_LISTENER:
		helper_accept(helper, (int)number);
		break;
	case SOURCE_SIGNAL:
		helper->is_told_to_end = true;
		break;
	case SOURCE_ROUTES:
		host_addresses_read(&helper->host);
		break;
	case SOURCE_ICMP: /* the network was looked at first */
		break;
	case SOURCE_SESSION:
		helper_handle_session(helper, number, event->events);
		break;
	}
}

/* How long to sleep, at most @most_ns. */
static struct timespec time_to_sleep(const struct helper *helper, int64_t most_ns) {
	int64_t at_ns = clock_earlier(timing_wheel_next_ns(&helper->prober.wheel),
				      clock_earlier(helper->alive_ns, helper->accept_ns));
	int64_t wait_ns;

	if (helper->n_without_hello > 0) {
		at_ns = clock_earlier(at_ns, helper->hello_check_ns);
	}
	if (helper->scheduler.n_active > 0) {
		at_ns = clock_earlier(at_ns, helper->send_ns);
	}
	if (helper->prober.news_first != NULL) {
		at_ns = clock_earlier(at_ns, helper->delivered_ns + DELIVERY_NS);
	}
	wait_ns = at_ns - clock_monotonic_ns(&helper->prober.clock);
	wait_ns = clock_earlier(clock_later(wait_ns, 0), most_ns);
	return (struct timespec){wait_ns / 1000000000, wait_ns % 1000000000};
}

/* Lets epoll watch the network (EPOLL_CTL_ADD), or no more (EPOLL_CTL_DEL). Raw send sockets never are: their stamps are of use when an
 * answer comes, and telling of each would cost more than reading it. */
static int change_watching(const struct helper *helper, int operation) {
	uint64_t set = icmp_sockets_facts(helper->sockets)->receivers;

	for (uint32_t fd = 0; set != 0; fd++, set >>= 1) {
		int r = set & 1 ? helper_watch(operation, (int)fd, EPOLLIN, SOURCE_ICMP, fd) : 0;

		if (r < 0 && r != -EEXIST) { /* an earlier try ended half-way */
			return r;
		}
	}
	return 0;
}

/* Epoll hears of every packet as it arrives, for which the kernel takes 0.2 us. While turn follows turn, and each looks at the network,
 * nobody need hear; before a sleep somebody must. Where that cannot be had now, it is tried again after a short one. */
static void choose_watching(struct helper *helper, struct timespec *wait) {
	bool sleeps = wait->tv_sec > 0 || wait->tv_nsec > 0;

	helper->n_busy_turns = sleeps ? 0 : helper->n_busy_turns + 1;
	if (helper->is_network_watched && helper->n_busy_turns >= BUSY_TURNS) {
		helper->is_network_watched = change_watching(helper, EPOLL_CTL_DEL) != 0;
	} else if (!helper->is_network_watched && sleeps) {
		helper->is_network_watched = change_watching(helper, EPOLL_CTL_ADD) == 0;
		if (!helper->is_network_watched) {
			*wait = (struct timespec){.tv_nsec = WATCH_RETRY_NS};
		}
	}
}

static void tell_alive(struct helper *helper, int64_t now_ns) {
	if (now_ns >= helper->alive_ns) {
		activation_tell("WATCHDOG=1");
		helper->alive_ns = now_ns + helper->watchdog_ns;
	}
}

static void work(struct helper *helper, const struct epoll_event *events, int n_events) {
	struct prober *prober = &helper->prober;

	helper->turn++;
	for (int i = 0; i < n_events; i++) {
		if (events[i].data.u64 >> 32 == SOURCE_ICMP) {
			icmp_sockets_note(helper->sockets, (int)(uint32_t)events[i].data.u64);
		}
	}
	prober_receive(prober, true);
	helper->users.now_ns = prober->clock.now_ns;
	prober_expire(prober);
	/* epoll's order stays the same: who is read first is not */
	for (int i = 0; i < n_events; i++) {
		handle_event(helper, &events[(helper->turn + (uint64_t)i) % (uint64_t)n_events]);
	}
	if (prober->clock.now_ns >= helper->accept_ns) {
		helper_watch_listeners(helper, EPOLLIN, INT64_MAX);
	}
	helper_check_hellos(helper, prober->clock.now_ns);
	helper->send_ns = scheduler_run(&helper->scheduler, SENDS_PER_TURN);
	prober_receive(prober, false);
	deliver(helper);
	tell_alive(helper, prober->clock.now_ns);
}

int helper_turn(struct helper *helper, int64_t most_ns) {
	struct timespec wait = time_to_sleep(helper, most_ns);
	struct epoll_event events[EVENTS_PER_TURN];
	int n;

	choose_watching(helper, &wait);
	n = epoll_pwait2(DESCRIPTOR_EPOLL, events, EVENTS_PER_TURN, &wait, NULL);
	if (n < 0 && errno != EINTR) {
		return -errno;
	}
	work(helper, events, n);
	return 0;
}

int helper_run(struct helper *helper) {
	const int64_t day_ns = INT64_C(86400000000000);

	while (!helper->is_told_to_end) {
		int r = helper_turn(helper, day_ns);

		if (r < 0) {
			return r;
		}
	}
	helper_say_goodbye(helper);
	return 0;
}
