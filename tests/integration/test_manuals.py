# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""The manuals: each is well-formed, and has the options and keys that the programs have."""

import json
import re
import subprocess

import rig

PAGES = ("man1/multiping.1", "man5/helper.conf.5", "man8/multiping-helper.8")


def page(name):
    return rig.installed() / "share/man" / name


def options(text):
    return set(re.findall(r"(?<![\w-])--?[a-zA-Z0-9](?:[\w-]*\w)?", text))


def headings(name, section=""):
    """What the page, or its @section, says of each item: the lines behind its .TP, plain."""
    text = page(name).read_text().partition(f".SH {section}")[2]
    lines = re.findall(r"^\.TP\n\.\w+ (.*)", text.partition(".SH ")[0] if section else text, re.MULTILINE)
    return "\n".join(lines).replace('"', " ").replace("=", " ")


class Manuals(rig.Case):
    def complaints(self, text):
        done = subprocess.run(["groff", "-man", "-ww", "-z"], input=text, capture_output=True, text=True)
        return done.returncode, done.stderr

    def test_pages_are_well_formed(self):
        for name in PAGES:
            with self.subTest(name):
                self.assertEqual(self.complaints(page(name).read_text()), (0, ""))
        self.assertNotEqual(self.complaints(".TH A 1\n.SH B\n.NOSUCH\n"), (0, ""))  # so that it would be seen

    def test_page_of_multiping_has_its_options(self):
        done = subprocess.run([rig.program("multiping"), "-h"], capture_output=True, text=True, env=rig.environment())
        shown = "\n".join(re.findall(r"^ +(-.{20})", done.stdout, re.MULTILINE))
        self.assertEqual(options(headings(PAGES[0])), options(shown.replace("=", " ")))

    def test_page_of_the_helper_has_its_options(self):
        done = subprocess.run([rig.program("multiping-helper"), "--help"], capture_output=True, text=True, env=rig.environment())
        self.assertEqual(options(headings(PAGES[2])), options(done.stdout))

    def test_page_of_the_helper_has_its_counters(self):
        shown = json.loads(self.helper(self.namespace()).multiping("--stats-helper", "-J").stdout)
        counters = set(shown) - {"helper", "backend", "namespace", "receive_buffer_bytes"}  # those say which helper it is
        self.assertEqual(set(re.findall(r"\w+", headings(PAGES[2], "COUNTERS"))), counters)

    def test_page_of_the_configuration_has_its_keys(self):
        sample = next(rig.installed().glob("share/doc/**/helper.conf")).read_text()
        keys = set(re.findall(r"^#?(\w+) =", sample, re.MULTILINE))
        self.assertTrue(len(keys) > 15, keys)
        self.assertEqual(keys - set(re.findall(r"\w+", headings(PAGES[1]))), set())


if __name__ == "__main__":
    rig.main()
