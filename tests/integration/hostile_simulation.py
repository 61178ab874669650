# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""A simulated network that attacks: what the tests of hostile networks share. How many false packets were sent at the helper is
counted, and said at the end of each program; that the helper survived them is seen when each test stops it."""

import re
import threading
import time

import rig
import simulator

LONG_US = 60_000_000  # where nothing may time out
VICTIM = {4: "198.18.0.1", 6: "2001:db8::1"}
TRIGGER = {4: "198.18.0.66", 6: "2001:db8::66"}
BYSTANDERS = ["198.18.9.1", "2001:db8::9:1"]
BYSTANDING = ["198.18.9.0/24 echo", "2001:db8::9:0/112 echo"]
GENUINE = re.compile(r"echo( delay \S+)?")

attacks = {}  # {test: packets}


def only(address_text):
    """The prefix that is this address alone."""
    return f"{address_text}/{128 if ':' in address_text else 32}"


def false_packets(report):
    """How many of the packets in a simulator's report were other than what a host would send."""
    n_packets = 0
    for rule in report["rules"]:
        texts = rule["rule"].partition(" ")[2].split(" + ")
        for text, answer in zip(texts, rule["answers"]):
            if not GENUINE.fullmatch(text):
                n_packets += answer["sent"] + answer["refused"]
    return n_packets


def report_attacks():
    """For tearDownModule()."""
    if attacks:
        print(f"survived: {sum(attacks.values()):,} false packets of {len(attacks)} kinds")


class Case(simulator.Case):
    def simulate(self, *rules, **options):
        super().simulate(*rules, **options)
        self.addCleanup(self._count, self.simulator)

    def _count(self, network):
        if not self.without:
            attacks[self.id()] = attacks.get(self.id(), 0) + false_packets(network.report())

    def resident_bytes(self):
        return int(rig.status(self.shared.pid)["VmRSS"].split()[0]) * 1024

    def wait_until_sent(self, n_packets, rule, answer=0):
        """Waits until the simulator has sent, or tried to send, so many packets for one answer."""
        counts = self.simulator.answers(rule)[answer]
        while sum(counts.values()) < n_packets:
            time.sleep(0.02)
            counts = self.simulator.answers(rule)[answer]


class Bystander(threading.Thread):
    """A user who pings two hosts over and over until stop()."""

    def __init__(self, client):
        super().__init__()
        self.client = client
        self.outcomes = []
        self.is_over = threading.Event()
        self.start()

    def run(self):
        while not self.is_over.wait(0.005):
            self.outcomes += self.client.ping(BYSTANDERS, 10_000_000)

    def stop(self):
        self.is_over.set()
        self.join()
