#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The man pages and completions say what the programs say of themselves.

Usage: test_man.py SOURCE_DIR BIN_DIR [unittest arguments]
"""
import glob
import os
import re
import subprocess
import sys
import unittest

SOURCE = BIN = None
FOREIGN_PAGES = {"curl(1)"}


def run(*args, **kwargs):
    return subprocess.run(args, capture_output=True, text=True, timeout=60,
                          **kwargs)


def pages():
    return sorted(glob.glob(os.path.join(SOURCE, "man", "*.[1-8]")))


def program(name):
    return os.path.join(BIN, name)


def verbs():
    """The commands of dfota, from its own help."""
    text = run(program("dfota"), "--help").stdout
    return re.findall(r"^  ([a-z]+) ",
                      text.partition("Commands:")[2].partition("\n\n")[0],
                      re.M)


def described():
    """(page, what prints its help) for every command there is."""
    rows = [("dfota.1", [program("dfota")]),
            ("dfota-module.1", [program("dfota-module")]),
            ("dfotad.8", [program("dfotad")]),
            ("dfotactl.1", [program("dfotactl")])]
    rows += [(f"dfota-{verb}.1", [program("dfota"), verb])
             for verb in verbs()]
    return rows


def options_in_help(command):
    """The long options that the help lists, one at the head of each line."""
    text = run(*command, "--help").stdout
    return set(re.findall(
        r"^ +(?:-\w, )?(--[a-z]+(?:-[A-Za-z]+)*)", text, re.M))


def options_in_page(page):
    """The long options that the page explains, one an item."""
    with open(os.path.join(SOURCE, "man", page)) as f:
        items = [line for line in f if line.startswith(".It Fl ")]
    found = set()
    for item in items:
        item = item.replace("- Ns Ar stage", "-STAGE")
        found |= {"-" + option
                  for option in re.findall(r"Fl (-[A-Za-z-]+)", item)}
    return found


class ManPages(unittest.TestCase):
    def test_groff_has_nothing_to_say_about_any_page(self):
        self.assertTrue(pages())
        for page in pages():
            result = run("groff", "-ww", "-mandoc", "-Tutf8", page)
            self.assertEqual((result.returncode, result.stderr), (0, ""), page)

    def test_every_command_has_a_page_and_every_page_a_command(self):
        self.assertGreaterEqual(len(verbs()), 6)
        self.assertEqual(sorted(page for page, _ in described()),
                         [os.path.basename(page) for page in pages()])

    def test_page_and_help_list_the_same_options(self):
        for page, command in described():
            with self.subTest(page=page):
                helped = options_in_help(command)
                self.assertIn("--help", helped)
                self.assertEqual(options_in_page(page), helped)

    def test_help_and_version_go_to_standard_output_with_status_0(self):
        for page, command in described():
            with self.subTest(page=page):
                result = run(*command, "--help")
                self.assertEqual((result.returncode, result.stderr), (0, ""))
        for name in ("dfota", "dfota-module", "dfotad", "dfotactl"):
            result = run(program(name), "--version")
            self.assertEqual(result.returncode, 0)
            self.assertRegex(result.stdout, rf"\A{name} \d+\.\d+\.\d+\n\Z")

    def test_an_unknown_option_is_wrong_usage_everywhere(self):
        for page, command in described():
            with self.subTest(page=page):
                result = run(*command, "--no-such-option")
                self.assertEqual((result.returncode, result.stdout), (2, ""))
                self.assertTrue(result.stderr)

    def test_every_page_that_is_referred_to_is_there(self):
        there = {re.sub(r"(.*)\.(\d)", r"\1(\2)", os.path.basename(page))
                 for page in pages()}
        for page in pages():
            with open(page) as f:
                for name, section in re.findall(r"^\.Xr (\S+) (\d)", f.read(),
                                                re.M):
                    self.assertIn(f"{name}({section})", there | FOREIGN_PAGES,
                                  page)


class Completions(unittest.TestCase):
    def complete(self, *words):
        """What bash offers at the end of these words."""
        script = """
            source "$1"; shift
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            _dfota
            printf '%s\\n' "${COMPREPLY[@]}"
        """
        path = os.path.join(SOURCE, "packaging", "completions", "dfota.bash")
        result = run("bash", "-uc", script, "bash", path, *words)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return set(result.stdout.split())

    def test_bash_offers_every_option(self):
        for page, command in described():
            with self.subTest(page=page):
                offered = self.complete(*command, "--")
                wanted = {option.replace("-STAGE", "")
                          for option in options_in_help(command)}
                self.assertEqual(offered & wanted, wanted)

    def test_bash_offers_every_command_and_known_values(self):
        self.assertEqual(self.complete(program("dfota"), ""),
                         set(verbs()) | {"--help", "--version"})
        self.assertEqual(self.complete(program("dfota"), "di"), {"diff"})
        self.assertIn("bg95", self.complete(program("dfota"), "diff",
                                            "--class", "b"))
        self.assertEqual(self.complete(program("dfotad"), "--http", ""),
                         set())


if __name__ == "__main__":
    SOURCE, BIN = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
    unittest.main()
