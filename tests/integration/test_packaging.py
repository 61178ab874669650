# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What systemd is given: its own tools read what is installed, and the helper's start stays within the unit's limits."""

import re
import subprocess

import rig
from service_manager import Manager

UNITS = ("multiping.service", "multiping.socket", "multiping-container.socket")
MAX_EXPOSURE = 20  # tenths: "systemd-analyze security" goes from 0.0, safe, to 10.0


class Packaging(rig.Case):
    def path(self, name):
        return next(rig.installed().glob(f"lib/**/{name}"))

    def settings(self, name):
        """The last value of each setting; all values of SystemCallFilter=, in order."""
        settings, filters = {}, []
        for key, value in re.findall(r"^(\w+)=(.*)$", self.path(name).read_text(), re.MULTILINE):
            settings[key] = value
            if key == "SystemCallFilter":
                filters.append(value)
        return settings | {"SystemCallFilter": filters}

    def run_tool(self, *argv):
        done = subprocess.run(argv, capture_output=True, text=True, env=rig.environment(SYSTEMD_COLORS="0"))
        return done.returncode, done.stdout, done.stderr

    def units(self):
        """The units in a folder of their own, the service first, with the path of the program as it is installed here."""
        folder = rig.temporary_folder()
        for name in UNITS:
            text = re.sub(r"^ExecStart=.*", f"ExecStart={rig.program('multiping-helper')}",
                          self.path(name).read_text(), flags=re.MULTILINE)
            (folder / name).write_text(text)
        return [folder / name for name in UNITS]

    def verify(self, units):
        return self.run_tool("systemd-analyze", "verify", "--man=no", *units)

    def test_manifest_is_left_to_the_administrator(self):
        manifest = rig.BUILD / "install_manifest.txt"  # to uninstall by
        self.assertNotIn(str(rig.installed()), manifest.read_text() if manifest.exists() else "")

    def test_units_are_understood(self):
        self.assertEqual(self.verify(self.units()), (0, "", ""))

    def test_a_mistake_in_a_unit_would_be_seen(self):
        units = self.units()
        units[0].write_text(units[0].read_text() + "\n[Service]\nWatchDogSec=10\n")
        self.assertIn("WatchDogSec", self.verify(units)[2])

    def test_program_of_the_unit_is_what_is_installed(self):
        program = self.settings("multiping.service")["ExecStart"]
        self.assertTrue(program.endswith("/libexec/multiping/multiping-helper"), program)

    def test_exposure_is_low(self):
        def security(unit):
            return self.run_tool("systemd-analyze", "security", "--offline=yes", f"--threshold={MAX_EXPOSURE}", "--no-pager", unit)

        unit = self.units()[0]
        returncode, out, err = security(unit)
        print(out.splitlines()[-1])
        self.assertEqual((returncode, err), (0, ""), out)
        unit.write_text(unit.read_text().replace("RestrictNamespaces=yes\n", "").replace("ProtectSystem=strict\n", ""))
        self.assertNotEqual(security(unit)[0], 0)  # so that it can be seen

    def allowed_calls(self):
        """The names that the unit's SystemCallFilter= lets through."""
        _, text, _ = self.run_tool("systemd-analyze", "syscall-filter", "--no-pager")
        groups, name = {}, None
        for line in text.splitlines():
            if line.startswith("@"):
                groups[name := line.strip()] = set()
            elif line.startswith("    ") and not line.lstrip().startswith("#"):
                groups[name].add(line.strip())

        def expand(word):
            return set().union(*map(expand, groups[word])) if word.startswith("@") else {word}

        allowed = expand("@default")
        for value in self.settings("multiping.service")["SystemCallFilter"]:
            calls = set().union(*map(expand, value.lstrip("~").split()))
            allowed = allowed - calls if value.startswith("~") else allowed | calls
        return allowed

    def test_helper_calls_what_the_unit_allows(self):
        # What the unit refuses, with EPERM, must be what the helper tries to find out that it cannot.
        manager = Manager(self.namespace(), watchdog_us=1_000_000)
        self.addCleanup(manager.close)
        trace = manager.folder / "trace"
        manager.start(wrap=["/usr/bin/strace", "-D", "-f", "-o", trace, "-e", "signal=none"])
        manager.wait_for("WATCHDOG=1")
        done = manager.namespace.run(manager.multiping_command("127.0.0.1", "::1"))
        self.assert_alive(done, ["127.0.0.1", "::1"])
        manager.stop()
        text = trace.read_text()
        text = text[text.index(f"execve(\"{rig.program('multiping-helper')}\""):]
        called = set(re.findall(r"^\d+ +(\w+)\(", text, re.MULTILINE))
        self.assertLess({"capset", "seccomp", "landlock_restrict_self", "epoll_pwait2", "sendto"}, called)
        self.assertEqual(called - self.allowed_calls(), {"fsopen", "setuid"})
        for line in re.findall(r"(?:fsopen|setuid)\(.*", text):
            self.assertIn("= -1 EPERM", line)

    def test_limits_leave_room_for_the_helper(self):
        settings = self.settings("multiping.service")
        manager = Manager(self.namespace())
        self.addCleanup(manager.close)
        manager.start(wrap=["/usr/bin/prlimit", f"--nofile={settings['LimitNOFILE']}", f"--core={settings['LimitCORE']}",
                            f"--fsize={settings['LimitFSIZE']}"])
        manager.wait_for("READY=1")
        self.assertLessEqual(int(rig.status(manager.pid)["Threads"]), int(settings["TasksMax"]))
        done = manager.namespace.run(manager.multiping_command("127.0.0.1"))
        self.assert_alive(done, ["127.0.0.1"])
        self.assertLess(rig.peak_resident_bytes(manager.pid), int(settings["MemoryMax"].rstrip("M")) << 20)

    def test_account_can_do_nothing_else(self):
        root = rig.temporary_folder()
        (root / "etc").mkdir()
        returncode, _, err = self.run_tool("systemd-sysusers", f"--root={root}", self.path("sysusers.d/multiping.conf"))
        self.assertEqual(returncode, 0, err)
        name, _, uid, _, _, home, shell = (root / "etc/passwd").read_text().strip().split(":")
        self.assertEqual((name, home, shell), ("multiping", "/", "/usr/sbin/nologin"))
        self.assertTrue(0 < int(uid) < 1000, uid)

    def test_folder_of_the_socket_is_roots(self):
        root = rig.temporary_folder()
        returncode, _, err = self.run_tool("systemd-tmpfiles", "--create", f"--root={root}", self.path("tmpfiles.d/multiping.conf"))
        self.assertEqual(returncode, 0, err)
        folder = (root / self.settings("multiping.socket")["ListenSequentialPacket"].lstrip("/")).parent
        status = folder.stat()
        self.assertEqual((status.st_mode & 0o7777, status.st_uid, status.st_gid), (0o755, 0, 0))


if __name__ == "__main__":
    rig.main()
