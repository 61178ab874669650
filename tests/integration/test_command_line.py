# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""`multiping` beside Debian's fping: the same arguments must give the same lines on the same streams, the same exit status, and
take about as long. fping runs as root, `multiping` as a user without privilege.

The network is `lo`, on which 127.9.0.0/16 and fd00:9::/64 are silent and 127.8.0.0/16 answers with ICMP errors. Times are
replaced by T before lines are compared. Where the order of lines depends on time, the arguments keep what happens well apart."""

import collections
import concurrent.futures
import contextlib
import errno
import itertools
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

import rig
import simulator
from client_from_specification import Client

SILENT, SILENT6, REFUSING, ALIVE, ALIVE6 = "127.9.0.1", "fd00:9::1", "127.8.0.1", "127.0.0.1", "::1"
NO_ROUTE = "192.0.2.1"
NO_NAME = "no..such"  # not even asked for: no name has an empty part

RULES = """
table inet network {
    chain input {
        type filter hook input priority 0
        ip daddr 127.9.0.0/16 drop
        ip6 daddr fd00:9::/64 drop
        ip daddr 127.8.0.0/16 icmp type echo-request reject with icmp host-unreachable
        ip6 daddr fd00:8::/64 icmpv6 type echo-request reject with icmpv6 admin-prohibited
    }
}
"""

# A user may choose all that fping lets its user choose.
ALL_OPTIONS = rig.UNLIMITED + "allow_options = ttl tos dont_fragment source interface\n"

# What is compared: arguments, as words.
MODES = [
    # default mode
    f"{ALIVE}",
    f"{ALIVE} {ALIVE6} 127.0.0.2",
    f"-r 1 -t 100 {ALIVE} {SILENT} {ALIVE6} {SILENT6}",
    f"-r 1 -t 100 -u {ALIVE} {SILENT} {ALIVE6}",
    f"-r 1 -t 100 -a {ALIVE} {SILENT} {ALIVE6}",
    f"-r 1 -t 100 -a -e {ALIVE} {SILENT}",
    f"-e {ALIVE} {ALIVE6}",
    f"-q -r 0 -t 100 {ALIVE} {SILENT}",
    f"-q -a -r 0 -t 100 {ALIVE} {SILENT}",
    f"-r 0 -t 100 {REFUSING} {ALIVE}",
    f"-q -r 0 -t 100 {REFUSING} {ALIVE}",
    f"-a -r 1 -t 100 {REFUSING} {ALIVE}",
    f"-t 100 {NO_ROUTE} {ALIVE}",
    f"-a -t 100 {NO_ROUTE} {ALIVE}",
    f"-t 100 2001:db8::1 {ALIVE6}",
    f"-r 2 -t 40 -B 2 {SILENT} {ALIVE}",
    f"-r 1 -t 40 -s {ALIVE} {SILENT} {REFUSING} {NO_NAME}",
    f"-t 0 -r 0 {ALIVE}",
    # several times
    f"-c 3 -p 60 {ALIVE}",
    f"-c 2 -p 300 -t 150 -i 40 {ALIVE} {SILENT} 127.100.100.100",
    f"-c 2 -p 300 -t 150 -i 40 {SILENT} {REFUSING} {ALIVE6}",
    f"-c 2 -p 60 -q {ALIVE} {SILENT} 127.100.100.100",
    f"-c 2 -p 60 -q -s {ALIVE} {SILENT} {REFUSING}",
    f"-c 2 -p 60 -a {ALIVE} {REFUSING}",
    f"-c 2 -p 60 -u -e {ALIVE}",
    f"-c 2 -p 60 {NO_ROUTE} {ALIVE}",
    f"-C 3 -p 60 -q {ALIVE} {SILENT} {ALIVE6}",
    f"-C 2 -p 200 -t 100 {ALIVE} {SILENT}",
    f"-C 1 -p 60 -q {NO_ROUTE} {ALIVE}",
    f"-c 2 -p 60 -q {SILENT} {SILENT6}",
    f"-c 2 -p 60 {ALIVE} {NO_NAME}",
    f"-c 1 -b 0 {ALIVE} {ALIVE6}",
    f"-c 1 -b 1000 {ALIVE} {ALIVE6}",
    f"-c 1 -b 65488 {ALIVE}",
    # what the packets carry
    f"-H 3 -O 0x10 -M -R {ALIVE} {ALIVE6}",
    f"--ttl=1 --tos=16 --dontfrag --random -c 1 {ALIVE} {ALIVE6}",
    f"-O 010 {ALIVE}",
    f"-S 127.0.0.2 {ALIVE}",
    f"--src={ALIVE6} {ALIVE6}",
    f"-S {NO_ROUTE} {ALIVE}",
    f"-q -C 2 -p 60 -S 2001:db8::1 {ALIVE6}",
    f"-I lo {ALIVE} {ALIVE6}",
    f"--iface=lo -c 1 {ALIVE}",
    f"-T 5 {ALIVE}",
    f"-x 2 {ALIVE} {ALIVE6}",
    f"-x 2 -r 0 -t 100 {ALIVE} {SILENT} {REFUSING}",
    f"--reachable=1 -r 0 -t 100 {ALIVE} {SILENT}",
    f"-x 1 -a -e -r 0 -t 100 {ALIVE} {SILENT}",
    f"-x 3 -u -r 0 -t 100 {ALIVE} {SILENT}",
    f"-x 1 -q -s {ALIVE} {NO_NAME}",
    f"-x 1 {NO_ROUTE} {NO_NAME}",
    f"-x 1 {NO_NAME}",
    f"-x 1 -c 2 -p 60 {ALIVE}",
    f"-x 2 -C 2 -p 60 -q {ALIVE} {SILENT}",
    f"-m {ALIVE} {NO_NAME} localhost",
    f"-m -s {NO_NAME}",
    f"-n -d {ALIVE}",
    f"--rdns --name {ALIVE}",
    f"-c 2 -p 300 -t 100 -i 40 -o {SILENT} {ALIVE}",
    f"-C 2 -p 300 -t 100 -i 40 -D -o {SILENT} {ALIVE}",
    f"-D -o -N {ALIVE}",
    f"-Q 1 -r 0 -t 100 {ALIVE} {SILENT}",
    f"-c 2 -p 300 -N {ALIVE}",
    # as monitoring programs call it
    f"-C 5 -q -B1 -r1 -i10 -p 50 {ALIVE} {SILENT}",
    f"-C 3 -q -B1 -r1 -i10 -t 50 -p 100 -S 127.0.0.3 -O 0x8 {ALIVE} {SILENT}",
    f"-6 -C 2 -q -B1 -r1 -i10 -t 50 -p 100 -S {ALIVE6} {ALIVE6} {SILENT6}",
    f"-C5 -i0 -p 50 {ALIVE} 127.0.0.2",
    f"-C3 -i0 -p 50 -S127.0.0.3 {ALIVE} 127.0.0.2",
    f"-e -q -r 3 -t 500 -c 3 -p 200 {ALIVE}",
    # targets
    "-4 localhost",
    "-A localhost",
    "-4 -A localhost 127.1",
    f"-4 -A -c 1 localhost {ALIVE}",
    f"-4 {ALIVE6} {ALIVE}",
    f"-6 {ALIVE6} {ALIVE}",
    f"{NO_NAME}",
    f"-q {NO_NAME}",
    f"{NO_NAME} {ALIVE} also{NO_NAME}",
    "-g 127.0.0.5/29",
    "-g 127.0.0.5/31",
    "-g 127.0.0.5/32",
    "-g 127.0.0.254 127.0.1.3",
    "-g 127.0.0.5 127.0.0.4",
    "-s -g 127.0.0.5 127.0.0.4",
    "-f /no/such/file",
    # wrong arguments
    "-z",
    "-qz",
    "--nonsense=1",
    "--aliv",
    "--alive=1",
    "-c",
    "--count",
    f"-a -u {ALIVE}",
    f"-4 -6 {ALIVE}",
    f"-b 65489 {ALIVE}",
    f"-B 0.9 {ALIVE}",
    f"-B 5.1 {ALIVE}",
    f"-c 1 -l {ALIVE}",
    f"--loop --vcount=1 {ALIVE}",
    f"-H 256 {ALIVE}",
    f"-S nobody {ALIVE}",
    f"-I nowhere {ALIVE}",
    "-T",
    "-g 127.0.0.1/33",
    "-g 127.0.0.1 nobody",
    # other spellings
    f"--count=2 --period 60 --quiet {ALIVE} -- {ALIVE6}",
    f"{ALIVE} -qc2 -p60 {ALIVE6}",
    f"--vcount=2 --period=60 --size=10 --quiet --interval=5 --timeout=50 {ALIVE} {SILENT}",
    f"--retry=0 --timeout=60 --backoff=2 --alive --elapsed {ALIVE} {SILENT}",
    f"--retry=0 --timeout=60 --unreach --stats {ALIVE} {SILENT}",
    "--ipv4 --addr localhost",
    f"--ipv6 {ALIVE6}",
]

# Those that take their time, and how close they must come to fping's.
TIMINGS = [
    f"-q -r 3 -t 100 {SILENT}",            # 100 + 150 + 225 + 337 ms
    f"-q -r 2 -t 100 -B 2 {SILENT}",       # 100 + 200 + 400
    f"-q -c 8 -p 100 {ALIVE}",             # 7 periods
    f"-q -c 5 -p 100 -t 500 {SILENT}",     # 4 periods and a time-out
    f"-q -i 20 -g 127.0.0.1 127.0.0.40",   # 39 gaps
    f"-q -i 25 -c 3 -p 50 -g 127.0.0.1 127.0.0.10", # gaps that make the period longer
    f"-q -i 10 -r 1 -t 50 -g 127.9.0.1 127.9.0.40", # retries take their turns too
]

# A name with two addresses of each family, addresses with names, a name for an address with another.
HOSTS = """
127.0.0.1 localhost
127.0.0.11 many.example
127.0.0.12 many.example
::1 many.example
fd00:9::1 many.example
127.0.0.21 primary.example secondary.example
127.0.0.22 other.example
"""

# The same, where names are those of HOSTS.
WITH_NAMES = [
    "-m -r 0 -t 100 many.example",
    "-m -A -r 0 -t 100 many.example",
    "-4 -m -A many.example",
    "-6 -m -A -r 0 -t 100 many.example",
    "-m -c 1 -i 50 -t 40 many.example 127.0.0.21",
    "-m -n -A -r 0 -t 100 many.example 127.0.0.21",
    "-m -d -A -r 0 -t 100 many.example secondary.example",
    "-S 127.0.0.1 -m -4 -q -s many.example",
    "-n 127.0.0.21 127.0.0.22 127.0.0.23 secondary.example",
    "-d 127.0.0.21 127.0.0.23 secondary.example",
    "-n -A 127.0.0.21 127.0.0.23 secondary.example",
    "-d -A 127.0.0.21 127.0.0.23 secondary.example",
    "-n -c 2 -p 300 -i 50 -g 127.0.0.20 127.0.0.23",
    "--name -g 127.0.0.20/29",
    f"-d -r 0 -t 100 127.0.0.21 {SILENT} {NO_NAME}",
    f"-n -c 1 {NO_ROUTE} 127.0.0.22",
    "-n -N -c 3 -p 80 -Q 5 127.0.0.21",
]

# Those that a signal ends. It comes half a second after the start or the signal before, between two rounds.
INTERRUPTED = [(words, [signal.SIGINT]) for words in (
    f"-q -c 1000 -p 100 {ALIVE} {SILENT}",
    f"-q -C 1000 -p 100 {ALIVE} {SILENT}",
    f"-t 5000 {ALIVE} {SILENT}",
    f"-l -p 300 {ALIVE} {ALIVE6}",
    f"-l -q -D -t 100 -p 300 {ALIVE} {SILENT}",
    f"-l -a -o -t 100 -p 300 {ALIVE} {REFUSING}",
    f"-l -q -t 100 -p 300 {REFUSING}",
    f"-l -p 300 {NO_NAME} {ALIVE}",
    f"-l -x 1 -p 300 {ALIVE}",
    f"-l -Q 0.2 -p 80 {ALIVE}",
    f"--loop --squiet=0.2 --outage --period=80 --timeout=40 {ALIVE} {SILENT}",
    f"-c 1000 -Q 0.2 -p 80 {ALIVE}",
    f"-C 1000 -Q 0.2 -p 80 {ALIVE} {ALIVE6}",
    f"-c 1000 -N -Q 0.2 -p 80 {ALIVE}",
    # netdata, SmokePing
    f"-N -l -Q 0.2 -p 40 -R -b 56 -i 1 -r 0 -t 5000 {ALIVE} localhost {ALIVE6} {SILENT}",
    f"-N -l -Q 0.2 -p 40 -R -b 56 -i 1 -r 0 -t 5000 -I lo {ALIVE}",
    f"-l -B1 -r1 -p 300 -b 100 -t 100 -S 127.0.0.3 -O 0x8 {ALIVE} {SILENT}",
)] + [
    (f"-q -c 1000 -p 100 {ALIVE}", [signal.SIGQUIT, signal.SIGQUIT, signal.SIGINT]),
    (f"-t 5000 {ALIVE} {SILENT}", [signal.SIGQUIT, signal.SIGINT]),
    (f"-l -p 300 {ALIVE}", [signal.SIGQUIT, signal.SIGINT]),
    (f"-l -N -Q 5 -p 100 {ALIVE}", [signal.SIGQUIT, signal.SIGINT]),
]

SINGLE_DOT = re.compile(r"(?<![\d.])\d+\.\d+(?:e\+\d\d)?(?![\d.])")  # a time, not an address


def normal(text, program):
    """@text with times as T and without the program's name."""
    text = text.replace(f"{program}:", "PROGRAM:").replace("multiping -h", "fping -h")
    return SINGLE_DOT.sub("T", text)


