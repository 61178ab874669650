# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""failing.py HOST...: pings them both ways, and prints of each what came back, or what it failed with: class, errno, words."""

import asyncio
import sys

from multiping import MultiPingError, async_multi_ping, multi_ping

for ping in (lambda: multi_ping(sys.argv[1:], 1), lambda: asyncio.run(async_multi_ping(sys.argv[1:], 1))):
    try:
        print(ping())
    except MultiPingError as error:
        print(type(error).__name__, error.errno, error, sep="|")
