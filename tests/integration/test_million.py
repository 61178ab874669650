# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""A million hosts in one call, by a user without any privilege; and what that costs in memory.

127.0.0.0/8 answers on `lo`, which makes 16 million hosts; a whole IPv6 prefix does as well, once routed there."""

import re
import time

import rig

MILLION = 1_000_000
HELPER_RESIDENT_BYTES = 64 * 2**20
CLIENT_BYTES_PER_TARGET = 256
WAIT_MS = 10_000  # nothing is lost on `lo`: a time-out here would be ours
POLL_SECONDS = 0.02
PATIENCE_SECONDS = 250


def ipv4_hosts(n_hosts, first=(127 << 24) + (1 << 16)):
    """@n_hosts addresses from 127.1.0.0 on."""
    return [f"{host >> 24}.{host >> 16 & 255}.{host >> 8 & 255}.{host & 255}" for host in range(first, first + n_hosts)]


class Million(rig.Case):
    def setUp(self):
        self.network = self.namespace()
        self.shared = self.helper(self.network)
        self.folder = rig.temporary_folder()

    def run_measured(self, argv, hosts):
        """Runs @argv as a user without privilege, with @hosts on its standard input: (exit code, output, peak of resident memory).
        The peak is read while it lives; a client's memory grows with its targets and stays until it ends."""
        peak = 0
        paths = [self.folder / name for name in ("hosts", "output", "error")]
        paths[0].write_text("".join(f"{host}\n" for host in hosts))
        begin = time.monotonic()
        with open(paths[0]) as stdin, open(paths[1], "w") as stdout, open(paths[2], "w") as stderr:
            process = self.network.popen(argv, stdin=stdin, stdout=stdout, stderr=stderr)
            while process.poll() is None:
                try:
                    peak = max(peak, rig.peak_resident_bytes(process.pid))
                except (KeyError, FileNotFoundError, ProcessLookupError):
                    pass  # it is just ending
                if time.monotonic() - begin > PATIENCE_SECONDS:
                    process.kill()
                time.sleep(POLL_SECONDS)
        print(f"{len(hosts)} hosts: {time.monotonic() - begin:.2f} s, client's peak {peak / 2**20:.1f} MiB, "
              f"helper's {rig.peak_resident_bytes(self.shared.pid) / 2**20:.1f} MiB")
        self.assertEqual(paths[2].read_text(), "")
        return process.returncode, paths[1].read_text(), peak

    def ping_all(self, hosts):
        """`multiping` finds each of @hosts alive; returns its peak of resident memory, all included."""
        argv = self.shared.command("-a", "-i", "0", "-r", "0", "-t", str(WAIT_MS), "-f", "-")
        code, output, peak = self.run_measured(argv, hosts)
        alive = output.splitlines()
        self.assertEqual((code, len(alive)), (0, len(hosts)))
        self.assertEqual(set(alive), set(hosts))
        return peak

    def library_pings_all(self, hosts):
        """multiping_run() finds each of @hosts alive; returns what the library took of memory."""
        program = rig.copy_to(self.folder, rig.BUILD / "tests/integration/ping_many")
        argv = rig.as_user(rig.ALICE, [program, self.shared.socket, str(WAIT_MS)])
        code, output, _ = self.run_measured(argv, hosts)
        self.assertEqual(code, 0, output)
        return int(re.fullmatch(rf"replies {len(hosts)} wrong 0 own_bytes (\d+)\n", output)[1])

    def assert_small(self, client_bytes):
        """The memory of a client with a million targets, and the helper's, are within their bounds."""
        print(f"{client_bytes / MILLION:.0f} bytes a target")
        self.assertLessEqual(client_bytes, CLIENT_BYTES_PER_TARGET * MILLION)
        self.assertLessEqual(rig.peak_resident_bytes(self.shared.pid), HELPER_RESIDENT_BYTES)

    def test_prefix_of_65536(self):
        done = self.shared.multiping("-a", "-i", "0", "-r", "0", "-t", str(WAIT_MS), "-g", "127.1.0.0/16")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(set(done.stdout.splitlines()), set(ipv4_hosts(65536)[1:-1]))  # fping's -g leaves out two
        self.ping_all(ipv4_hosts(65536))

    def test_command_line_pings_a_million(self):
        self.assert_small(self.ping_all(ipv4_hosts(MILLION)))

    def test_library_pings_a_million_in_one_call(self):
        self.assert_small(self.library_pings_all(ipv4_hosts(MILLION)))

    def test_prefix_of_ipv6(self):
        self.network.ip("-6 route add local fd00:1::/64 dev lo")
        hosts = [f"fd00:1::{number >> 16:x}:{number & 0xffff:x}" for number in range(0x10000, 0x10000 + 100_000)]
        self.ping_all(hosts)

    def test_65536_at_the_default_limits_are_slower_and_all_alive(self):
        self.shared = self.helper(self.network, configuration="")
        begin = time.monotonic()
        self.ping_all(ipv4_hosts(65536))
        self.assertGreater(time.monotonic() - begin, (65536 - 4096) / 20_000)  # its rate, after its burst


if __name__ == "__main__":
    rig.main()