def with_files(files, argv):
    """The command line that runs @argv where each file of @files, path: content's path, is another."""
    mounts = "".join(f"mount --bind {content} {path} && " for path, content in files.items())
    return ["unshare", "--mount", "sh", "-c", f'{mounts}exec "$@"', "sh", *argv]


def answer_slowly(server):
    """A name server that takes 0.2 seconds to tell that the name of 127.0.0.N is pc-N.example; until an empty message."""
    def answer(query, client):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]])
            at += 1 + query[at]
        name = b"\x06pc-" + labels[0] + b"\x07example\0"
        record = b"\xc0\x0c\0\x0c\0\x01\0\0\0\x05" + len(name).to_bytes(2, "big") + name
        with contextlib.suppress(OSError):  # the test may be over
            server.sendto(query[:2] + b"\x81\x80\0\x01\0\x01\0\0\0\0" + query[12:at + 5] + record, client)
    while (asked := server.recvfrom(512))[0]:
        threading.Timer(0.2, answer, asked).start()


def wait_until_it_minds_signals(pid):
    """Until SIGINT would not end the process any more without its say."""
    deadline = time.monotonic() + rig.START_SECONDS
    while time.monotonic() < deadline:
        status = rig.status(pid)
        if (int(status["SigBlk"], 16) | int(status["SigCgt"], 16)) & 1 << signal.SIGINT - 1:
            return
        time.sleep(0.005)
    raise AssertionError("it never began to ping")


