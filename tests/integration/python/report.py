# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What the manual of the pure-Python package does with its answers, in other words: print them, and ask again those missing."""

import sys

from multiping import MultiPing

mp = MultiPing(sys.argv[1:])
for _ in range(3):
    mp.send()
    responses, no_responses = mp.receive(0.3)
    for address, rtt in responses.items():
        print("%s answered within %f seconds" % (address, rtt))
    if not no_responses:
        break
    print("no answer from %s" % ", ".join(no_responses))
