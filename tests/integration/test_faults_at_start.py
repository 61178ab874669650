# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Helpers that are refused something while they start: each call in turn, the n-th of it for every n, by faults.py; and by limits.

A client waits with its pings from before the start, so that a helper which went on after a failure would send them at once. Either
it serves and the kernel says that it has dropped everything, or it ends by itself, says what it could not do, and nothing was sent.

The ordinary run takes some n of those calls that are made often; MULTIPING_FULL=1 all of them, and more errors."""

import errno
import os
import re

import rig
from client_from_specification import REPLY, SEND_ERROR
from faults import CALLS, Faults, FOR_EVER, HOSTS, Starts

IS_FULL = os.environ.get("MULTIPING_FULL") == "1"
USAGE, UNAVAILABLE = 64, 69  # sysexits.h
NONE_LEFT = {name: "0" * 16 for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
ALLOCATORS = ("malloc", "calloc", "realloc")
PRIVILEGES = ("setgroups", "setresgid", "setresuid", "capset", "prctl")
# What the helper makes of a failure in words of its own.
OWN_WORDS = {"getgroups": "groups are left", "getsockopt": "no listening Unix socket", "prctl": "(hide|hiding|can be read)",
             "calloc": "capabilities are left"}
NO_MEMORY = f"({os.strerror(errno.ENOMEM)}|errno {errno.ENOMEM}\\b)"
PAGE_KIB = 4
HEAP_GROWS_BYTES = 132 << 10  # at a time, in glibc: M_TOP_PAD and a page


def some(n, most):
    """@most of 1..n, the first and the last among them; all of them in a full run."""
    return range(1, n + 1) if IS_FULL or n <= most else sorted({1 + (n - 1) * i // (most - 1) for i in range(most)})


class AtStart(rig.Case):
    def starts(self, is_private, **options):
        starts = Starts(self.namespace(), is_private, self.without, **options)
        self.addCleanup(starts.close)
        return starts

    def filters(self, starts):
        """One that nothing happens to. Its filter is one of two: where SO_PASSRIGHTS is not to be had, clients are peeked at."""
        start = starts.start()
        self.assertEqual([outcome[1] for outcome in start.outcomes or []], [REPLY, REPLY], start.said)
        self.assertGreater(start.n_sent, 0)
        self.assertEqual(start.status["CapBnd"], "0" * 16)
        faults = Faults()
        faults.fail("setsockopt", error=errno.ENOPROTOOPT)
        filters = [start.filter, starts.start(faults.preload()).filter]
        self.assert_dropped(start, filters)
        return filters

    def assert_dropped(self, start, filters):
        """What serves has nothing left, and one of the @filters."""
        self.assertEqual({name: start.status[name] for name in NONE_LEFT}, NONE_LEFT)
        for ids in (start.status["Uid"], start.status["Gid"]):
            self.assertEqual(len(set(ids.split())), 1, ids)
            self.assertNotEqual(ids.split()[0], "0")
        self.assertEqual((start.status["Groups"], start.status["NoNewPrivs"], start.status["Seccomp"], start.is_hidden),
                         ("", "1", "2", True))
        self.assertTrue(start.filter in filters, "not the filter of others")
        self.assertLessEqual({outcome[1] for outcome in start.outcomes}, {REPLY, SEND_ERROR})
        self.assertEqual(len(start.outcomes), len(HOSTS))

    def assert_sound(self, start, filters, words="cannot "):
        """It serves as it must, or has ended by itself, said why, and sent nothing."""
        if start.ended is None:
            self.assert_dropped(start, filters)
            return
        self.assertEqual((start.ended, start.n_sent), (UNAVAILABLE, 0), start.said)
        self.assertRegex(start.said, "(?s)cannot .*" + words)

    def numbers_before(self, starts, faults, call):
        """How often each call is made before @call is, for the first time."""
        faults.clear()
        faults.fail(call)
        self.assertEqual(starts.start(faults.preload()).ended, UNAVAILABLE)
        return {name: faults.n_calls(name) for name in CALLS} | {"send": 0}  # that is how the private one said so

    def start_and_fail(self, starts, filters, faults, call, error, **order):
        """One start with that order; whether it serves all the same."""
        faults.clear()
        faults.fail(call, error=error, **order)
        start = starts.start(faults.preload())
        with self.subTest(call=call, error=errno.errorcode.get(error), private=starts.is_private, **order):
            self.assertGreater(faults.n_failed(call), 0)
            if starts.is_private and start.ended == USAGE:  # no client at its socket: nobody to say it to
                self.assertIn(call, ("getsockopt", "getpeername"))
                self.assertEqual(start.n_sent, 0)
            else:
                words = f"({OWN_WORDS.get(call, '^')}|{NO_MEMORY})" if error == errno.ENOMEM else ""
                self.assert_sound(start, filters, words)
        return start.ended is None

    def fail_each(self, is_private, calls, errors, most):
        starts, faults = self.starts(is_private), Faults()
        filters = self.filters(starts)
        # not those of libseccomp: where one of its own fails, and the next does not, it may loop, crash or forget rules (never
        # add any); where memory ends for good, as in test_memory_ends_while_the_filter_is_built, it says so
        n_allocations, n_calls = (self.numbers_before(starts, faults, call) for call in ("seccomp_init", "seccomp_load"))
        n_starts = n_served = 0
        for call in calls:
            for n in some((n_allocations if call in ALLOCATORS else n_calls)[call], most):
                for error in errors:
                    n_served += self.start_and_fail(starts, filters, faults, call, error, first=n)
                    n_starts += 1
        print(f"{'private' if is_private else 'shared'}: {n_starts} starts, {n_served} of them serve, the others sent nothing")

    def test_each_call_fails_once(self):
        for is_private in (False, True):
            self.fail_each(is_private, CALLS, [errno.ENOMEM], 3)

    def test_calls_for_privileges_are_not_permitted(self):
        calls = CALLS if IS_FULL else [*PRIVILEGES[:-1], "chroot", "fsopen", "seccomp_load"]
        for is_private in (False, True):
            self.fail_each(is_private, calls, [errno.EPERM, *[errno.EINVAL, errno.ENOSYS] * IS_FULL], 4)

    @rig.defended_by("PROVE_DROP")
    def test_calls_for_privileges_that_do_nothing_are_noticed(self):
        for is_private in (False, True):
            starts, faults = self.starts(is_private), Faults()
            filters = self.filters(starts)
            n_calls = self.numbers_before(starts, faults, "seccomp_load")
            for call in PRIVILEGES:
                for n in some(n_calls[call], 6):
                    self.start_and_fail(starts, filters, faults, call, 0, first=n)

    def test_nothing_works_from_some_call_on(self):
        for is_private in (False, True):
            starts, faults = self.starts(is_private), Faults()
            filters = self.filters(starts)
            n_allocations, n_calls = (self.numbers_before(starts, faults, call) for call in ("seccomp_init", "seccomp_load"))
            for call in [*ALLOCATORS, "socket", "setsockopt", "prctl", "syscall", "epoll_ctl"]:
                for n in some((n_allocations if call in ALLOCATORS else n_calls)[call], 3):
                    self.start_and_fail(starts, filters, faults, call, errno.ENOMEM, first=n, last=FOR_EVER)


    def test_memory_ends_while_the_filter_is_built(self):
        """By a limit, which any parent can set; where exactly it ends depends on what else is on the heap."""
        if rig.is_sanitized():
            return  # shadow memory takes terabytes of addresses
        starts, faults = self.starts(is_private=True, seconds=5), Faults()
        filters = self.filters(starts)

        def start(kib, heap_bytes=0):
            return starts.start(faults.preload(heap_bytes), before=f"ulimit -v {kib}")

        low, high = 0, 1 << 20
        while high - low > PAGE_KIB:
            middle = (low + high) // 2
            low, high = (low, middle) if start(middle).ended is None else (middle, high)
        ends = set()
        for heap_bytes in range(0, HEAP_GROWS_BYTES, HEAP_GROWS_BYTES // (130 if IS_FULL else 33)):
            end = start(low, heap_bytes)
            ends.add(end.said)
            self.assert_sound(end, filters, NO_MEMORY)
        print("it ended with:", *sorted(filter(None, ends)), sep="\n")


if __name__ == "__main__":
    rig.main()
