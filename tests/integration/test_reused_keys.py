# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""A host that kept what it was sent: it answers a probe with the reply to an earlier one that had the same identifier and sequence, which
come round after 4,194,304 probes. Those in between are denied ones, which cost no packet."""

import ctypes
import os
import socket
import time

import rig
from client_from_specification import Client, DENIED, REPLY

N_KEYS = 1 << 22  # 64 identifiers, 65,536 sequences
LEFT_OUT = 1 << 16
N_PROBES = 200
PER_MESSAGE = 2048
CONFIGURATION = rig.UNLIMITED + "[destinations]\ndeny = 127.9.0.0/16\n"
HOST = "10.77.0.2"
CLONE_NEWNET = 0x40000000
ECHO_REPLY, ECHO_REQUEST = 0, 8
LIBC = ctypes.CDLL(None, use_errno=True)


def raw_socket(namespace):
    """A raw ICMP socket in there."""
    home, there = (os.open(path, os.O_RDONLY) for path in ("/proc/self/ns/net", namespace.path))
    try:
        if LIBC.setns(there, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        if LIBC.setns(home, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(home)
        os.close(there)
    raw.settimeout(rig.START_SECONDS)
    return raw


def key_of(request):
    """6 bits of the identifier, and the sequence."""
    return int.from_bytes(request[4:8], "big") % N_KEYS


def reply_to(request):
    """The echo reply: another type, and the checksum that goes with it (RFC 1624)."""
    total = int.from_bytes(request[2:4], "big") + (ECHO_REQUEST << 8)
    return bytes([ECHO_REPLY, 0]) + ((total & 0xFFFF) + (total >> 16)).to_bytes(2, "big") + request[4:]


class ReusedKeys(rig.Case):
    def setUp(self):
        ours, theirs = self.linked_namespaces()
        theirs.sysctl("net.ipv4.icmp_echo_ignore_all", 1)
        self.raw = raw_socket(theirs)
        self.addCleanup(self.raw.close)
        self.client = Client(self.helper(ours, CONFIGURATION).connect(rig.ALICE))
        self.addCleanup(self.client.close)
        self.client.hello()

    def receive_requests(self, n_requests):
        """The echo requests that arrived at the host: {key: request}."""
        requests = {}
        while len(requests) < n_requests:
            packet = self.raw.recv(2048)
            message = packet[4 * (packet[0] & 15):]
            if message[0] == ECHO_REQUEST:
                requests[key_of(message)] = message
        return requests

    def answer(self, requests):
        for request in requests:
            self.raw.sendto(reply_to(request), ("10.77.0.1", 0))

    def probe_hosts(self):
        """Begins N_PROBES probes: (id, {key: request})."""
        id, _ = self.client.begin_ping([HOST] * N_PROBES, 60_000_000)
        return id, self.receive_requests(N_PROBES)

    def use_up(self, n_keys):
        ids = []
        for first in range(0, n_keys, PER_MESSAGE):
            ids.append(self.client.begin_ping(["127.9.0.1"] * min(PER_MESSAGE, n_keys - first))[0])
            if len(ids) == 2:
                self.forget(ids.pop(0))
        for id in ids:
            self.forget(id)

    def forget(self, id):
        self.assertEqual({outcome[1] for outcome in self.client.finish(id)}, {DENIED})
        del self.client.outcomes[id]

    def n_keys_before(self, key):
        """How many keys come before @key; one is used up to see."""
        id, _ = self.client.begin_ping([HOST], 60_000_000)
        requests = self.receive_requests(1)
        self.answer(requests.values())
        self.client.finish(id)
        return (key - 1 - next(iter(requests))) % N_KEYS

    def come_round_to(self, key):
        """Uses up keys until @key is the next one; some at a time, since every 30 s the helper leaves out LEFT_OUT of them."""
        n_left = self.n_keys_before(key)
        while n_left > LEFT_OUT:
            self.use_up(min(n_left - LEFT_OUT, 1 << 18) if n_left > 2 * LEFT_OUT else LEFT_OUT // 4)
            n_left = self.n_keys_before(key)
        self.use_up(n_left)

    def probe_with_the_same_keys(self, former):
        """Probes with keys of which most are among the @former: (id, {key: request})."""
        while True:
            self.come_round_to(min(former))
            id, requests = self.probe_hosts()
            if len(requests.keys() & former.keys()) > N_PROBES // 2:
                return id, requests
            self.answer(requests.values())
            self.client.finish(id)

    @rig.defended_by("GENERATION")
    def test_reply_to_an_earlier_probe_is_not_taken_for_one_with_its_key(self):
        id, former = self.probe_hosts()
        self.client.call("cancel", id=id)
        self.client.finish(id)
        begin = time.monotonic()
        id, requests = self.probe_with_the_same_keys(former)
        seconds = time.monotonic() - begin
        same = requests.keys() & former.keys()
        begin = time.monotonic_ns()
        self.answer(former[key] for key in same)
        while self.client.call("stats", scope="helper")["forged_packets"] < len(same) and \
                time.monotonic_ns() - begin < 1_000_000_000:
            time.sleep(0.01)
        apart_ns = time.monotonic_ns() - begin
        self.answer(requests.values())
        outcomes = self.client.finish(id)
        print(f"{len(same)} replies to probes of {seconds:.0f} s before")
        self.assertEqual({outcome[1] for outcome in outcomes}, {REPLY})
        self.assertGreaterEqual(min(outcome[4] for outcome in outcomes), apart_ns)
        self.assertEqual(self.client.call("stats", scope="helper")["forged_packets"], len(same))


if __name__ == "__main__":
    rig.main()
