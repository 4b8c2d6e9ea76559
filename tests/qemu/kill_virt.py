#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A boot loader is killed with SIGKILL at random instants, and restarted.

usage: tests/qemu/kill_virt.py BIN [--kills N] [--seed S] [--build DIR]
                               [--crypto mbed|plain]   (77: no QEMU, compiler)

boards/virt runs in QEMU; its two flash banks are files. Packages made by
`BIN/dfota diff` bring its application from 1.0.0 to 1.1.0 and back, in place,
in windows of one erase block. Each update is killed at instants that are drawn
from the time an unkilled one takes, until N kills have happened in all; each
must then end with the new image in the slot, byte for byte, and with the
application saying its version, in at most 120 seconds of restarts: of
processor time, so that a busy machine is no failure; nor may a boot that
nobody kills be silent for 120 seconds.

What a SIGKILL can show: a cut between any two of the chips' commands, and in
the middle of an erase (QEMU hands 256 KiB to the file, the host writes page
by page). Cells that are torn inside are the business of tests/powercut.
"""
import argparse
import os
import random
import re
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VERSIONS = ["1.0.0", "1.1.0"]
BANK_LEN = 64 << 20
USED_LEN = 4 << 20
SECONDS = 120
KILLS_AN_UPDATE = 12
FLAG_SELF = 2  # byte 3 of a package
# What was going on, by the last line that tells.
STAGES = [("app: ", "application"), ('"END"', "end"), ("writing", "restore"),
          ("UPDATING", "decode"), ("START", "dry run"), ("boot: ", "start")]


def layout():
    """The areas of bank 1 as the boot loader's header has them."""
    text = (ROOT / "boards/virt/virt.h").read_text()
    return {name: int(value, 16) for name, value in
            re.findall(r"#define VIRT_(\w+) (0x\w+)u", text)}


class Device:
    """Two files of flash, and at most one QEMU that has them open."""

    def __init__(self, folder, boot):
        self.banks = [folder / "bank0", folder / "bank1"]
        self.at = layout()
        self.qemu = None
        for bank, data in zip(self.banks, (boot, b"\xff" * USED_LEN)):
            with open(bank, "wb") as file:
                file.write(data)
                file.truncate(BANK_LEN)

    def store(self, area, data):
        """Put data at the head of an area that is otherwise erased."""
        with open(self.banks[1], "r+b") as file:
            file.seek(self.at[area])
            file.write(data.ljust(self.at[area + "_LEN"], b"\xff"))

    def slot(self, length):
        with open(self.banks[1], "rb") as file:
            file.seek(self.at["SLOT"])
            return file.read(length)

    def power_on(self):
        command = ["qemu-system-arm", "-M", "virt", "-cpu", "cortex-a15",
                   "-m", "16", "-display", "none", "-monitor", "none",
                   "-nic", "none", "-serial", "stdio"]
        for unit, bank in enumerate(self.banks):
            command += ["-drive", "if=pflash,unit=%d,format=raw,file=%s%s" %
                        (unit, bank, ",readonly=on" if unit == 0 else "")]
        self.qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE)

    def cut(self):
        self.qemu.kill()
        self.qemu.wait()

    def run(self, seconds, lines=0, want=b"app: ready"):
        """On until the application is ready, or for so long after so many
        lines, or until nothing has been said for SECONDS: what was printed,
        and whether it was ready."""
        said, until = b"", time.monotonic() + (SECONDS if lines else seconds)
        patient = lines or seconds >= SECONDS
        self.power_on()
        try:
            while want not in said:
                if lines and said.count(b"\n") >= lines:
                    lines, until = 0, time.monotonic() + seconds
                    patient = False
                left = until - time.monotonic()
                if left <= 0 or self.qemu.poll() is not None:
                    break
                if select.select([self.qemu.stdout], [], [], left)[0]:
                    said += os.read(self.qemu.stdout.fileno(), 4096)
                    if patient:
                        until = time.monotonic() + SECONDS
        finally:
            self.cut()
        return said.decode(errors="replace"), want in said


def stage_of(said):
    for line in reversed(said.splitlines()):
        for text, stage in STAGES:
            if text in line:
                return stage
    return "reset"


def processor():
    """Seconds that every QEMU so far has computed."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Trial:
    def __init__(self, device, images, packages, rng):
        self.device, self.images, self.packages = device, images, packages
        self.rng = rng
        self.here = 0      # which image the slot has
        self.kills = 0
        self.whole = 0.0   # seconds an update takes when nobody kills it
        self.stages = {}   # in which the kills came

    def fail(self, what, said):
        raise SystemExit("after %d kills: %s; the last boot said:\n%s" %
                         (self.kills, what, said))

    def draw(self):
        """When to kill: any time of an update, or soon after a line of it."""
        lines = self.rng.choice((0, 0, 1, 2, 3, 4, 4, 5, 6, 6))
        return self.rng.uniform(0, self.whole / (4 if lines else 1)), lines

    def check(self, there, said):
        image = self.images[there]
        if self.device.slot(len(image)) != image:
            self.fail("the slot is not %s" % VERSIONS[there], said)
        for want in ("app: version %s\n" % VERSIONS[there],
                     "app: confirmed\n"):
            if want not in said:
                self.fail("no %r" % want, said)

    def update(self, limit):
        """One update with up to so many kills: to the other image."""
        there = 1 - self.here
        self.device.store("PACKAGE", self.packages[there])
        begin, killed, log = time.monotonic(), 0, ""
        spent = processor()
        while True:
            if processor() - spent > SECONDS:
                self.fail("no end after %d s" % SECONDS, log)
            when = (SECONDS, 0)
            if killed < min(limit, KILLS_AN_UPDATE):
                when = self.draw()
            said, ready = self.device.run(*when)
            log = said or log
            if ready:
                break
            if when[0] == SECONDS:
                self.fail("silent for %d s" % SECONDS, log)
            killed += 1
            self.kills += 1
            stage = stage_of(said)
            self.stages[stage] = self.stages.get(stage, 0) + 1
        if VERSIONS[there] not in said:
            self.fail("the old image runs", said)
        self.check(there, said)
        self.here = there
        return time.monotonic() - begin, killed, processor() - spent, said


def make_package(programs, folder, old, new, *more):
    """What dfota diff makes for this board, signed with folder's key."""
    out, block = folder / "p.dfota", str(layout()["BLOCK"])
    subprocess.run([programs / "dfota", "diff", old, new, "-o", out,
                    "--key", folder / "k.pem", "--ram", "16384",
                    "--sector", block, "--backup", block] + list(more),
                   check=True, stdout=subprocess.DEVNULL)
    return out.read_bytes()


