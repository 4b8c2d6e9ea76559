#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The library as others get it: installed, found, linked, run.

Usage: test_library.py SOURCE_DIR BUILD_DIR [C_FLAGS]

C_FLAGS: what a program needs to link this build (-fsanitize=..). Installs into
a folder of its own, builds examples/ from there by CMake and by pkg-config,
has the example update an emulated module, and feeds every public header to a
C++ compiler.
"""
import functools
import glob
import http.server
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SOURCE = BUILD = PREFIX = None
FLAGS = ""
DIR = tempfile.TemporaryDirectory(prefix="dfota-library-")


def run(*args, **more):
    done = subprocess.run(args, capture_output=True, text=True, timeout=300,
                          **more)
    if done.returncode:
        raise AssertionError("%s: %s%s" % (args, done.stdout, done.stderr))
    return done.stdout


def setUpModule():
    global PREFIX
    PREFIX = os.path.join(DIR.name, "prefix")
    run("cmake", "--install", BUILD, "--prefix", PREFIX, "--component", "dev")


def tearDownModule():
    DIR.cleanup()


def build_example():
    out = os.path.join(DIR.name, "example")
    run("cmake", "-S", os.path.join(SOURCE, "examples"), "-B", out,
        "-DCMAKE_PREFIX_PATH=" + PREFIX, "-DCMAKE_C_FLAGS=" + FLAGS)
    run("cmake", "--build", out)
    return os.path.join(out, "update")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


class Library(unittest.TestCase):
    def test_nothing_private_is_installed(self):
        names = [os.path.basename(p) for p in headers()]
        self.assertIn("session.h", names)
        self.assertIn("updater.h", names)
        self.assertNotIn("session_priv.h", names)

    @unittest.skipUnless(shutil.which("doxygen"), "needs doxygen")
    def test_functions_have_man_pages(self):
        """Their own or their header's, and no page of another's name."""
        man3 = os.path.join(PREFIX, "share", "man", "man3")
        pages = os.listdir(man3)
        self.assertIn("dfota_updater_boot.3", pages)
        self.assertEqual([p for p in pages if not p.startswith("dfota_")], [])
        for page in pages:
            with open(os.path.join(man3, page), encoding="utf-8") as f:
                first = f.readline()
            if first.startswith(".so "):
                self.assertIn(first.strip()[len(".so man3/"):], pages)
            else:
                self.assertTrue(first.startswith(".TH "), page)

    def test_a_program_finds_it_by_pkg_config(self):
        config, = glob.glob(os.path.join(PREFIX, "**", "dfota.pc"),
                            recursive=True)
        env = dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(config))
        flags = run("pkg-config", "--cflags", "--libs", "dfota", env=env)
        out = os.path.join(DIR.name, "by-pkg-config")
        run("cc", "-Wall", "-Wextra", "-Werror",
            os.path.join(SOURCE, "examples", "update.c"), *FLAGS.split(),
            *flags.split(), "-o", out)
        done = subprocess.run([out], capture_output=True, text=True,
                              timeout=60)
        self.assertEqual((done.returncode, done.stderr),
                         (2, "usage: update PORT URL\n"))

    def test_the_example_is_short(self):
        with open(os.path.join(SOURCE, "examples", "update.c")) as f:
            self.assertLess(len(f.readlines()), 60)

    def test_the_example_updates_a_module(self):
        program = build_example()
        images = [os.path.join(SOURCE, "boards/images/demo-%s.bin" % v)
                  for v in ("1.0.0", "1.1.0")]
        tool = os.path.join(BUILD, "bin", "dfota")
        package = os.path.join(DIR.name, "up.pkg")
        run(tool, "diff", *images, "-o", package, "--class", "bg95")
        handler = functools.partial(Quiet, directory=DIR.name)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                             handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            port = os.path.join(DIR.name, "port")
            module = subprocess.Popen(
                [os.path.join(BUILD, "bin", "dfota-module"), "--model", "bg95",
                 "--state", os.path.join(DIR.name, "state"), "--firmware",
                 images[0], "--port", "pty:" + port, "--speed", "0"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                end = time.monotonic() + 60
                while not os.path.exists(port):
                    self.assertLess(time.monotonic(), end)
                    time.sleep(0.05)
                said = run(program, port, "http://127.0.0.1:%d/up.pkg" %
                           server.server_port)
            finally:
                module.kill()
                module.wait()
                server.shutdown()
        stages = [line for line in said.splitlines() if line]
        self.assertEqual(stages[-5:], ["download", "reset", "update", "reboot",
                                       "confirm"])


def headers():
    return sorted(glob.glob(os.path.join(PREFIX, "include", "dfota", "*",
                                         "**", "*.h"), recursive=True))


class CPlusPlus(unittest.TestCase):
    def test_every_header_compiles_alone_and_all_together(self):
        root = os.path.join(PREFIX, "include", "dfota")
        names = [os.path.relpath(p, root) for p in headers()]
        self.assertGreater(len(names), 15)
        source = os.path.join(DIR.name, "headers.cpp")
        for chosen in [[n] for n in names] + [names]:
            with open(source, "w") as f:
                f.write("".join('#include "%s"\n' % n for n in chosen))
            run("c++", "-std=c++11", "-Wall", "-Wextra", "-Werror",
                "-fsyntax-only", "-I", root, source)

    def test_a_cpp_program_links_the_client(self):
        source = os.path.join(DIR.name, "link.cpp")
        with open(source, "w") as f:
            f.write('#include <at/session.h>\n'
                    '#include <base/err.h>\n'
                    '#include <device/updater.h>\n'
                    'int main() {\n'
                    '    struct dfota_session_config config;\n'
                    '    dfota_session_defaults(&config);\n'
                    '    return config.timeout_ms[DFOTA_TIMEOUT_START] != '
                    '60000 || !dfota_updater_poll ||\n'
                    '           !*dfota_strerror(DFOTA_E_ARG);\n}\n')
        libraries = os.path.dirname(glob.glob(
            os.path.join(PREFIX, "**", "libdfota_at.a"), recursive=True)[0])
        out = os.path.join(DIR.name, "link")
        run("c++", *FLAGS.split(), "-I", os.path.join(PREFIX, "include/dfota"),
            source, "-L", libraries, "-ldfota_at",
            "-ldfota_updater", "-ldfota_codec", "-ldfota_base", "-o", out)
        run(out)


if __name__ == "__main__":
    SOURCE, BUILD = sys.argv[1:3]
    FLAGS = " ".join(sys.argv[3:])
    unittest.main(argv=sys.argv[:1])
