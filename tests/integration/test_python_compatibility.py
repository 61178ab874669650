# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""The Python package beside the pure-Python one: each row of client/python/COMPARISON.md is a test of python/compatibility.py."""

import re

import python_rig
import rig

COMPARISON = rig.SOURCE / "client/python/COMPARISON.md"
LIMITED = rig.UNLIMITED.replace("packets_per_second = unlimited\nburst_packets = unlimited",
                                "packets_per_second = 50\nburst_packets = 5")


class Compatibility(python_rig.Case):
    def make_network(self):
        network, other = self.linked_namespaces()
        network.add_addresses("veth0", "fe80::1/64")
        other.add_addresses("veth0", "fe80::2/64")
        network.drop(*(f"ip daddr 127.8.0.{host} icmp type echo-request numgen inc mod 2 0" for host in range(1, 4)),
                     "ip daddr 127.8.1.1 icmp type echo-request numgen inc mod 3 < 2",
                     "ip daddr 127.9.0.0/16")
        network.nft("table inet refusal { chain input { type filter hook input priority 0; policy accept;\n"
                    "ip daddr 127.7.0.0/16 icmp type echo-request reject with icmp host-prohibited\n}\n}\n")
        return network

    def rows(self):
        """The test that each row of the comparison names."""
        return re.findall(r"\| `(test_\w+)` \|$", COMPARISON.read_text(), re.MULTILINE)

    def test_every_row(self):
        network = self.make_network()
        self.assertNotEqual(LIMITED, rig.UNLIMITED)
        limited = self.helper(network, LIMITED)
        output = self.assert_program(network, "compatibility.py", helper=self.helper(network),
                                     MULTIPING_TEST_LIMITED=str(limited.socket), MULTIPING_TEST_LINK="veth0")
        passed = re.findall(r"^(test_\w+) .*\.\.\. ok$", output, re.MULTILINE)
        print(output)
        self.assertEqual(sorted(passed), sorted(self.rows()))


if __name__ == "__main__":
    rig.main()
