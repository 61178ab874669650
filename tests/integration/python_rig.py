# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""The rig for the Python package: programs that use what was installed, as a user without any privilege.

They run in Debian's python3 with nothing but PYTHONPATH to tell them of the prefix: the package has to find the library by
itself. Where that was built with the address sanitizer, its run-time library has to be there first."""

import functools
import subprocess

import rig

PYTHON = "/usr/bin/python3"
PROGRAMS = rig.SOURCE / "tests/integration/python"


@functools.cache
def package_folder():
    """The folder for packages of the prefix."""
    package, = rig.installed().glob("lib/**/multiping/__init__.py")
    return package.parent.parent


@functools.cache
def sanitizer_environment():
    if not rig.is_sanitized():
        return {}
    found = subprocess.run(["gcc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True)
    return {"LD_PRELOAD": found.stdout.strip(), "ASAN_OPTIONS": "detect_leaks=0"}  # the interpreter's own would be told


def environment(helper=None, **more):
    """Nothing of ours but the way to the package, and the helper's socket."""
    known = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "PYTHONPATH": str(package_folder()),
             **sanitizer_environment()}
    if helper is not None:
        known["MULTIPING_SOCKET"] = str(helper.socket)
    return {**known, **more}


@functools.cache
def copied_programs():
    """A folder with copies of all programs that every user can read."""
    folder = rig.temporary_folder()
    for path in PROGRAMS.glob("*.py"):
        rig.copy_to(folder, path)
    return folder


class Case(rig.Case):
    def run_python(self, network, *arguments, helper=None, uid=rig.ALICE, input="", **more):
        """Runs python3 with @arguments in @network, as @uid without any privilege and without the means to get one; as root
        where @uid is 0."""
        argv = [PYTHON, "-B", *arguments]
        return network.run(rig.as_user(uid, argv) if uid else argv, env=environment(helper, **more), input=input)

    def assert_program(self, network, name, *arguments, **options):
        """The program @name of the folder `python` ends well; its output."""
        done = self.run_python(network, copied_programs() / name, *arguments, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout + done.stderr
