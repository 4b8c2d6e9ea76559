#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Debian packages: made, unpacked, and what is in them runs.

Usage: test_packages.py SOURCE_DIR BUILD_DIR
"""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = BUILD = None
DIR = tempfile.TemporaryDirectory(prefix="dfota-packages-")
WANTED = {
    "dfota": ["usr/bin/dfota", "usr/share/man/man1/dfota-diff.1",
              "usr/share/bash-completion/completions/dfota"],
    "dfota-module": ["usr/bin/dfota-module",
                     "usr/share/man/man1/dfota-module.1"],
    "dfota-server": ["usr/bin/dfotad", "usr/bin/dfotactl",
                     "usr/share/man/man8/dfotad.8", "etc/dfota/dfotad.yaml",
                     "usr/lib/systemd/system/dfotad.service"],
    "libdfota-dev": ["usr/include/dfota/device/updater.h",
                     "usr/include/dfota/at/session.h",
                     "usr/share/man/man3/dfota_updater_boot.3"],
}


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True,
                          text=True, timeout=120, check=False)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        made = Path(DIR.name, "made")
        run(SOURCE / "tools/package", BUILD, made)
        cls.found = {p.name.split("_")[0]: p for p in made.glob("*.deb")}
        cls.root = Path(DIR.name, "root")
        for package in cls.found.values():
            run("dpkg-deb", "-x", package, cls.root)

    def test_each_package_has_its_files_and_no_other_one_has_them(self):
        self.assertEqual(sorted(self.found), sorted(WANTED))
        owner = {}
        for name, package in self.found.items():
            files = [line.split()[5][2:] for line in
                     run("dpkg-deb", "-c", package).splitlines()
                     if not line.endswith("/")]
            for wanted in WANTED[name]:
                self.assertIn(wanted, files)
            self.assertIn(f"usr/share/doc/{name}/copyright", files)
            for path in files:
                self.assertNotIn(path, owner, name)
                owner[path] = name

    def test_programs_run_from_where_they_are_unpacked(self):
        for program in ("dfota", "dfota-module", "dfotad", "dfotactl"):
            said = run(self.root / "usr/bin" / program, "--version")
            self.assertTrue(said.startswith(program + " "), said)

    def test_the_server_takes_the_configuration_it_comes_with(self):
        run(self.root / "usr/bin/dfotad", "--config",
            self.root / "etc/dfota/dfotad.yaml", "--check-config")

    def test_what_a_program_links_is_depended_on(self):
        for name, library in (("dfota", "libmbedcrypto"),
                              ("dfota-module", "libuv1"),
                              ("dfota-server", "libmicrohttpd")):
            self.assertIn(library, run("dpkg-deb", "-f", self.found[name],
                                       "Depends"))


if __name__ == "__main__":
    SOURCE, BUILD = (Path(os.path.abspath(a)) for a in sys.argv[1:3])
    unittest.main(argv=sys.argv[:1])
