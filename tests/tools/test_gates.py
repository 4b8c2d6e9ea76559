#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every gate must pass a good tree and fail on each bad example.

usage: tests/tools/test_gates.py GATE    (77: its compiler is not here)
"""
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
GOOD = SPDX + """#include <stdint.h>

#include "base/good.h"

int good(int x)
{
    return x + 1;
}
"""
NEEDS = {"format": "clang-format-14", "tidy": "clang-tidy-14"}


class Gate(unittest.TestCase):
    gate = ""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name).resolve() / "tree"
        self.write("tools/layers.txt", "base:\ndevice: base\nos: base\n")
        self.write(".clang-format", (ROOT / ".clang-format").read_text())
        self.write(".clang-tidy", (ROOT / ".clang-tidy").read_text())
        self.write("src/base/good.h", SPDX + "int good(int x);\n")
        self.write("src/base/good.c", GOOD)

    def tearDown(self):
        self.folder.cleanup()

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run_gate(self, *args):
        done = subprocess.run(
            [sys.executable, str(ROOT / "tools" / ("check-" + self.gate)),
             "--root", str(self.root)] + list(args),
            text=True, capture_output=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def passes(self, *args):
        code, said = self.run_gate(*args)
        self.assertEqual(code, 0, said)
        self.assertIn("no findings", said)

    def fails(self, want, *args):
        code, said = self.run_gate(*args)
        self.assertEqual(code, 1, said)
        self.assertIn(want, said)


class Layers(Gate):
    gate = "layers"

    def test_a_good_tree_passes(self):
        self.passes()

    def test_an_include_that_points_back_is_found(self):
        self.write("src/os/up.h", SPDX)
        self.write("src/base/bad.c", SPDX + '#include "os/up.h"\n')
        self.fails("bad.c:2: os/up.h is not allowed for base/")

    def test_a_header_that_is_not_there_is_found(self):
        self.write("src/os/bad.c", SPDX + '#include "base/gone.h"\n')
        self.fails("base/gone.h does not exist")

    def test_a_system_header_in_device_is_found(self):
        self.write("src/device/bad.c", SPDX + "# include <string.h>\n")
        self.fails("string.h is no header of a freestanding C")

    def test_two_files_of_one_name_are_found(self):
        self.write("src/os/good.c", SPDX)
        self.fails("has the name of src/base/good.c")
        self.write("tools/same-names.txt", "src/os/good.c it must\n")
        self.passes()

    def test_a_missing_spdx_line_is_found(self):
        self.write("tools/thing", "#!/bin/sh\necho\n")
        self.fails("tools/thing:1: the SPDX line is missing")

    def test_a_long_file_needs_a_reason(self):
        self.write("src/os/long.c", SPDX + "\n" * 500)
        self.fails("501 lines, over 500")
        self.write("tools/long-files.txt", "src/os/long.c\n")
        self.fails("501 lines, over 500")
        self.write("tools/long-files.txt", "src/os/long.c one table\n")
        self.passes()


class Symbols(Gate):
    gate = "symbols"

    def test_a_good_tree_passes(self):
        self.write("src/device/good2.c", SPDX + '#include "base/good.h"\n'
                   "int twice(int x);\n"
                   "int twice(int x) { return good(good(x)); }\n")
        self.passes()

    def test_a_function_of_the_c_library_is_found(self):
        self.write("src/base/bad.c", SPDX + "int puts(const char *s);\n"
                   'int f(void);\nint f(void) { return puts("x"); }\n')
        self.fails("bad.c: gcc: needs puts")

    def test_data_that_can_be_written_is_found(self):
        self.write("src/base/bad.c", SPDX +
                   "int f(void);\nint f(void) { static int n;"
                   " return n++; }\n")
        self.fails("is data that can be written")

    def test_a_file_that_does_not_compile_is_found(self):
        self.write("src/base/bad.c", SPDX + "int f(\n")
        self.fails("bad.c: gcc:")

    @unittest.skipUnless(shutil.which("arm-none-eabi-gcc"), "no ARM compiler")
    def test_floats_and_long_divisions_are_found(self):
        self.write("src/base/bad.c", SPDX +
                   "float f(float x);\nfloat f(float x) { return x * 3; }\n")
        self.fails("needs __aeabi_fmul")
        self.write("src/base/bad.c", SPDX +
                   "unsigned long long f(unsigned long long x);\n"
                   "unsigned long long f(unsigned long long x)"
                   " { return x / 7; }\n")
        self.fails("needs __aeabi_uldivmod")


class Format(Gate):
    gate = "format"

    def test_a_good_tree_passes(self):
        self.passes()

    def test_a_line_that_is_not_formatted_is_found_and_fixed(self):
        self.write("src/base/bad.c", SPDX + "int  x ;\n")
        self.fails("src/base/bad.c:2: not as clang-format writes it")
        self.passes("--fix")
        self.passes()


class Words(Gate):
    gate = "words"

    def test_a_good_tree_passes(self):
        self.write("image.bin", "\0TO" "DO")
        self.passes()

    def test_each_word_is_found(self):
        for word in ("TO" "DO", "FIX" "ME", "/wo" "rk/main", "/ho" "me/me",
                     "../sha" "red/x", "<<<<" "<<< ours"):
            with self.subTest(word=word):
                self.write("docs/bad.md", "a\nsee %s here\n" % word)
                self.fails("docs/bad.md:2: ")


class Tidy(Gate):
    gate = "tidy"

    def database(self, *names):
        build = Path(self.folder.name).resolve() / "build"
        build.mkdir(exist_ok=True)
        (build / "compile_commands.json").write_text(json.dumps([
            {"directory": str(build), "file": str(self.root / name),
             "command": "cc -I%s/src -c %s" % (self.root, self.root / name)}
            for name in names]))
        return str(build)

    def test_a_file_that_passed_is_not_looked_at_again(self):
        build = self.database("src/base/good.c")
        self.assertIn("1 looked at", self.run_gate(build)[1])
        self.assertIn("0 looked at", self.run_gate(build)[1])
        self.write("src/base/good.h", SPDX + "int  good(int x);\n")
        self.assertIn("1 looked at", self.run_gate(build)[1])

    def test_a_finding_is_reported_until_it_is_mended(self):
        self.write("src/base/bad.c", SPDX + "int f(int n);\n"
                   "int f(int n)\n{\n    return n ? f(n - 1) : 0;\n}\n")
        build = self.database("src/base/good.c", "src/base/bad.c")
        self.fails("misc-no-recursion", build)
        self.fails("src/base/bad.c:", build)
        self.passes(build, "src/base/good.c")


def main():
    gate = sys.argv[1]
    if gate in NEEDS and not shutil.which(NEEDS[gate]):
        print("%s is not installed" % NEEDS[gate])
        return 77
    case = globals()[gate.capitalize()]
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(case)
    done = unittest.TextTestRunner(verbosity=2).run(suite)
    return 0 if done.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
