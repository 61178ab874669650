# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Clients that send what no client should: every valid message cut at every byte, headers that claim what is not there, and mutations
by the ten thousand (a million with MULTIPING_FULL=1). MULTIPING_SEED repeats a run.

msgpack-c has no limits: it allocates 24 bytes for each element that a header claims, and takes 32 levels and what follows the object.
The scan before it has them."""

import os
import random
import socket
import struct

import msgpack

import rig
from client_from_specification import Client, Closed, MAX_MESSAGE_BYTES, REQUEST, address
from hostile_clients import HostileCase, as_uid, attacks, main

IS_FULL = os.environ.get("MULTIPING_FULL") == "1"
SEED = int(os.environ.get("MULTIPING_SEED", "4"))
N_MUTATIONS = 1_000_000 if IS_FULL else 20_000
N_BOMBS = 100_000 if IS_FULL else 4_000
UNREADABLE = ("not_msgpack", "too_large", "too_deep", "trailing_bytes")
HOST, HOST6 = address("127.0.0.1"), address("::1")
MSGID = 7
LAST_MSGID = 2**32 - 2


def plain_connect(path):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(str(path))
    return connection


def request(method, params, msgid=MSGID):
    return msgpack.packb([REQUEST, msgid, method, params])


VALID = [
    request("hello", {"protocol": 1, "client": "valid"}),
    request("ping", {"id": 1, "targets": [HOST], "timeout_us": 1000}),
    request("ping", {"id": 2**32 - 1, "targets": [HOST, HOST6] * 3, "timeout_us": 60_000_000, "interval_us": 1, "size_bytes": 1472,
                     "pattern": "random", "ttl": 255, "tos": 4, "dont_fragment": True}),
    request("ping", {"id": 9, "targets": [HOST], "timeout_us": 1000, "source": HOST, "interface": 1, "scope": 1, "fwmark": 1}),
    request("cancel", {"id": 1}),
    request("cancel", {"id": 1, "index": 2**32 - 1}),
    *(request("stats", {"scope": scope}) for scope in ("session", "owner", "helper")),
]
LARGE = request("ping", {"id": 1, "targets": [HOST] * 2048, "timeout_us": 1000})

# What claims more than there is: containers, and values that a container holds.
CLAIMS = [head + struct.pack(form, n)
          for heads, form, counts in (
              ((b"\xdd", b"\xdf", b"\xdb", b"\xc6", b"\xc9"), ">I", (10**7, 10**6, 65536, 2**31 - 1, 2**31, 2**32 - 1)),
              ((b"\xdc", b"\xde", b"\xda", b"\xc5", b"\xc8"), ">H", (16385, 32768, 65535)),
              ((b"\xd9", b"\xc4", b"\xc7"), ">B", (128, 255)))
          for head in heads for n in counts]


def bombs():
    """Claims alone, and in each place of a request where something may stand, and one in another."""
    yield from CLAIMS
    for claim in CLAIMS:
        yield claim * 4
        yield b"\x94" + claim
        yield b"\x94\x00\x07\xa4ping" + claim
        yield b"\x94\x00\x07\xa4ping\x81\xa7targets" + claim
        yield b"\x94\x00\x07\xa4ping\x81\xa2id" + claim + HOST
        yield b"\x94\x00\x07\xa4ping" + claim + b"\xc0" * 1000
    for container in b"\x91", b"\x81\xc0", b"\xdc\x00\x01", b"\xdf\x00\x00\x00\x01\xc0":
        for depth in 5, 31, 32, 33, 1000, MAX_MESSAGE_BYTES // len(container) - 1:
            yield container * depth + b"\xc0"
    for n_bytes in MAX_MESSAGE_BYTES + 1, 2 * MAX_MESSAGE_BYTES, 100_000:
        yield b"\x94\x00\x07\xa4ping" + b"\xc0" * n_bytes


def is_one_object(message):
    """As Debian's python3-msgpack sees it, whose reader is another than the helper's."""
    unpacker = msgpack.Unpacker(strict_map_key=False, max_buffer_size=2**20)
    unpacker.feed(message)
    try:
        unpacker.skip()
    except (msgpack.OutOfData, msgpack.UnpackException, ValueError):
        return False
    return unpacker.tell() == len(message)


class Mutator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def _position(self, message):
        return self.random.randrange(len(message) + 1)

    def _flip(self, message):
        for _ in range(self.random.choice((1, 1, 2, 8))):
            first = 0 if self.random.random() < 0.1 else min(3, len(message) - 1)  # mostly behind the envelope
            position = self.random.randrange(first, len(message))
            message[position] ^= 1 << self.random.randrange(8)

    def _set(self, message):
        message[self.random.randrange(len(message))] = self.random.choice((0xc1, 0xc0, 0x90, 0x80, 0xdd, 0xdf, 0xff, 0x00, 0x9f, 0xcf))

    def _insert(self, message):
        position = self._position(message)
        message[position:position] = self.random.choice((self.random.randbytes(self.random.randrange(1, 9)), *CLAIMS[:8]))

    def _delete(self, message):
        position = self._position(message)
        del message[position:position + self.random.randrange(1, 9)]

    def _repeat(self, message):
        first, last = sorted((self._position(message), self._position(message)))
        message[last:last] = message[first:last]

    def _splice(self, message):
        other = self.random.choice(VALID)
        message[self._position(message):] = other[self.random.randrange(len(other)):]

    def _append(self, message):
        message += self.random.randbytes(self.random.randrange(1, 5))

    def _garbage(self, message):
        message[:] = self.random.randbytes(self.random.randrange(0, 64))

    def message(self):
        message = bytearray(LARGE if self.random.random() < 0.01 else self.random.choice(VALID))
        for _ in range(self.random.choice((1, 1, 1, 2, 4))):
            if message:
                self.random.choice((*[self._flip] * 8, *[self._set] * 3, self._insert, self._delete, self._repeat, self._splice,
                                    self._append, self._garbage))(message)
        return bytes(message)


class HostileMessages(HostileCase):
    N_AT_ONCE = 16  # connections

    def setUp(self):
        # a small table, since probes use all of its slots one after the other, and memory is measured
        self.started = self.helper(self.namespace(), rig.UNLIMITED + "[helper]\nprobes_in_flight = 4096\n")
        self.assert_serves(self.started.connect)
        self.n_descriptors = 64  # its own: helper/descriptors.h

    def size(self):
        """Bytes of memory that the helper has, and that it ever reserved."""
        status = rig.status(self.started.pid)
        return tuple(int(status[name].split()[0]) * 1024 for name in ("VmRSS", "VmPeak"))

    def ask(self, message):
        """Sends hello, @message and a last request over a connection of its own, which it returns."""
        client = Client(plain_connect(self.started.socket))
        client.connection.settimeout(self.PATIENCE_SECONDS)
        attacks.tried()
        try:
            client.send_bytes(request("hello", {"protocol": 1, "client": "mutant"}, 1))
            client.send_bytes(message)
            client.send_bytes(request("stats", {"scope": "session"}, LAST_MSGID))
        except (BrokenPipeError, ConnectionResetError):
            pass  # closed before the last one came
        return client

    def code_of(self, client, message):
        """The code with which the helper closed, or None where it went on to the last request."""
        with client:
            try:
                while LAST_MSGID not in client.responses:
                    client.receive()
                return None
            except Closed as closed:
                return closed.code
            except TimeoutError:
                self.fail(f"neither answered nor closed: {message.hex()}")

    def ask_all(self, messages):
        """Yields each of @messages with the code that closed it; several connections are open at once."""
        waiting = []
        with as_uid(rig.ALICE):
            try:
                for message in messages:
                    waiting.append((self.ask(message), message))
                    if len(waiting) == self.N_AT_ONCE:
                        yield waiting[0][1], self.code_of(*waiting.pop(0))
                while waiting:
                    yield waiting[0][1], self.code_of(*waiting.pop(0))
            finally:
                for client, _ in waiting:
                    client.close()

    def assert_unchanged(self, before, n_messages):
        """The helper is as it was: memory within a megabyte, the same descriptors, and serving."""
        self.assert_serves(self.started.connect)
        self.wait_for_descriptors(self.started.pid, self.n_descriptors)
        grown = [after - was for after, was in zip(self.size(), before)]
        print(f"{n_messages} messages: the helper's memory grew by {grown[0] / 2**10:.0f} KiB, its address space by "
              f"{grown[1] / 2**10:.0f} KiB")
        if not rig.is_sanitized():
            self.assertLess(max(grown), 2**20)

    @rig.defended_by("SCAN")
    def test_valid_messages_cut_or_longer(self):
        before = self.size()
        messages = [message[:n] for message in VALID for n in range(len(message))]
        messages += [message + bytes([byte]) for message in VALID for byte in range(0, 256, 5)]
        messages += [LARGE[:n] for n in range(0, len(LARGE), 97)]
        for message, code in self.ask_all(messages):
            expected = "trailing_bytes" if any(map(message.startswith, VALID)) else "not_msgpack"
            self.assertEqual(code, expected, message.hex())
        self.assert_unchanged(before, len(messages))

    @rig.defended_by("SCAN")
    def test_bombs(self):
        every = list(bombs())
        for _, code in self.ask_all(every):  # once for what the helper has to learn
            self.assertIn(code, UNREADABLE)
        before = self.size()
        choose = random.Random(SEED).choice
        for message, code in self.ask_all(choose(every) for _ in range(N_BOMBS)):
            self.assertIn(code, UNREADABLE, message[:64].hex())
        self.assert_unchanged(before, N_BOMBS)

    @rig.defended_by("SCAN")
    def test_mutations(self):
        print(f"MULTIPING_SEED={SEED}", flush=True)
        mutator, counts, before = Mutator(SEED), {}, None
        for n, (message, code) in enumerate(self.ask_all(mutator.message() for _ in range(N_MUTATIONS))):
            if n == N_MUTATIONS // 10:  # it has seen the most that a session may have
                before = self.size()
            counts[code] = counts.get(code, 0) + 1
            if len(message) <= MAX_MESSAGE_BYTES:
                is_unreadable = code in UNREADABLE and code != "too_deep"
                self.assertEqual(is_unreadable, not is_one_object(message) and code != "too_deep", f"{code}: {message.hex()}")
        print(f"closed with: {dict(sorted(counts.items(), key=lambda item: -item[1]))}")
        self.assertGreater(len(counts), 5)
        self.assert_unchanged(before, N_MUTATIONS)


if __name__ == "__main__":
    main()
