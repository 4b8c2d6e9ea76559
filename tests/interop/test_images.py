#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`dfota diff` and `dfota apply` on firmware files of every format.

usage: test_images.py DFOTA IMAGE_DIR

The same two images, packed by writers of this file (and by objcopy where it
is installed), must give the same package as the raw files do.
"""
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

BASE = 0x08000000


def record(kind, address, data):
    body = bytes([len(data), address >> 8 & 255, address & 255, kind]) + data
    return ":%s%02X\n" % (body.hex().upper(), -sum(body) & 255)


def to_hex(image, base):
    text, page = "", None
    for i in range(0, len(image), 16):
        at = base + i
        if at >> 16 != page:
            page = at >> 16
            text += record(4, 0, struct.pack(">H", page))
        text += record(0, at & 0xFFFF, image[i:i + 16])
    return (text + record(1, 0, b"")).encode()


def to_uf2(image, base, family=0x57755A57):
    blocks = [image[i:i + 256] for i in range(0, len(image), 256)]
    return b"".join(
        (struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0x2000, base + 256 * i,
                     len(b), i, len(blocks), family) + b).ljust(508, b"\0") +
        struct.pack("<I", 0x0AB16F30) for i, b in enumerate(blocks))


def to_elf(image, base):
    return struct.pack("<4s12B2H5I6H", b"\x7fELF", 1, 1, 1, *[0] * 9, 2, 40, 1,
                       base + 1, 52, 0, 0, 52, 32, 1, 0, 0, 0) + struct.pack(
        "<8I", 1, 84, base, base, len(image), len(image), 5, 4) + image


def to_dfu(image, version=0x0100):
    body = image + struct.pack("<4H3sB", 0xFFFF, 0xDF11, 0x0483, version,
                               b"UFD", 16)
    return body + struct.pack("<I", ~zlib.crc32(body) & 0xFFFFFFFF)


def to_dfuse(image, base):
    target = struct.pack("<II", base, len(image)) + image
    target = struct.pack("<6sBI255sII", b"Target", 0, 0, b"", len(target),
                         1) + target
    return to_dfu(struct.pack("<5sBIB", b"DfuSe", 1, len(target) + 11, 1) +
                  target, 0x011A)


FORMATS = {"Intel HEX": to_hex, "UF2": to_uf2, "ELF32": to_elf,
           "DfuSe": to_dfuse, "DFU": lambda image, base: to_dfu(image)}


class Images(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.dir)
        self.old, self.new = (
            self.read(os.path.join(IMAGES, "demo-%s.bin" % v))
            for v in ("1.0.0", "1.1.0"))
        self.write("old.bin", self.old)
        self.write("new.bin", self.new)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def dfota(self, *args, status=0):
        done = subprocess.run([DFOTA, *args], cwd=self.dir, text=True,
                              capture_output=True, timeout=120, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stderr

    def diff(self, old, new, *options):
        said = self.dfota("diff", old, new, "-o", "p.pkg", *options)
        return self.read("p.pkg"), said

    def test_every_format_gives_the_package_of_the_raw_files(self):
        # BASE is not where the images run: the search finds better, and a
        # container that errs costs nothing.
        raw, said = self.diff("old.bin", "new.bin")
        self.assertEqual(said, "")
        for name, pack in FORMATS.items():
            with self.subTest(name):
                self.write("old", pack(self.old, BASE))
                self.write("new", pack(self.new, BASE))
                package, said = self.diff("old", "new")
                self.assertEqual(package, raw)
                self.assertEqual(len(said.splitlines()), 2, said)
                for line in said.splitlines():
                    self.assertIn(" image ", line)
                    self.assertIn(": " + name, line)
                self.dfota("apply", "old", "p.pkg", "-o", "out")
                self.assertEqual(self.read("out"), self.new)

    def test_a_base_that_was_given_wins(self):
        raw, _ = self.diff("old.bin", "new.bin", "--base", "0x4000")
        self.write("old.hex", to_hex(self.old, BASE))
        package, _ = self.diff("old.hex", "new.bin", "--base", "0x4000")
        self.assertEqual(package, raw)

    def test_address_0_leaves_the_search_for_a_base_on(self):
        raw, _ = self.diff("old.bin", "new.bin")
        self.write("old.hex", to_hex(self.old, 0))
        self.write("new.hex", to_hex(self.new, 0))
        self.assertEqual(self.diff("old.hex", "new.hex")[0], raw)

    def test_raw_takes_a_container_as_it_is(self):
        self.write("old.hex", to_hex(self.old[:4096], 0))
        self.write("new.hex", to_hex(self.new[:4096], 0))
        self.assertEqual(self.diff("old.hex", "new.hex", "--raw")[1], "")
        self.dfota("apply", "old.hex", "p.pkg", "-o", "out", "--raw")
        self.assertEqual(self.read("out"), self.read("new.hex"))
        self.dfota("apply", "old.hex", "p.pkg", "-o", "out", status=3)

    def test_other_addresses_are_warned_of_and_other_chips_refused(self):
        self.write("old.hex", to_hex(self.old, BASE))
        self.write("new.hex", to_hex(self.new, BASE + 0x4000))
        said = self.diff("old.hex", "new.hex")[1]
        self.assertIn("different addresses, 0x08000000 and 0x08004000", said)
        self.write("old.uf2", to_uf2(self.old, BASE, 1))
        self.write("new.uf2", to_uf2(self.new, BASE, 2))
        said = self.dfota("diff", "old.uf2", "new.uf2", "-o", "q", status=1)
        self.assertIn("different chips", said)
        self.assertFalse(os.path.exists(self.path("q")))

    def test_what_is_no_image_is_refused_in_one_line(self):
        bad = bytearray(to_hex(self.new, BASE))
        bad[100] ^= 1
        self.write("bad.hex", bad)
        self.write("empty", b"")
        self.write("none.hex", b":00000001FF\n")
        os.mkdir(self.path("folder"))
        with open(self.path("huge"), "wb") as f:
            f.truncate(5 << 30)
        for name, why in [("bad.hex", "line 3: the checksum is wrong"),
                          ("empty", "empty"), ("none.hex", "no bytes"),
                          ("folder", "regular file"),
                          ("/dev/zero", "regular file"),
                          ("huge", "larger than 1 GiB"),
                          ("absent", "No such file")]:
            for pair in (("old.bin", name), (name, "old.bin")):
                said = self.dfota("diff", *pair, "-o", "q", status=1)
                self.assertEqual(len(said.splitlines()), 1, said)
                self.assertIn(name, said)
                self.assertIn(why, said)
            self.assertFalse(os.path.exists(self.path("q")))

    @unittest.skipUnless(shutil.which("arm-none-eabi-objcopy"), "no objcopy")
    def test_objcopy_writes_what_is_read(self):
        raw, _ = self.diff("old.bin", "new.bin")
        for kind in ("ihex", "elf32-littlearm"):
            for name in ("old", "new"):
                subprocess.run(
                    ["arm-none-eabi-objcopy", "-I", "binary", "-O", kind,
                     "--change-addresses", hex(BASE), name + ".bin",
                     name + ".out"], cwd=self.dir, check=True)
                if kind != "ihex":
                    subprocess.run(["arm-none-eabi-ld", "-e", "0", "-Ttext",
                                    hex(BASE), "-Tdata", hex(BASE), "-o",
                                    name + ".elf", name + ".out"],
                                   cwd=self.dir, check=True)
                    os.replace(self.path(name + ".elf"),
                               self.path(name + ".out"))
            package, said = self.diff("old.out", "new.out")
            self.assertEqual(package, raw, said)


if __name__ == "__main__":
    DFOTA, IMAGES = sys.argv.pop(1), sys.argv.pop(1)
    DFOTA, IMAGES = os.path.abspath(DFOTA), os.path.abspath(IMAGES)
    unittest.main(verbosity=2)