def first_lines(helper, words, n_lines):
    """The first @n_lines that `multiping WORDS` prints on either stream."""
    process = helper.namespace.popen(helper.command(*words.split()), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = [process.stdout.readline() for _ in range(n_lines)]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    return lines


class CommandLine(rig.Case):
    def setUp(self):
        self.assertIsNotNone(shutil.which("fping"), "Debian's fping is not installed")
        self.lo = self.namespace()
        self.lo.nft(RULES)
        for network in ("fd00:8::/64", "fd00:9::/64"):
            self.lo.ip(f"-6 route add local {network} dev lo")
        self.shared = self.helper(self.lo, ALL_OPTIONS)
        self.program = rig.program("multiping")

    def ours(self, *arguments, input=""):
        return self.shared.multiping(*arguments, input=input)

    def theirs(self, *arguments, input=""):
        return self.lo.run(["fping", *arguments], input=input)

    def assert_same(self, ours, theirs):
        self.assertEqual(normal(ours.stdout, self.program), normal(theirs.stdout, "fping"))
        self.assertEqual(normal(ours.stderr, self.program), normal(theirs.stderr, "fping"))
        self.assertEqual(ours.returncode, theirs.returncode)

    def check_each(self, modes, run, check):
        """For each of @modes, words: check() of what run(argv) returned, of ours and of fping. They run at once, and so do two modes,
        since most of their time is waiting."""
        with concurrent.futures.ThreadPoolExecutor(4) as at_once:
            pairs = [[at_once.submit(run, argv) for argv in (self.shared.command(*words.split()), ["fping", *words.split()])]
                     for words in modes]
            for words, pair in zip(modes, pairs, strict=True):
                with self.subTest(words):
                    check(*(future.result() for future in pair))

    def test_prints_what_fping_prints(self):
        self.check_each(MODES, self.lo.run, self.assert_same)

    def test_prints_names_as_fping_does(self):
        hosts = rig.temporary_folder() / "hosts"
        hosts.write_text(HOSTS)
        nobody_to_ask = rig.temporary_folder() / "resolv.conf"
        nobody_to_ask.write_text("nameserver 127.0.0.53\noptions timeout:1 attempts:1\n")
        files = {"/etc/hosts": hosts, "/etc/resolv.conf": nobody_to_ask}
        self.check_each(WITH_NAMES, lambda argv: self.lo.run(with_files(files, argv)), self.assert_same)

    def test_looks_up_many_names_at_a_time(self):
        configuration = rig.temporary_folder() / "resolv.conf"
        configuration.write_text("nameserver 127.0.0.53\n")
        server = self.lo.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.53", 53))
        threading.Thread(target=answer_slowly, args=[server], daemon=True).start()
        self.addCleanup(server.close)
        self.addCleanup(server.sendto, b"", server.getsockname())
        words = ["-d", "-g", "127.0.0.100", "127.0.0.115"]
        seconds, results = [], []
        for argv in (self.shared.command(*words), ["fping", *words]):
            began = time.monotonic()
            results.append(self.lo.run(with_files({"/etc/resolv.conf": configuration}, argv)))
            seconds.append(time.monotonic() - began)
        self.assert_same(*results)
        self.assertIn("pc-100.example is alive", results[0].stdout)
        self.assertLess(seconds[0], seconds[1] / 2)  # 16 at a time, and one by one

    def test_reads_targets_as_fping_does(self):
        listed = f"# comment\n{ALIVE} and more\n\n   \n  {ALIVE6}\t#\n#{SILENT}\n{NO_NAME}\n127.0.0.2"
        path = rig.temporary_folder() / "targets"
        path.write_text(listed)
        for arguments in ([], ["-f", "-"], ["-c", "1"]):
            self.assert_same(self.ours(*arguments, input=listed),
                             self.theirs(*arguments, input=listed))
        self.assert_same(self.ours("-f", path), self.theirs("-f", path))
        self.assert_same(self.ours(input=""), self.theirs(input=""))
        self.assert_same(self.ours(input=f"{NO_NAME}\n"), self.theirs(input=f"{NO_NAME}\n"))

    def test_takes_the_time_that_fping_takes(self):
        def seconds_of(argv):
            began = time.monotonic()
            self.lo.run(argv)
            return time.monotonic() - began

        def check(ours, theirs):
            self.assertLess(ours, theirs * 1.5)
            self.assertGreater(ours, theirs / 1.5)

        self.check_each(TIMINGS, seconds_of, check)

    def interrupted(self, argv, signals):
        """Runs @argv, sends each of @signals after a while, and returns what fping and ours must have in common: how many
        rounds there were until the signal is chance, and so is how many reports."""
        process = self.lo.popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until_it_minds_signals(process.pid)
        for number in signals:
            time.sleep(0.5)
            process.send_signal(number)
        out, err = process.communicate(timeout=60)
        out = re.sub(r"(?m)(?<= : )\[\d+\]|(?<== )\d+$", "N", SINGLE_DOT.sub("T", out))
        err = re.sub(r"\[\d\d:\d\d:\d\d\]", "[CLOCK]", err)
        err = re.sub(r"= \d+/\d+/", "= N/N/", err)
        err = re.sub(r"( [\d.]+| -)+$", " RESULTS", err, flags=re.M)
        once = (re.sub(r"(?s)(.+?\n)\1+", r"\1", text) for text in (out, SINGLE_DOT.sub("T", err)))
        return subprocess.CompletedProcess(argv, process.returncode, *once)

    def test_signals_end_or_show_a_snapshot(self):
        for signals, group in itertools.groupby(INTERRUPTED, lambda mode: mode[1]):
            self.check_each([words for words, _ in group], lambda argv, signals=signals: self.interrupted(argv, signals),
                            self.assert_same)


# What leaves, by the comments that OnThePacket counts.
LEAVING = """
table inet leaving {
    chain output {
        type filter hook output priority 0
        icmp type echo-request jump asked
        icmpv6 type echo-request jump asked
    }
    chain asked {
        ip ttl 3 counter comment "ttl"
        ip6 hoplimit 3 counter comment "ttl"
        ip dscp 4 counter comment "tos"
        ip6 dscp 4 counter comment "tos"
        ip saddr 10.0.0.9 counter comment "source"
        ip6 saddr fd00::9 counter comment "source"
        oifname "veth1" counter comment "interface"
        @th,128,64 != 0 counter comment "random"
    }
}
"""


class OnThePacket(rig.Case):
    """What options ask for is seen by a firewall on each packet that leaves, and on none without them."""

    def setUp(self):
        self.home, self.peer = self.namespace(), self.namespace()
        for link, other, ours, theirs in (("veth0", "veth0", 1, 2), ("veth1", "veth1", 3, 4)):
            self.home.connect(self.peer, link, other)
            self.home.add_addresses(link, f"10.0.0.{ours}/24", f"fd00::{ours}/64")
            self.peer.add_addresses(other, f"10.0.0.{theirs}/24", f"fd00::{theirs}/64")
        self.home.ip("address add 10.0.0.9/24 dev veth0")
        self.home.ip("address add fd00::9/64 dev veth0 nodad preferred_lft 0")  # never chosen unasked
        self.home.nft(LEAVING)

    def seen(self, words, *hosts):
        """How many echo requests showed what, of those that `multiping WORDS HOSTS` sent."""
        self.home.nft("table inet leaving { }\ndelete table inet leaving\n" + LEAVING)
        done = self.shared.multiping(*words.split(), *hosts)
        self.assert_alive(done, hosts)
        rules = json.loads(self.home.run(["nft", "-j", "list", "table", "inet", "leaving"]).stdout)["nftables"]
        seen = collections.Counter()
        for rule in (rule["rule"] for rule in rules if "comment" in rule.get("rule", {})):
            seen[rule["comment"]] += sum(part["counter"]["packets"] for part in rule["expr"] if "counter" in part)
        return dict(+seen)

    def test_each_option_is_carried_by_every_packet(self):
        self.shared = self.helper(self.home, ALL_OPTIONS)
        both = "10.0.0.2", "fd00::2"
        self.assertEqual(self.seen("", *both), {})
        self.assertEqual(self.seen("-H 3", *both), {"ttl": 2})
        self.assertEqual(self.seen("-O 0x10", *both), {"tos": 2})
        self.assertEqual(self.seen("-I veth1", both[0]), {"interface": 1})
        self.assertEqual(self.seen("-R", *both), {"random": 2})
        self.assertEqual(self.seen("-S 10.0.0.9", both[0]), {"source": 1})
        self.assertEqual(self.seen("-H 3 -O 16 -M -R -S 10.0.0.9", both[0]),
                         {"ttl": 1, "tos": 1, "random": 1, "source": 1})

    @rig.raw_only("the kernel ignores the source of IPv6 pings there: integration.ping_sockets")
    def test_an_ipv6_source_is_carried(self):
        self.shared = self.helper(self.home, ALL_OPTIONS)
        self.assertEqual(self.seen("-S fd00::9", "fd00::2"), {"source": 1})

    def test_a_source_is_the_helpers_address_not_the_callers(self):
        self.shared = self.helper(self.home, ALL_OPTIONS)
        words = "-S", "10.0.0.9", "10.0.0.2"
        self.assert_alive(self.namespace().run(self.shared.command(*words)), ["10.0.0.2"])

    def test_dontfrag_lets_no_packet_be_fragmented(self):
        self.shared = self.helper(self.home, ALL_OPTIONS)
        self.assertEqual(self.seen("-b 2000", "10.0.0.2"), {})  # more than the link's 1500 bytes, in two
        self.seen("-M -b 1400", "10.0.0.2")
        words = "-r", "0", "-M", "-b", "2000", "10.0.0.2"
        ours, theirs = self.shared.multiping(*words), self.home.run(["fping", *words])
        self.assertEqual((ours.returncode, ours.stdout, ours.stderr), (1, theirs.stdout, theirs.stderr))
        self.assertIn("Message too long", ours.stderr)

    def test_a_refused_option_ends_the_run_and_sends_nothing(self):
        self.shared = self.helper(self.home, rig.UNLIMITED + "allow_options =\n")
        for words, name in (("-H 3", "ttl"), ("-O 1", "tos"), ("-M", "dont_fragment"),
                            ("-S 10.0.0.9", "source"), ("-I veth1", "interface"),
                            ("-q -C 2 -H 3", "ttl")):
            letter = words.split()[-2 if " " in words else -1]
            with self.subTest(words):
                done = self.shared.multiping(*words.split(), "10.0.0.2", "10.0.0.4")
                self.assertEqual((done.returncode, done.stdout, done.stderr),
                                 (4, "", f"{rig.program('multiping')}: {letter}: the helper's policy refuses the option {name}; "
                                         f"\"{name}\" in allow_options of helper.conf would allow it\n"))
        self.assertEqual(json.loads(self.shared.multiping("--stats-helper", "-J").stdout)["probes_sent"], 0)


class Duplicates(simulator.Case):
    """Where each reply comes twice, the second 20 ms after the first, with 33 hops left."""

    def setUp(self):
        self.simulate("198.18.0.0/24 echo copies 2 gap 20000 hop-limit 33")

    def test_a_loop_does_not_count_them(self):
        lines = first_lines(self.shared, "-l -p 50 -t 5000 198.18.0.1", 10)
        self.assertEqual([re.match(r"198\.18\.0\.1 : (\[\d+\]), 64 bytes, .* 0% loss\)$", line)[1] for line in lines],
                         [f"[{round}]" for round in range(10)])

    def test_a_quiet_loop_tells_of_them(self):
        lines = first_lines(self.shared, "-l -Q 0.4 -p 50 -t 5000 198.18.0.1", 14)
        counts, = (re.search(r"= (\d+)/(\d+)/0%", line) for line in lines if "xmt" in line)
        self.assertEqual(counts[1], counts[2])
        for line in lines[:5]:
            self.assertRegex(line, r"^198\.18\.0\.1 : duplicate for \[\d+\], 64 bytes, ")

    def test_json_tells_of_them(self):
        told = [next(iter(json.loads(line).items())) for line in first_lines(self.shared, "-J -l -p 200 -t 5000 198.18.0.1", 6)]
        self.assertEqual([(kind, fields["seq"]) for kind, fields in told],
                         [(kind, seq) for seq in range(3) for kind in ("resp", "duplicate")])
        self.assertEqual(told[0][1]["ttl"], 33)
        self.assertGreater(told[1][1]["rtt"], told[0][1]["rtt"])


class OwnWays(rig.Case):
    """Where fping has no answer, or a worse one."""

    def setUp(self):
        self.lo = self.namespace()
        self.lo.nft(RULES)
        for network in ("fd00:8::/64", "fd00:9::/64"):
            self.lo.ip(f"-6 route add local {network} dev lo")
        self.shared = self.helper(self.lo)

    def test_generates_ipv6_and_any_number(self):
        self.lo.ip("-6 route add local fd00:1::/64 dev lo")
        done = self.shared.multiping("-g", "fd00:1::/126")
        self.assert_alive(done, [f"fd00:1::{i}" if i else "fd00:1::" for i in range(4)])
        done = self.shared.multiping("-i", "0", "-g", "fd00:1::1", "fd00:1::1:869f")
        self.assertEqual((done.returncode, done.stderr, len(set(done.stdout.splitlines()))),
                         (0, "", 0x1869f))

    def test_an_endless_range_begins_at_once_and_can_be_ended(self):
        process = self.lo.popen(self.shared.command("-i", "20", "-g", "fd00:9::/64"),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        silent = out.splitlines()
        self.assertEqual((process.returncode, err, silent[0]), (1, "", "fd00:9:: is unreachable"))
        self.assertLess(len(silent), 1000)  # those that were asked, not those whose turn had not come

    def test_tells_of_icmpv6_errors(self):
        done = self.shared.multiping("-r", "0", "-t", "100", "fd00:8::1")
        self.assertEqual((done.returncode, done.stdout), (1, "fd00:8::1 is unreachable\n"))
        self.assertRegex(done.stderr, r"^ICMP Unreachable \(Communication Administratively Prohibited\) "
                                      r"from \S+ for ICMP Echo sent to fd00:8::1\n$")

    def test_no_helper_is_explained(self):
        argv = rig.as_user(rig.ALICE, [rig.program("multiping"), "--socket", "/no/such/socket", ALIVE])
        done = self.lo.run(argv)
        self.assertEqual((done.returncode, done.stdout), (4, ""))
        self.assertIn("/no/such/socket", done.stderr)
        self.assertIn("No such file", done.stderr)

    def test_at_default_limits_nobody_is_called_silent(self):
        helper = self.helper(self.lo, "")
        done = helper.multiping("-a", "-i", "0", "-r", "0", "-t", "200", "-g", "127.1.0.0/17")
        self.assertEqual((done.returncode, done.stderr, len(set(done.stdout.splitlines()))),
                         (0, "", 32766))

    def test_more_runs_than_connections_wait_for_one_another(self):
        helper = self.helper(self.lo, "")
        argv = helper.command("-c", "3", "-q", "-p", "600", ALIVE)
        runs = [self.lo.popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(40)]
        for run in runs:
            out, err = run.communicate(timeout=60)
            self.assertEqual((run.returncode, out, err.count("\n")), (0, "", 1), err)
            self.assertIn("= 3/3/0%", err)
        self.assertIn("limit=max_connections", helper.log())  # else nobody had to wait

    def test_no_place_for_long_names_the_limit(self):
        helper = self.helper(self.lo, rig.UNLIMITED.replace("max_connections = unlimited", "max_connections = 1"))
        with Client(helper.connect(rig.ALICE)) as other:
            other.hello()
            began = time.monotonic()
            done = helper.multiping(ALIVE)
            self.assertGreater(time.monotonic() - began, 9)
        self.assertEqual((done.returncode, done.stdout), (4, ""))
        self.assertRegex(done.stderr, r": too many connections: at most 1 for one user.*; max_connections in helper\.conf is the limit\n$")
        self.assert_alive(helper.multiping(ALIVE), [ALIVE])

    def test_the_environment_names_the_helper(self):
        argv = rig.as_user(rig.ALICE, [rig.program("multiping"), ALIVE])
        done = self.lo.run(argv, env=rig.environment(MULTIPING_SOCKET=str(self.shared.socket)))
        self.assert_alive(done, [ALIVE])

    def test_a_lost_helper_is_told_and_no_host_called_silent(self):
        helper = self.helper(self.lo)
        process = self.lo.popen(helper.command("-t", "20000", ALIVE, SILENT),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), f"{ALIVE} is alive\n")
        helper.kill()
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (4, ""))
        self.assertIn(str(helper.socket), err)
        self.assertIn("multiping: the helper went away; looking for it\n", err)

    def test_a_helper_that_comes_back_is_told(self):
        for quiet, n_told in ([], 1), (["-q"], 0):
            helper = self.helper(self.lo)
            process = self.lo.popen(helper.command(*quiet, "-c", "10000", "-p", "20", ALIVE),
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            wait_until_it_minds_signals(process.pid)
            time.sleep(0.3)
            helper.kill()
            helper.start()
            time.sleep(2)
            process.send_signal(signal.SIGINT)
            err = process.communicate(timeout=60)[1]
            self.assertEqual((process.returncode, err.count("the helper went away"), err.count("the helper is back")),
                             (0, n_told, n_told))

    def test_a_full_disk_is_told(self):
        with open("/dev/full", "w") as full:
            process = self.lo.popen(self.shared.command(ALIVE), stdout=full, stderr=subprocess.PIPE)
            err = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 4)
        self.assertIn("standard output: No space left on device", err)

    def test_a_closed_output_is_told(self):
        command = " ".join(map(str, self.shared.command(ALIVE)))
        done = self.lo.run(["sh", "-c", f"{command} >&-"])
        self.assertEqual(done.returncode, 4)
        self.assertIn("standard output: Bad file descriptor", done.stderr)

    def test_each_line_comes_at_once(self):
        process = self.lo.popen(self.shared.command("-c", "3", "-p", "20000", ALIVE),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertIn("[0]", process.stdout.readline())  # into a pipe, 20 seconds before the next
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)

    def growth(self, words):
        """By how many bytes a ping of 254 targets every 10 ms grows in three seconds."""
        process = self.lo.popen(self.shared.command(*words.split(), "-p", "10", "-i", "0", "-g", "127.1.0.0/24"),
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.send_signal, signal.SIGINT)
        wait_until_it_minds_signals(process.pid)
        time.sleep(2)
        before = rig.peak_resident_bytes(process.pid)
        time.sleep(3)
        return rig.peak_resident_bytes(process.pid) - before

    def test_a_loop_does_not_grow(self):
        if rig.is_sanitized():
            return  # the sanitizer keeps what was freed
        loop, counted = self.growth("-l -Q 1000"), self.growth("-q -C 1000000")
        print(f"grew by {loop} bytes with -l, by {counted} with -C")
        self.assertGreater(counted, 500000)  # else the control shows nothing
        self.assertLess(loop, counted / 4)

    def test_reports_count_anew_or_from_the_start(self):
        counts = {}
        for cumulative in ("", ",cumulative"):
            lines = first_lines(self.shared, f"-l -Q 0.5{cumulative} -p 20 {ALIVE}", 6)
            counts[cumulative] = [int(re.search(r"= (\d+)/", line)[1]) for line in lines[1::2]]
        first, _, third = counts[""]
        self.assertLess(third, first * 1.5)
        first, _, third = counts[",cumulative"]
        self.assertGreater(third, first * 2)

    def test_time_stamps_are_of_now_and_in_order(self):
        before = time.time()
        lines = first_lines(self.shared, f"-l -D -p 50 -t 20 {ALIVE} {SILENT}", 8)
        stamps = [float(re.match(r"\[(\d+\.\d{5})\] 127", line)[1]) for line in lines]
        self.assertEqual(stamps, sorted(stamps))
        self.assertTrue(before - 0.001 < stamps[0] and stamps[-1] < time.time() + 0.001, stamps)

    def test_enough_alive_targets_end_it_at_once(self):
        before = time.monotonic()
        done = self.shared.multiping("-X", "2", "-t", "50000", SILENT, ALIVE, ALIVE6, SILENT6)
        self.assertLess(time.monotonic() - before, 25)  # half of one time-out
        self.assertEqual((done.returncode, done.stderr, done.stdout),
                         (0, "", "Enough hosts reachable (required: 2, reachable: 2)\n"))
        done = self.shared.multiping("--fast-reachable=2", "-a", "-r", "0", "-t", "100", SILENT, ALIVE)
        self.assertEqual((done.returncode, done.stderr, done.stdout),
                         (1, "", f"{ALIVE}\nNot enough hosts reachable (required: 2, reachable: 1)\n"))
        done = self.shared.multiping("-X", "1", "-q", "-c", "1000", ALIVE)
        self.assertRegex(done.stderr, rf"^{ALIVE} : xmt/rcv/%loss = 1/1/0%")

    def objects(self, words, returncode):
        """What `multiping -J WORDS` prints, as (type, fields); it prints nothing on the standard error."""
        done = self.shared.multiping("-J", *words.split())
        self.assertEqual((done.returncode, done.stderr), (returncode, ""))
        return [next(iter(json.loads(line).items())) for line in done.stdout.splitlines()]

    def test_json_tells_of_each_probe(self):
        told = self.objects(f"-c 2 -p 300 -t 100 -i 50 -D -s -o {ALIVE} {SILENT} {NO_NAME} {REFUSING}", 2)
        kinds = ["warning", "resp", "icmpError", "timeout", "timeout"]
        self.assertEqual([kind for kind, _ in told],
                         kinds + kinds[1:] + ["summary"] * 3 + ["stats"])
        fields = dict(reversed(told))
        stamp, rtt = fields["resp"].pop("timestamp"), fields["resp"].pop("rtt")
        self.assertRegex(stamp, r"^\d+\.\d{5}$")
        self.assertGreater(rtt, 0)
        self.assertEqual(fields["warning"], {"host": NO_NAME, "message": "Name or service not known"})
        self.assertEqual(fields["resp"], {"host": ALIVE, "seq": 0, "size": 64, "address": ALIVE, "ttl": 64})
        self.assertEqual(fields["icmpError"], {"host": REFUSING, "type": 3, "code": 1, "from": REFUSING,
                                               "message": "ICMP Host Unreachable"})
        summary, silent = (fields for kind, fields in told if kind == "summary" and fields["host"] != REFUSING)
        self.assertLessEqual(summary.pop("rttMin"), summary.pop("rttAvg"))
        self.assertLess(0, summary.pop("rttMax"))
        self.assertEqual(summary, {"host": ALIVE, "xmt": 2, "rcv": 2, "loss": 0, "outage(ms)": 0})
        self.assertEqual(silent, {"host": SILENT, "xmt": 2, "rcv": 0, "loss": 100, "outage(ms)": 600})
        self.assertEqual({name: fields["stats"][name] for name in ("targets", "alive", "unknownAddresses", "timeouts")},
                         {"targets": 3, "alive": 1, "unknownAddresses": 1, "timeouts": 4})

    def test_json_tells_all_times_and_reports(self):
        (kind, fields), = self.objects(f"-q -C 2 -p 50 -t 50 -A {SILENT}", 1)
        self.assertEqual((kind, fields), ("vSum", {"host": SILENT, "values": [None, None]}))
        told = self.objects(f"-C 4 -Q 0.1 -p 70 -x 1 {ALIVE}", 0)
        self.assertEqual([told[0][0], *(kind for kind, _ in told[-2:])], ["intSum", "vSum", "reachable"])
        self.assertTrue(abs(told[0][1]["time"] - time.time()) < 60 and len(told[-2][1]["values"]) == 4, told)
        lines = first_lines(self.shared, f"-l -J -p 20 {ALIVE}", 3)
        self.assertEqual([json.loads(line)["resp"]["seq"] for line in lines], [0, 1, 2])

    def test_a_denied_target_is_told_once_also_when_quiet(self):
        helper = self.helper(self.lo, rig.UNLIMITED + "[destinations]\ndeny = 127.9.0.0/16\n")
        for words, parted in ("-c 2 -p 50", "\n"), ("-q -c 2 -p 50", ""):
            done = helper.multiping(*words.split(), SILENT)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertRegex(done.stderr, rf"^{SILENT}: denied by the helper's policy \(.*127\.9\.0\.0/16.*\)\n{parted}"
                                          rf"{SILENT} : xmt/rcv/%loss = 0/0/0%\n$")
        done = helper.multiping("-J", "-q", "-C", "2", "-p", "50", SILENT)
        warning = json.loads(done.stdout.splitlines()[0])["warning"]
        self.assertEqual((warning["host"], done.stderr), (SILENT, ""))
        self.assertRegex(warning["message"], r"^denied by")

    def test_a_size_above_the_limit_ends_the_run(self):
        helper = self.helper(self.lo, rig.UNLIMITED.replace("max_payload_bytes = unlimited", "max_payload_bytes = 100"))
        for words in ("-b 101", "-q -C 2 -b 101"):
            done = helper.multiping(*words.split(), ALIVE, SILENT)
            self.assertEqual((done.returncode, done.stdout, done.stderr),
                             (4, "", f"{rig.program('multiping')}: -b: 101 bytes asked, the helper allows 100; "
                                     "max_payload_bytes in helper.conf is the limit\n"))
        self.assertEqual(helper.multiping("-c", "1", "-q", "-b", "100", ALIVE).returncode, 0)

    def test_a_source_of_the_other_family_is_told(self):
        for source, target in ((ALIVE6, ALIVE), (ALIVE, ALIVE6)):
            done = self.shared.multiping("-S", source, target)
            self.assertEqual((done.returncode, done.stdout, done.stderr),
                             (2, "", f"{target}: Address family for hostname not supported\n"))
            (kind, fields), *_ = self.objects(f"-c 1 -S {source} {target}", 2)
            self.assertEqual((kind, fields), ("warning", {"host": target, "message": "Address family for hostname not supported"}))

    def test_json_tells_of_what_could_not_be_sent(self):
        told = self.objects(f"-c 1 {NO_ROUTE}", 1)
        self.assertEqual(told[0], ("sendError", {"host": NO_ROUTE, "seq": 0, "error": errno.ENETUNREACH,
                                                 "message": "Network is unreachable"}))
        self.assertEqual([kind for kind, _ in told], ["sendError", "summary"])

    def test_an_interrupted_sweep_tells_only_of_those_that_were_asked(self):
        helper = self.helper(self.lo, "[limits]\npackets_per_second = 20\nburst_packets = 1\n")
        process = self.lo.popen(helper.command("-s", "-i", "10", "-t", "20000", "-g", "127.9.0.1", "127.9.3.255"),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until_it_minds_signals(process.pid)
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        n_told = len(out.splitlines())
        self.assertEqual((process.returncode, int(re.search(r"(\d+) unreachable", err)[1])), (1, n_told))
        n_sent = json.loads(helper.multiping("--stats-helper", "-J").stdout)["probes_sent"]
        self.assertTrue(0 < n_told <= n_sent < 150, (n_told, n_sent))

    def test_a_folder_is_no_list_of_targets(self):
        done = self.shared.multiping("-f", "/etc")
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (4, "", f"{rig.program('multiping')}: /etc: Is a directory\n"))

    def test_a_path_too_long_is_named(self):
        argv = rig.as_user(rig.ALICE, [rig.program("multiping"), ALIVE])
        for more in ([], ["--stats-helper"]):
            done = self.lo.run([*argv[:-1], *more] if more else argv, env=rig.environment(MULTIPING_SOCKET="/" * 108))
            self.assertEqual((done.returncode, done.stderr),
                             (4, f"{rig.program('multiping')}: MULTIPING_SOCKET: File name too long\n"))

    def test_a_terminal_sees_how_far_a_sweep_is(self):
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        process = self.lo.popen(
            self.shared.command("-i", "0", "-r", "0", "-t", "3000", ALIVE, SILENT),
            stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        out = process.communicate(timeout=60)[0]
        self.assertEqual(out, f"{ALIVE} is alive\n{SILENT} is unreachable\n")
        self.assertRegex(os.read(ours, 4096).decode(), r"1 of 2 targets decided, 1 alive")

    def test_helper_tells_what_it_counts(self):
        helper = self.helper(self.lo)
        self.assertEqual(helper.multiping("-c", "2", "-p", "20", "-t", "10", "-q", ALIVE, SILENT).returncode, 1)
        done = helper.multiping("--stats-helper")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, rf"^multiping-helper \d+\.\d+\.\d+, {rig.SOCKET_KIND} sockets, ")
        shown = dict(re.findall(r"(?m)^  (\w+) +(\d+)$", done.stdout))
        done = helper.multiping("--stats-helper", "-J")
        self.assertEqual((done.returncode, done.stderr, done.stdout.count("\n")), (0, "", 1))
        told = json.loads(done.stdout)
        self.assertEqual((told.pop("backend"), told.pop("helper").split()[0]), (rig.SOCKET_KIND, "multiping-helper"))
        self.assertEqual(told.pop("namespace"), os.stat(self.lo.path).st_ino)
        self.assertGreater(told.pop("receive_buffer_bytes"), 0)
        self.assertEqual(told, {name: int(value) for name, value in shown.items()})
        self.assertEqual((told["probes_sent"], told["replies"], told["timeouts"], told["connections"]), (4, 2, 2, 1))

    def test_help_and_version(self):
        done = self.lo.run([rig.program("multiping"), "--help"])
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for option in "46aAbBcCdDefghHiIJklmMnNoOpqQrRsStuvxX":
            self.assertIn(f"  -{option}, --", done.stdout)
        done = self.lo.run([rig.program("multiping"), "-v"])
        self.assertRegex(done.stdout, r"multiping: Version \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    rig.main()
