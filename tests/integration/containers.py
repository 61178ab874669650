# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Containers for tests: bubblewrap by users, and a container engine (podman with runc) with everything of its own in one folder.

The images are those of helper/container and one that holds the command line with its libraries and nothing else.
"""

import atexit
import functools
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import rig

HELPER_IMAGE, CLIENT_IMAGE = "localhost/multiping-helper", "localhost/multiping-client"
FOLDER = "/run/multiping"  # where the library looks
# what a pod of the level "restricted" has, and no network
NO_RIGHTS = ("--network=none", "--cap-drop=all", "--read-only", "--security-opt=no-new-privileges")
HELPER_RIGHTS = (*NO_RIGHTS, "--cap-add=net_raw", "--cap-add=setuid", "--cap-add=setgid")


def bubblewrap(folder, argv, uid=rig.ALICE):
    """The command line that runs @argv in user, mount, pid, network, ipc and uts namespaces of its own, as @uid there, started by
    ALICE without privilege; @folder is mounted where the library looks."""
    prefix = rig.installed()
    return rig.as_user(rig.ALICE, [
        "/usr/bin/bwrap", "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
        "--uid", str(uid), "--gid", str(uid), "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib",
        "--symlink", "usr/lib64", "/lib64", "--symlink", "usr/bin", "/bin", "--proc", "/proc", "--dev", "/dev",
        "--ro-bind", str(prefix), str(prefix), "--ro-bind", str(folder), FOLDER, "--", *argv])


def _libraries(program):
    """What the dynamic linker loads for it, itself included."""
    done = subprocess.run(["ldd", program], env=rig.environment(), capture_output=True, text=True, check=True)
    return re.findall(r"(/\S+) \(0x", done.stdout)


def _cgroups():
    """Those in which podman puts its pods, containers and monitors; it leaves them there."""
    return {Path(path) for parent in Path("/sys/fs/cgroup").glob("**/libpod_parent") for path, _, _ in os.walk(parent)}


class Podman:
    """The engine; close() removes all that it made. Docker's defaults for open files and processes can be more than a container
    may have in which the tests themselves run."""

    def __init__(self):
        self.folder = rig.temporary_folder()
        self.cgroups = _cgroups()
        configuration = self.folder / "containers.conf"
        configuration.write_text(f"""
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=1000:1000"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
runtime = "runc"
tmp_dir = "{self.folder}/tmp"
""")
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.folder),
                            "CONTAINERS_CONF": str(configuration)}

    def command(self, *arguments):
        return ["podman", "--root", str(self.folder / "storage"), "--runroot", str(self.folder / "run"),
                "--storage-driver", "vfs", *arguments]

    def try_to(self, *arguments, host=None):
        """Runs `podman ARGUMENTS`; @host is the namespace that it takes for the host's network."""
        argv = self.command(*arguments)
        return subprocess.run(host.command(argv) if host else argv, env=self.environment, capture_output=True, text=True,
                              timeout=120)

    def do(self, *arguments, **options):
        """The same, which must succeed; its standard output."""
        done = self.try_to(*arguments, **options)
        if done.returncode != 0:
            raise RuntimeError(f"podman {' '.join(map(str, arguments))}: {done.stderr}")
        return done.stdout.strip()

    def popen(self, *arguments, **options):
        return subprocess.Popen(self.command(*arguments), env=self.environment, text=True, **options)

    def build_helper(self):
        context = rig.BUILD / "helper/container/image"
        if rig.HELPERS:  # linked statically, too
            context = shutil.copytree(context, self.folder / "helper")
            subprocess.run(["strip", "-o", context / "multiping-helper", Path(rig.HELPERS) / "multiping-helper"], check=True)
        self.do("build", "--quiet", "--tag", HELPER_IMAGE, context)

    def build_client(self):
        context = self.folder / "client"
        for path in ("bin", "lib", "lib64"):
            (context / path).mkdir(parents=True)
        shutil.copy(rig.program("multiping"), context / "bin")
        for path in _libraries(rig.program("multiping")):
            shutil.copy(path, context / ("lib64" if path.startswith("/lib64/") else "lib"))
        (context / "Containerfile").write_text('FROM scratch\nCOPY . /\nENTRYPOINT ["/bin/multiping"]\n')
        self.do("build", "--quiet", "--tag", CLIENT_IMAGE, context)

    def client(self, folder, *arguments, options=NO_RIGHTS):
        """The arguments by which podman runs `multiping ARGUMENTS` with no right at all, @folder mounted where the library looks."""
        return ["run", "--rm", *options, f"--volume={folder}:{FOLDER}:ro", CLIENT_IMAGE, *arguments]

    def process_id(self, name):
        return json.loads(self.do("inspect", name))[0]["State"]["Pid"]

    def wait_for_log(self, name, words, seconds=rig.START_SECONDS):
        """What a container has said once it said those words."""
        deadline = time.monotonic() + seconds
        while True:
            done = self.try_to("logs", name)
            if words in (text := done.stdout + done.stderr):
                return text
            if time.monotonic() > deadline:
                raise AssertionError(f"{name} did not say {words!r} but:\n{text}")
            time.sleep(0.1)

    def remove(self, *names):
        self.do("rm", "--force", "--time=1", *names)

    def close(self):
        self.try_to("pod", "rm", "--all", "--force", "--time=1")
        self.try_to("rm", "--all", "--force", "--time=1")
        shutil.rmtree(self.folder, ignore_errors=True)
        for path in sorted(_cgroups() - self.cgroups, reverse=True):  # what is below comes first
            path.rmdir()


@functools.cache
def engine():
    """The engine with both images, once for each test program."""
    podman = Podman()
    atexit.register(podman.close)
    podman.build_helper()
    podman.build_client()
    return podman
