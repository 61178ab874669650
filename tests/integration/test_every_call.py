# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Every system call that there is, made by code inside a helper, with pointers at nothing: what its filter lets through is what
attack/allowed_calls.txt says, no less and no more. It says so by first argument, for each descriptor of the helper's own."""

import os
from pathlib import Path

import rig
import taken_over
from taken_over import INT80, STARTS, Intruder, Killed, PrivateWithFileCapability, SharedByRoot

TABLE = Path(__file__).parent / "attack/allowed_calls.txt"
N_CALLS = 500         # the newest of Linux 6.18 is 469
SAMPLE = 23           # where one rule decides about all of them; none of these waits, where it is let through
X32 = 0x40000000
NOT_FILTERED = (335, 336)  # uretprobe, uprobe: Linux passes them by every filter, and refuses them but to code that it placed itself

# Argument 0, with 8 (where no memory ever is) in the next and then 1, MSG_DONTWAIT, 0, 0; or -1 in all.
NUMBERS = taken_over.DESCRIPTORS
FIRST_ARGUMENTS = {"nonsense": -1, "log": NUMBERS["LOG"], "manager": NUMBERS["MANAGER"], "epoll": NUMBERS["EPOLL"],
                   "signals": NUMBERS["SIGNAL"], "receive": NUMBERS["RECEIVE_IPV4"], "listener": NUMBERS["FIRST_LISTENER"],
                   "send": NUMBERS["FIRST_SEND"], "routes": NUMBERS["ROUTES"], "null": NUMBERS["FIRST_CLIENT"] - 1,
                   "client": NUMBERS["FIRST_CLIENT"]}
GROUPS = {"any": set(FIRST_ARGUMENTS), "descriptors": set(FIRST_ARGUMENTS) - {"nonsense"}}
SOME = FIRST_ARGUMENTS if os.environ.get("MULTIPING_FULL") else ("nonsense", "send", "client")


def read_table():
    """{(program, name of a call): words of FIRST_ARGUMENTS}."""
    table = {}
    for line in TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            call, *columns = line.split()
            for program, words in zip(("shared", "private"), columns, strict=True):
                table[program, call] = GROUPS.get(words) or set(words.split(","))
    return table


class EveryCall(rig.Case):
    def let_through(self, start, calls):
        """Those of @calls, {what: arguments of Intruder.call()}, that the filter did not end the process for."""
        passed, intruder = [], Intruder(start)
        for what, (arguments, way) in calls.items():
            try:
                intruder.call(*arguments, way=way)
                passed.append(what)
            except OSError:
                passed.append(what)
            except Killed as killed:  # a call may end it in its own way: exit(2)
                if not killed.by_filter:
                    passed.append(what)
                intruder.close()
                intruder = Intruder(start)
        intruder.close()
        return passed

    @rig.defended_by("CHECKED_ARGUMENTS")  # without others, some would wait for ever
    def test_native(self):
        names = {number: name for name, number in taken_over.call_numbers().items()}
        table = read_table()
        for kind in (SharedByRoot, PrivateWithFileCapability):
            calls = {(names.get(number, str(number)), word): ((number, first, *([-1] * 5 if first < 0 else (8, 1, 0x40, 0, 0))), 0)
                     for number in range(N_CALLS) if number not in NOT_FILTERED for word, first in FIRST_ARGUMENTS.items() if word in SOME}
            program = "private" if kind.is_private else "shared"
            expected = {(call, word) for (of, call), words in table.items() if of == program for word in words if word in SOME}
            expected |= {(call, word) for call in taken_over.SANITIZERS_CALLS for word in SOME}
            actual = set(self.let_through(kind(self), calls))
            self.assertEqual((actual - expected, expected - actual), (set(), set()), f"let through, killed; {program}")
            print(f"{len(calls)} calls in the {program} helper, {len(actual)} let through")

    @rig.defended_by("ONE_ARCHITECTURE")
    def test_by_other_conventions(self):
        if os.uname().machine != "x86_64":
            return  # one convention only
        step = 1 if os.environ.get("MULTIPING_FULL") and not self.without else SAMPLE
        for kind in STARTS:
            calls = {f"x32 {number}": ((X32 | number, -1, -1, -1, -1, -1, -1), 0) for number in range(0, N_CALLS + 50, step)}
            calls |= {f"int 0x80 {number}": ((number, -1, -1, -1), INT80) for number in range(0, N_CALLS, step)}
            self.assertEqual(self.let_through(kind(self), calls), [])


if __name__ == "__main__":
    rig.main()
