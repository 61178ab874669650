# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""many.py TIMEOUT_SECONDS [async] < hosts: pings as many hosts as there are lines in one call, and prints how many answered, how
many did not, and what the call took of memory at its peak."""

import asyncio
import sys

from multiping import async_multi_ping, multi_ping


def kibibytes(name):
    """VmHWM, the peak of resident memory, or VmRSS, what is resident now."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name))


def ping(hosts):
    if "async" in sys.argv:
        return asyncio.run(async_multi_ping(hosts, float(sys.argv[1])))
    return multi_ping(hosts, float(sys.argv[1]))


hosts = sys.stdin.read().split()
ping(hosts[:1])
before = kibibytes("VmRSS")
responses, no_responses = ping(hosts)
print(f"replies {len(responses)} missing {len(no_responses)} bytes {(kibibytes('VmHWM') - before) * 1024}")
sys.exit(set(responses) != set(hosts))
