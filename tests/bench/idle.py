#!/usr/bin/python3 -B
# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""How often does a helper wake up that nobody asks anything, with 1,000 clients connected?"""

import time

import bench
from client_from_specification import Client

N_CLIENTS, N_EACH, SECONDS = 960, 16, 5  # an owner may have 1,024 / (owners + 1) connections


def wake_ups(pid):
    return int(bench.rig.status(pid)["voluntary_ctxt_switches"])


def rows(rounds):
    with bench.Shared() as shared:
        clients = [Client(shared.helper.connect(23000 + number // N_EACH)) for number in range(N_CLIENTS)]
        for client in clients:
            client.hello("idle")
        time.sleep(0.5)  # for what follows the last hello
        before = wake_ups(shared.helper.pid)
        time.sleep(SECONDS)
        found = wake_ups(shared.helper.pid) - before
        peak = bench.rig.peak_resident_bytes(shared.helper.pid)
        for client in clients:
            client.close()
    yield bench.Row(f"wake-ups, idle, {N_CLIENTS} clients", found / SECONDS, "a second", goal=0)
    yield bench.Row(f"helper's memory, {N_CLIENTS} idle clients", peak / 2**20, "MiB")


if __name__ == "__main__":
    bench.main(rows, __doc__)
