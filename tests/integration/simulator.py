# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""A simulated network behind a TUN device: tests/netsim in a namespace of the rig. `netsim --help` says what rules are.

    class Slow(simulator.Case):
        def test_a_slow_host(self):
            self.simulate("198.18.0.0/16 echo delay 30000")
            outcome, = self.client.ping(["198.18.0.1"])

Everything is routed to the simulator. The addresses are those that RFC 2544, RFC 5737 and RFC 3849 keep for such purposes."""

import ipaddress
import json
import signal
import statistics
import subprocess
from typing import NamedTuple

import rig
from client_from_specification import Client, RECEIVE_STAMP, REPLY, TRANSMIT_STAMP

HOME = ["203.0.113.77", "2001:db8:ffff::77"]  # our own addresses
DEVICE = "sim0"


def hosts(prefix, n_hosts, first=1):
    """@n_hosts addresses of a prefix, as text."""
    network = ipaddress.ip_network(prefix)
    return [str(network[first + number]) for number in range(n_hosts)]


class Sent(NamedTuple):
    """A packet that the simulator sent. The moments are in ns: when it had read the request, and just before it wrote the answer."""
    rule: int
    answer: int
    copy: int
    destination: str
    identifier: int
    sequence: int
    received_monotonic: int
    sent_monotonic: int
    received_realtime: int
    sent_realtime: int

    @property
    def kept_ns(self):
        """How long the request was kept. A round trip takes longer than that, never less."""
        return self.sent_monotonic - self.received_monotonic


class Simulator:
    """A running netsim with these rules; the namespace's way to everywhere."""

    def __init__(self, namespace, *rules, seed=1, trace=True, mtu=1500):
        self.trace_path = rig.temporary_folder() / "trace"
        options = ["--trace", self.trace_path] * trace
        self.process = namespace.popen([rig.BUILD / "tests/netsim/netsim", "--seed", str(seed), *options, DEVICE, *rules],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        if self._line() != {"ready": DEVICE}:
            raise RuntimeError("the simulator does not start")
        namespace.add_addresses(DEVICE, f"{HOME[0]}/32", f"{HOME[1]}/128")
        namespace.ip(f"link set {DEVICE} mtu {mtu} up")
        namespace.ip(f"route add default dev {DEVICE}")
        namespace.ip(f"-6 route add default dev {DEVICE}")

    def _line(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def report(self):
        """What it has done so far; see report.c."""
        self.process.send_signal(signal.SIGUSR1)
        return self._line()

    def answers(self, rule=0):
        """The counts of a rule's answers."""
        return self.report()["rules"][rule]["answers"]

    def trace(self):
        """Everything that it has sent: [Sent], in order."""
        self.report()
        lines = self.trace_path.read_text().split("\n")[:-1]  # of the last one there may be a part only
        return [Sent(*(word if place == 3 else int(word) for place, word in enumerate(line.split()))) for line in lines]

    def first(self, answer=0):
        """The first packet of one answer to each destination: {destination: Sent}."""
        return {sent.destination: sent for sent in reversed(self.trace()) if sent.answer == answer}

    def stop(self):
        """Ends it. It must have lived until now and end well."""
        self.process.terminate()
        self.process.communicate(timeout=rig.START_SECONDS)
        if self.process.returncode != 0:
            raise RuntimeError(f"the simulator ended with {self.process.returncode}")


class Case(rig.Case):
    """A test case with a helper on a simulated network, and a client of ALICE's."""

    def simulate(self, *rules, configuration=rig.UNLIMITED, prefix=(), **options):
        self.network = self.namespace()
        self.network.sysctl("net.ipv4.conf.all.rp_filter", 0)
        self.simulator = Simulator(self.network, *rules, **options)
        self.addCleanup(self.simulator.stop)
        self.shared = self.helper(self.network, configuration, prefix=prefix)
        self.client = self.client_of(rig.ALICE)

    def client_of(self, uid):
        client = Client(self.shared.connect(uid))
        self.addCleanup(client.close)
        client.hello("test")
        return client

    def counters(self):
        """The helper's own."""
        return self.client.call("stats", scope="helper")

    def assert_round_trips(self, targets, outcomes, answer=0):
        """All replied, each took as long as the simulator kept its request and in the middle not much longer."""
        sent = self.simulator.first(answer)
        beyond, kept = [], []
        for target, outcome in zip(targets, outcomes, strict=True):
            self.assertEqual(outcome[1:3], [REPLY, TRANSMIT_STAMP | RECEIVE_STAMP], target)
            self.assertIn(target, sent, "it replied before that")
            self.assertGreaterEqual(outcome[4], sent[target].kept_ns, target)
            kept.append(sent[target].kept_ns)
            beyond.append(outcome[4] - sent[target].kept_ns)
        self.assertLess(statistics.median(beyond), statistics.median(kept) / 2)
