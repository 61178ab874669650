# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What the sources of the helper may not do, and that the compiler sees it: names that the filter ends the helper for (poison.h), rights
changed elsewhere than in privileges.c, the environment read elsewhere than where it is cleaned, results of such calls thrown away."""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("MULTIPING_BUILD", SOURCE / "build/release"))
HELPER = SOURCE / "helper"

# Files of the helper that are compiled without poison.h, since they run, at least in part, before the filter is loaded.
OF_THE_START = {
    "activation", "client_socket", "config", "config_keys", "descriptors", "helper", "host_addresses", "icmp_filter", "icmp_sockets",
    "listener", "log", "main", "passwd", "privileges", "reason", "sandbox", "sandbox_table", "surroundings", "text",
    "sandbox_sanitizer", "sanitizer_options"}

RIGHTS = r"cap_\w+|capset|set(res|re|e|fs)?[ug]id|setgroups|initgroups"
# What each call may be made by alone: (names, files).
PLACES = [
    (RIGHTS, {"privileges"}),
    (r"(secure_)?getenv", {"activation"}),
    (r"exit|_exit|quick_exit|execv\w*|execl\w*|fork|vfork|clone|system|popen|pthread_create", set()),
    (r"syslog|openlog|setlocale|localtime(_r)?|getaddrinfo|getnameinfo|getpw\w+|getgr(nam|gid|ent)\w*|dlopen", set()),
    (r"printf|fprintf|puts|fputs", {"main"}),
    (r"prctl", {"main", "privileges", "sandbox"}),
    (r"setsockopt", {"client_socket", "icmp_filter", "icmp_sockets", "listener", "host_addresses"}),
    (r"open|openat|fopen", {"config", "descriptors", "log", "surroundings", "text"}),
    (r"socket|socketpair|connect|bind|listen", {"activation", "host_addresses", "icmp_sockets", "listener", "privileges"}),
    (r"setrlimit", {"sandbox", "surroundings"}),
    (r"seccomp_\w+|chroot", {"sandbox"}),
]
# A statement of its own, or told to be thrown away.
IGNORED = rf"(?<=[;{{}}])\s*(\(void\)\s*)?({RIGHTS}|prctl|setrlimit|seccomp_(load|attr_set|rule_add\w*)|chroot|unshare)\("
MAY_BE_IGNORED = {"cap_free(", "cap_get_bound(", "seccomp_release("}


def code_of(path):
    """The text of a source file without comments and strings."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.DOTALL)
    return re.sub(r'"(\\.|[^"\\])*"', '""', text)


class Sources(unittest.TestCase):
    def test_each_call_has_its_place(self):
        for path in HELPER.glob("*.[ch]"):
            for names, places in PLACES:
                found = {match[0] for match in re.finditer(rf"(?<![\w.>])({names})(?=\()", code_of(path))}
                if path.stem not in places and path.name != "poison.h":
                    self.assertEqual(found, set(), path.name)

    def test_results_are_looked_at(self):
        self.assertRegex("int r;\n\t(void)prctl(1);", IGNORED)
        self.assertNotRegex("int r;\n\tr = prctl(1);", IGNORED)
        for path in HELPER.glob("*.c"):
            thrown = [match[0].strip() for match in re.finditer(IGNORED, code_of(path))]
            thrown = [call for call in thrown if not any(call.endswith(name) for name in MAY_BE_IGNORED)]
            self.assertEqual(thrown, [], path.name)


class Compiler(unittest.TestCase):
    def setUp(self):
        self.commands = {Path(entry["file"]): entry for entry in json.loads((BUILD / "compile_commands.json").read_text())
                         if "CMakeFiles/helper_core.dir" in entry["command"] or "CMakeFiles/multiping-helper.dir" in entry["command"]}

    def compile(self, like, text):
        """What the compiler says to @text, given its options for the helper's file @like: (status, words)."""
        entry = self.commands[HELPER / like]
        with tempfile.NamedTemporaryFile("w", suffix=".c") as source:
            source.write(text)
            source.flush()
            words = [word for word in shlex.split(entry["command"]) if "ccache" not in word]
            words = words[:words.index("-o")] + ["-o", "/dev/null", "-c", source.name]
            done = subprocess.run(words, cwd=entry["directory"], capture_output=True, text=True)
        return done.returncode, done.stderr

    def test_every_file_but_those_of_the_start_is_poisoned(self):
        clean = {path.stem for path, entry in self.commands.items() if "poison.h" not in entry["command"]}
        self.assertEqual(clean - OF_THE_START, set())
        self.assertLess({"main", "privileges"}, clean)
        self.assertGreater({path.stem for path in self.commands}, clean | {"session", "prober_send", "icmp_io"})

    def test_each_poisoned_name_is_refused(self):
        names = re.findall(r"\w+", " ".join(re.findall(r"#pragma GCC poison (.*)", (HELPER / "poison.h").read_text())))
        self.assertGreater(len(names), 80)
        status, words = self.compile("session.c", "\n".join(f"int attempt_{name} = sizeof {name};" for name in names))
        self.assertNotEqual(status, 0)
        self.assertEqual(set(re.findall(r'attempt to use (?:a )?poisoned (?:identifier )?"?(\w+)', words)), set(names))
        self.assertEqual(self.compile("session.c", "int harmless;")[0], 0)

    def test_result_thrown_away_is_refused(self):
        status, words = self.compile("privileges.c", "#include <unistd.h>\nvoid drop(void);\nvoid drop(void) {\n\tsetuid(1);\n}\n")
        self.assertNotEqual(status, 0)
        self.assertIn("unused", words)


if __name__ == "__main__":
    sys.exit(0 if unittest.main(exit=False, verbosity=2).result.wasSuccessful() else 1)