def prepare(folder, programs, build, crypto):
    """A key in folder, the boot loader that trusts it: paths of images."""
    subprocess.run([programs / "dfota", "keygen", "-o", folder / "k.pem"],
                   check=True, stdout=subprocess.DEVNULL)
    command = [ROOT / "boards/virt/build", "--key", folder / "k.pub.pem",
               "--build", build]
    subprocess.run(command + (["--crypto", crypto] if crypto else []),
                   check=True)
    return [build / ("app-%s.bin" % version) for version in VERSIONS]


def refuse(trial, package, why):
    """It may not change a byte of the slot; the image in it goes on."""
    trial.device.store("PACKAGE", package)
    said, ready = trial.device.run(SECONDS)
    if not ready or why not in said:
        trial.fail("a bad package is not refused", said)
    trial.check(trial.here, said)


def unsigned(package):
    """Another length of the image: what is signed has changed."""
    return package[:24] + bytes([package[24] ^ 1]) + package[25:]


def damaged(package):
    """Another body behind what is signed."""
    middle = len(package) // 2
    return package[:middle] + os.urandom(16) + package[middle + 16:]


def spoil(trial, package):
    """A body that is damaged shows in the dry run, and the image goes on. A
    package of copies from the new image cannot be run dry: the device is held
    at the window at fault, and the same package, undamaged, lets it go on."""
    if not package[3] & FLAG_SELF:
        refuse(trial, damaged(package), "boot: the update stopped: ")
        return
    trial.device.store("PACKAGE", damaged(package))
    said, held = trial.device.run(SECONDS, want=b"boot: held")
    if not held:
        trial.fail("a damaged package does not hold the device", said)
    trial.device.store("PACKAGE", package)
    said, ready = trial.device.run(SECONDS)
    if not ready:
        trial.fail("the same package, undamaged, does not help", said)
    trial.here = 1 - trial.here
    trial.check(trial.here, said)


def is_missing():
    """Says what this machine has not."""
    for need in ("qemu-system-arm", "arm-none-eabi-gcc", "openssl"):
        if not shutil.which(need):
            print("%s is not installed" % need)
            return True
    return False


def kill(trial, kills):
    """Updates there and back until so many kills have happened."""
    longest, updates = 0.0, 1
    trial.whole, _, _, said = trial.update(0)
    print("%s: an update without kills: %.1f s" %
          (said.splitlines()[0], trial.whole), flush=True)
    while trial.kills < kills:
        seconds, killed, spent, _ = trial.update(kills - trial.kills)
        longest, updates = max(longest, spent), updates + 1
        if killed == 0:  # the machine was busy before
            trial.whole = min(trial.whole, seconds)
        print("to %s: %d kills, %.1f s" %
              (VERSIONS[trial.here], killed, seconds), flush=True)
    said, ready = trial.device.run(SECONDS)
    if not ready or "UPDATING" in said:
        trial.fail("one more boot changes something", said)
    print("%d updates, %d kills (%s), the longest update %.0f s of processor "
          "time: always the new image" % (updates, trial.kills,
                         ", ".join("%s %d" % item for item in
                                   sorted(trial.stages.items())), longest))


def main():
    args = argparse.ArgumentParser(usage=__doc__)
    args.add_argument("programs")
    args.add_argument("--kills", type=int, default=10)
    args.add_argument("--seed", type=int, default=None)
    args.add_argument("--build", default=str(ROOT / "build/virt"))
    args.add_argument("--crypto", choices=["mbed", "plain"])
    options = args.parse_args()
    if is_missing():
        return 77
    seed = options.seed
    if seed is None:
        seed = int.from_bytes(os.urandom(4), "little")
    print("kill_virt.py --kills %d --seed %d repeats the same draws" %
          (options.kills, seed), flush=True)
    build, programs = Path(options.build).resolve(), Path(options.programs)
    build.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images = prepare(folder, programs, build, options.crypto)
        packages = [make_package(programs, folder, images[1 - there],
                                 images[there]) for there in (0, 1)]
        images = [image.read_bytes() for image in images]
        device = Device(folder, (build / "boot.bin").read_bytes())
        device.store("SLOT", images[0])
        trial = Trial(device, images, packages, random.Random(seed))
        refuse(trial, unsigned(packages[1]), "boot: no update: the signature")
        kill(trial, options.kills)
        spoil(trial, packages[1 - trial.here])
    return 0


if __name__ == "__main__":
    sys.exit(main())
