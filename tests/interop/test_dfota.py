#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dfota's commands from outside: statuses, messages, hostile files.

Usage: test_dfota.py PATH/dfota [unittest arguments]
"""
import concurrent.futures
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

DFOTA = None
COMMANDS = ["diff", "apply", "info", "verify", "permit", "keygen",
            "upgrade"]
SKIPPED_CHECK = "no --cert, the signature is not checked"
HEAD = 80
SIGNATURE = 64


def setUpModule():
    global ROOT, OLD, NEW, PACKAGE, KEY, PUB
    ROOT = tempfile.mkdtemp(prefix="dfota-test-")
    os.chmod(ROOT, 0o755)
    rnd = random.Random(7)
    old = bytes(rnd.randrange(256) for _ in range(9000))
    new = bytearray(old[:3000] + b"what is new" + old[3000:8000] + old[8100:])
    new[500] ^= 1
    OLD, NEW = put("old.bin", old), put("new.bin", bytes(new))
    KEY, PUB = path("key.pem"), path("key.pub.pem")
    run("keygen", "-o", KEY, status=0)
    PACKAGE = path("package")
    run("diff", OLD, NEW, "-o", PACKAGE, "--key", KEY, "--from-version", "1.0",
        "--to-version", "1.1", status=0)


def tearDownModule():
    shutil.rmtree(ROOT)


def path(name):
    return os.path.join(ROOT, name)


def put(name, data):
    with open(path(name), "wb") as f:
        f.write(data)
    return path(name)


def get(name):
    with open(name, "rb") as f:
        return f.read()


def run(*args, status, stdin=b"", stdout=subprocess.PIPE, **more):
    """One command. One that fails says one line, and prints nothing."""
    done = subprocess.run([DFOTA, *args], input=stdin, stdout=stdout,
                          stderr=subprocess.PIPE, timeout=120, **more)
    said = done.stderr.decode("utf-8", "replace")
    where = f"{args[:6]}: {done.returncode}, {said[:2000]}"
    assert "Sanitizer" not in said and "runtime error" not in said, where
    wanted = status if isinstance(status, tuple) else (status,)
    assert done.returncode in wanted, where
    lines = [x for x in said.splitlines() if SKIPPED_CHECK not in x]
    if done.returncode != 0:
        assert len(lines) == 1 and lines[0].startswith("dfota: "), where
        assert not done.stdout, where
        assert len(lines[0]) > 20 and "Success" not in lines[0], where
    done.said = lines
    return done


def at_once(function, items):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(function, items))


def der(raw):
    """r and s, 32 bytes each, as openssl wants them."""
    out = b""
    for half in (raw[:32], raw[32:]):
        n = half.lstrip(b"\0")
        n = b"\0" + n if not n or n[0] & 0x80 else n
        out += bytes((2, len(n))) + n
    return bytes((0x30, len(out))) + out


def manifest(**change):
    """80 bytes of a manifest, and an unsigned, empty rest."""
    m = dict(flags=4, key=0, kib=16, sector=12, label=0, window=0, body=4,
             source=0, target=1000)
    m.update(change)
    return struct.pack("<2sBBBBBBHHIIIIIII8s32s", b"DF", 1, m["flags"],
                       m["key"], m["kib"], m["sector"], m["label"],
                       m["window"], 0, 0, 0, m["source"], m["target"],
                       m["body"], 0, 0, b"", b"")


class Lines(unittest.TestCase):
    def test_each_command_helps_on_standard_output(self):
        for command in COMMANDS:
            for option in ("-h", "--help"):
                done = run(command, option, status=0)
                self.assertTrue(done.stdout.startswith(
                    f"Usage: dfota {command}".encode()))
                self.assertEqual(done.stderr, b"")
                for line in done.stdout.splitlines():
                    self.assertLessEqual(len(line), 80)

    def test_the_program_helps_and_says_its_version(self):
        help_text = run("--help", status=0).stdout.decode()
        for command in COMMANDS:
            self.assertIn(f"\n  {command}", help_text)
        self.assertRegex(run("--version", status=0).stdout,
                         rb"\Adfota \d+\.\d+\.\d+\n\Z")

    def test_wrong_usage_is_status_2(self):
        for line in (
                [], ["nonsense"], ["--nonsense"], ["diff"], ["diff", OLD],
                ["diff", OLD, NEW], ["diff", OLD, NEW, "-o"],
                ["diff", OLD, NEW, NEW, "-o", "x"],
                ["diff", OLD, NEW, "-o", "x", "--nonsense"],
                ["apply"], ["apply", OLD], ["apply", OLD, PACKAGE],
                ["apply", OLD, PACKAGE, "-o", "x", "--cert"],
                ["info"], ["info", PACKAGE, PACKAGE],
                ["info", PACKAGE, "--json", "--map", "-"],
                ["verify"], ["verify", PACKAGE], ["verify", "--cert", PUB],
                ["permit"], ["permit", PACKAGE], ["permit", PACKAGE, PACKAGE],
                ["permit", PACKAGE, "--key", KEY, "-o", "x"],
                ["permit", PACKAGE, "--device", "1", "-o", "x"],
                ["permit", PACKAGE, "--key", KEY, "--device", "1"],
                ["permit", PACKAGE, "--key", KEY, "--device", "", "-o", "x"],
                ["permit", PACKAGE, "--key", KEY, "--device", "1", "-o",
                 PACKAGE],
                ["keygen"], ["keygen", "-o", "-"], ["keygen", "x"],
                ["apply", "-", "-", "-o", "x"], ["diff", "-", "-", "-o", "x"]):
            run(*line, status=2, cwd=ROOT)
        self.assertFalse(os.path.lexists(path("x")))

    def test_values_that_cannot_be_are_status_2(self):
        for option, values in {
                "--arch": ["", "z80", "THUMB2"], "--ram": ["0", "12K", "-1"],
                "--base": ["x", "-1", "0x", "4294967296", "1K"],
                "--counter": ["-1", "1.5", "4294967296", ""],
                "--slot": ["4G", "-4096", "4097", "99999999999999999999"],
                "--sector": ["0", "1000", "3M", "256"],
                "--backup": ["1", "4095", "x"], "--key-id": ["2", "a"]}.items():
            for value in values:
                run("diff", OLD, NEW, "-o", path("x"), option, value, status=2)
        self.assertFalse(os.path.lexists(path("x")))

    def test_a_leading_zero_is_decimal(self):
        run("diff", OLD, NEW, "-o", path("zero"), "--counter", "010", status=0)
        said = json.loads(run("info", "--json", path("zero"), status=0).stdout)
        self.assertEqual(said["counter"], 10)

    def test_diff_says_its_one_line(self):
        done = run("diff", OLD, NEW, "-o", path("line"), status=0)
        self.assertRegex(
            done.stdout.decode(),
            rf"\A{path('line')}: \d+ bytes, \d+\.\d % of {NEW}, "
            r"arch \w+, ram 16384\n\Z")
        self.assertEqual(done.stderr, b"")


class Streams(unittest.TestCase):
    def test_every_input_can_be_standard_input(self):
        old, new, package = get(OLD), get(NEW), get(PACKAGE)
        out = path("out")
        run("diff", "-", NEW, "-o", out, stdin=old, status=0)
        run("diff", OLD, "-", "-o", out, stdin=new, status=0)
        for line, given in ((["-", PACKAGE], old), ([OLD, "-"], package)):
            run("apply", *line, "-o", out, "--cert", PUB, stdin=given,
                status=0)
            self.assertEqual(get(out), new)
        run("verify", "-", "--cert", PUB, stdin=package, status=0)
        run("verify", PACKAGE, "--cert", "-", stdin=get(PUB), status=0)
        run("info", "-", stdin=package, status=0)

    def test_every_output_can_be_standard_output(self):
        made = run("diff", OLD, NEW, "-o", "-", "--key", KEY, "--from-version",
                   "1.0", "--to-version", "1.1", status=0)
        self.assertEqual(made.stdout, get(PACKAGE))
        self.assertEqual(run("apply", OLD, PACKAGE, "-o", "-",
                             status=0).stdout, get(NEW))
        xml.etree.ElementTree.fromstring(
            run("info", PACKAGE, "--map", "-", status=0).stdout)

    def test_what_cannot_be_printed_is_a_failure(self):
        for line in (["--help"], ["info", PACKAGE], ["info", "-j", PACKAGE],
                     ["verify", PACKAGE, "--cert", PUB], ["diff", "--help"],
                     ["apply", OLD, PACKAGE, "-o", "-"]):
            with open("/dev/full", "wb") as full:
                run(*line, stdout=full, status=1)
            closed = subprocess.run(
                ["sh", "-c", 'exec "$@" >&-', "sh", DFOTA, *line],
                stderr=subprocess.PIPE)
            self.assertEqual(closed.returncode, 1)

    def test_a_pipe_is_written_in_place_and_a_link_stays_one(self):
        fifo, link = path("fifo"), path("link")
        os.mkfifo(fifo)
        reader = subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE)
        run("apply", OLD, PACKAGE, "-o", fifo, status=0)
        self.assertEqual(reader.communicate(timeout=20)[0], get(NEW))
        self.assertTrue(stat.S_ISFIFO(os.stat(fifo).st_mode))
        os.symlink(put("led-to", b"before"), link)
        run("apply", OLD, PACKAGE, "-o", link, status=0)
        self.assertTrue(os.path.islink(link))
        self.assertEqual(get(path("led-to")), get(NEW))

    def test_a_certificate_may_come_from_a_pipe(self):
        read, write = os.pipe()
        os.write(write, get(PUB))
        os.close(write)
        run("verify", PACKAGE, "--cert", f"/dev/fd/{read}", status=0,
            pass_fds=[read])
        os.close(read)

    def test_a_closed_standard_error_writes_into_no_output(self):
        out = path("no-stderr")
        subprocess.run(["sh", "-c", 'exec "$@" 2>&- <&-', "sh", DFOTA, "apply",
                        OLD, PACKAGE, "-o", out], check=True)
        self.assertEqual(get(out), get(NEW))


class Files(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(dir=ROOT)
        os.chmod(self.dir, 0o777)
        self.out = os.path.join(self.dir, "out")

    def nothing_left(self):
        self.assertEqual(os.listdir(self.dir), [])

    def each_command(self, bad, status, **more):
        for line in (["diff", bad, NEW, "-o", self.out],
                     ["diff", OLD, bad, "-o", self.out],
                     ["diff", OLD, NEW, "-o", self.out, "--key", bad],
                     ["apply", bad, PACKAGE, "-o", self.out],
                     ["apply", OLD, bad, "-o", self.out],
                     ["apply", OLD, PACKAGE, "-o", self.out, "--cert", bad],
                     ["info", bad], ["verify", bad, "--cert", PUB],
                     ["verify", PACKAGE, "--cert", bad]):
            run(*line, status=status, **more)
            self.nothing_left()

    def test_missing_folders_and_devices_as_inputs(self):
        for bad in (path("missing"), path("missing/a/b"), ROOT, "/dev/zero",
                    OLD + "/x", path("n" * 300), ROOT + "/d" * 3000, ""):
            self.each_command(bad, 1)

    def test_empty_inputs(self):
        empty = put("empty", b"")
        self.each_command(empty, (1, 3))
        run("info", empty, status=3)

    def test_an_input_that_may_not_be_read(self):
        secret = put("secret", get(OLD))
        os.chmod(secret, 0)
        more = self.unprivileged()
        self.each_command(secret, 1, **more)

    def test_an_output_folder_that_may_not_be_written(self):
        os.chmod(self.dir, 0o555)
        more = self.unprivileged()
        for line in self.writers():
            run(*line, status=1, **more)
        self.nothing_left()

    def unprivileged(self):
        """Root may do everything: then nobody does it."""
        if os.geteuid() != 0:
            return {}
        more = {"user": 65534}
        try:
            subprocess.run([DFOTA, "--version"], check=True, **more,
                           stdout=subprocess.DEVNULL)
        except (OSError, subprocess.SubprocessError):
            self.skipTest("run as root, and nobody may not run " + DFOTA)
        return more

    def writers(self):
        return (["diff", OLD, NEW, "-o", self.out],
                ["apply", OLD, PACKAGE, "-o", self.out],
                ["info", PACKAGE, "--map", self.out])

    def test_an_output_that_cannot_be(self):
        for bad in (self.dir, self.dir + "/", os.path.join(self.dir, "a/b"),
                    os.path.join(self.dir, "n" * 256), OLD + "/x",
                    self.dir + "/d" * 3000):
            for line in self.writers():
                run(*line[:-1], bad, status=1,
                    stdout=subprocess.DEVNULL)
        run("keygen", "-o", os.path.join(self.dir, "a/b"), status=1)
        self.nothing_left()

    def test_a_name_as_long_as_can_be(self):
        longest = os.path.join(self.dir, "n" * 255)
        run("apply", OLD, PACKAGE, "-o", longest, status=0)
        self.assertEqual(get(longest), get(NEW))

    def test_an_output_is_never_an_input(self):
        link = os.path.join(self.dir, "link")
        os.link(NEW, link)
        before = [get(x) for x in (OLD, NEW, PACKAGE)]
        for line in (["diff", OLD, NEW, "-o", OLD],
                     ["diff", OLD, NEW, "-o", link],
                     ["apply", OLD, PACKAGE, "-o", PACKAGE],
                     ["info", PACKAGE, "--map", PACKAGE]):
            run(*line, status=2)
        self.assertEqual([get(x) for x in (OLD, NEW, PACKAGE)], before)

    def test_a_full_disk_leaves_what_was_there(self):
        def little():
            resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))

        for line in self.writers():
            for before in (None, b"before"):
                if before:
                    with open(self.out, "wb") as f:
                        f.write(before)
                done = run(*line, status=1, preexec_fn=little,
                           stdout=subprocess.DEVNULL)
                self.assertRegex(done.said[0], "File too large")
                if before:
                    self.assertEqual(get(self.out), before)
                    os.unlink(self.out)
                self.nothing_left()
        run("keygen", "-o", self.out, status=1, preexec_fn=little)
        self.nothing_left()

    def test_a_full_file_system_leaves_nothing(self):
        script = ('mount -t tmpfs -o size=4k none "$1" || exit 77; shift; '
                  '"$@"; s=$?; ls -A "$OUT"; exit $s')
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh", self.dir, DFOTA,
             "apply", OLD, PACKAGE, "-o", self.out],
            env={**os.environ, "OUT": self.dir}, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        if b"No space left" not in done.stderr:
            self.skipTest("no tmpfs of our own: " + done.stderr.decode())
        self.assertEqual((done.returncode, done.stdout), (1, b""))

    def test_a_signal_leaves_no_half_file(self):
        big = os.path.join(ROOT, "big.bin")
        if not os.path.exists(big):
            rnd = random.Random(3)
            put("big.bin", rnd.randbytes(150000))
            put("big2.bin", get(big)[:70000] + b"new" + get(big)[70000:])
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            for delay in (0.02, 0.2, None):
                self.stop(number, delay, big)

    def stop(self, number, delay, big):
        process = subprocess.Popen(
            [DFOTA, "diff", big, path("big2.bin"), "-o", self.out],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if delay:
            time.sleep(delay)
        while not delay and process.poll() is None and \
                not os.listdir(self.dir):
            pass
        process.send_signal(number)
        self.assertIn(process.wait(60), (0, -number))
        if os.listdir(self.dir):
            self.assertEqual(os.listdir(self.dir), ["out"])
            run("info", self.out, status=0)
            os.unlink(self.out)

    def test_a_signal_that_was_ignored_stays_so(self):
        process = subprocess.Popen(
            [DFOTA, "apply", "-", PACKAGE, "-o", self.out],
            stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        time.sleep(0.3)
        process.send_signal(signal.SIGHUP)
        process.communicate(get(OLD), timeout=60)
        self.assertEqual(process.returncode, 0)


class Images(unittest.TestCase):
    def there_and_back(self, old, new, *more):
        old, new = put("i-old", old), put("i-new", new)
        run("diff", old, new, "-o", path("i-pkg"), "--raw", *more, status=0)
        run("apply", old, path("i-pkg"), "-o", path("i-out"), "--raw",
            status=0)
        self.assertEqual(get(path("i-out")), get(new))
        return os.path.getsize(path("i-pkg"))

    def test_the_smallest_images(self):
        images = [b"\0", b"ab", b"abc", b"abcd"]
        for old in images:
            for new in images:
                for more in ([], ["--full"], ["--arch", "thumb2"]):
                    self.there_and_back(old, new, *more)

    def test_the_same_image_again(self):
        self.assertLess(self.there_and_back(get(OLD), get(OLD)), 180)

    def test_long_runs_take_no_time(self):
        begin = time.monotonic()
        run_of = bytes(400000)
        self.there_and_back(run_of, run_of[:150000] + b"x" + run_of[150000:])
        self.there_and_back(b"ab" * 100000, b"ab" * 40000 + b"c" + b"ab" * 70000)
        self.assertLess(time.monotonic() - begin, 60)

    def test_an_image_for_a_smaller_slot(self):
        run("diff", OLD, NEW, "-o", path("x"), "--slot", "4096", status=1)

    def test_too_many_windows(self):
        big = put("windows", bytes(3000000))
        run("diff", big, big, "-o", path("x"), "--sector", "512", "--backup",
            "512", status=1)

    def test_two_runs_give_the_same_bytes(self):
        line = ["diff", OLD, NEW, "--key", KEY, "--class", "bg95", "-o", "-"]
        first = run(*line, status=0).stdout
        self.assertEqual(run(*line, status=0, cwd="/", env={}).stdout, first)


class Keys(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        def openssl(*line):
            subprocess.run(["openssl", *line], check=True,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)

        openssl("ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out",
                path("p384.pem"))
        openssl("ec", "-in", path("p384.pem"), "-pubout", "-out",
                path("p384.pub.pem"))
        openssl("genrsa", "-out", path("rsa.pem"), "2048")
        openssl("ec", "-in", KEY, "-aes128", "-passout", "pass:secret", "-out",
                path("locked.pem"))
        openssl("req", "-x509", "-new", "-key", KEY, "-subj", "/CN=x", "-out",
                path("cert.pem"))
        put("garbage.pem", b"-----BEGIN EC PRIVATE KEY-----\nAAAA\n")

    def test_keys_that_cannot_sign(self):
        for name in ("p384.pem", "rsa.pem", "locked.pem", "cert.pem",
                     "key.pub.pem", "garbage.pem"):
            run("diff", OLD, NEW, "-o", path("x"), "--key", path(name),
                status=1)
        self.assertFalse(os.path.lexists(path("x")))

    def test_keys_that_cannot_verify(self):
        for name in ("p384.pub.pem", "rsa.pem", "garbage.pem", "old.bin"):
            run("verify", PACKAGE, "--cert", path(name), status=1)

    def test_a_certificate_and_a_public_key_are_alike(self):
        run("verify", PACKAGE, "--cert", path("cert.pem"), status=0)
        run("apply", OLD, PACKAGE, "-o", path("k-out"), "--cert",
            path("cert.pem"), status=0)

    def test_another_signer_and_no_signer_are_refused(self):
        run("keygen", "-o", path("other.pem"), status=0)
        run("diff", OLD, NEW, "-o", path("unsigned"), status=0)
        out = path("k-no")
        for package, cert in ((PACKAGE, path("other.pub.pem")),
                              (path("unsigned"), PUB)):
            run("verify", package, "--cert", cert, status=3)
            run("apply", OLD, package, "-o", out, "--cert", cert, status=3)
        self.assertFalse(os.path.lexists(out))
        done = run("apply", OLD, path("unsigned"), "-o", out, status=0)
        self.assertIn(SKIPPED_CHECK, done.stderr.decode())

    def test_a_permit_is_a_second_signature_over_device_and_manifest(self):
        run("keygen", "-o", path("permit.pem"), status=0)
        done = run("permit", PACKAGE, "--key", path("permit.pem"), "--device",
                   "356", "-o", path("permitted"), status=0)
        before, after = get(PACKAGE), get(path("permitted"))
        self.assertEqual(done.stdout.decode(),
                         f"{path('permitted')}: {len(after)} bytes, for device "
                         "356 alone, once\n")
        at = HEAD + before[7] + SIGNATURE
        id_hash = hashlib.sha256(b"356").digest()
        self.assertEqual(after[:3], before[:3])
        self.assertEqual(after[3], before[3] | 8)
        self.assertEqual(after[4:at] + after[at + 96:], before[4:])
        self.assertEqual(after[at:at + 32], id_hash)
        put("message", b"DFOTA permit" + id_hash + before[:HEAD])
        put("der", der(after[at + 32:at + 96]))
        for key, status in (("permit.pub.pem", 0), (PUB, 1)):
            checked = subprocess.run(
                ["openssl", "dgst", "-sha256", "-verify", path(key),
                 "-signature", path("der"), path("message")],
                capture_output=True)
            self.assertEqual(checked.returncode, status)

    def test_a_package_with_a_permit_is_the_same_package(self):
        for device in ("1", "2"):  # the second takes the first one's place
            run("permit", path("again") if device == "2" else PACKAGE, "--key",
                KEY, "--device", device, "-o", path("again" + device),
                status=0)
            shutil.copy(path("again" + device), path("again"))
        self.assertEqual(len(get(path("again"))), len(get(PACKAGE)) + 96)
        run("verify", path("again"), "--cert", PUB, status=0)
        run("apply", OLD, path("again"), "-o", path("p-out"), "--cert", PUB,
            status=0)
        self.assertEqual(get(path("p-out")), get(NEW))
        said = json.loads(run("info", "--json", path("again"), status=0).stdout)
        self.assertTrue(said["permit"])
        self.assertIn(hashlib.sha256(b"2").hexdigest(),
                      run("info", path("again"), status=0).stdout.decode())
        self.assertFalse(json.loads(
            run("info", "--json", PACKAGE, status=0).stdout)["permit"])

    def test_what_gets_no_permit(self):
        run("diff", OLD, NEW, "-o", path("plain"), status=0)
        out = path("no-permit")
        for package, key, status in ((path("plain"), KEY, 3), (OLD, KEY, 3),
                                     (PACKAGE, PUB, 1), (PACKAGE, OLD, 1),
                                     (path("missing"), KEY, 1)):
            run("permit", package, "--key", key, "--device", "1", "-o", out,
                status=status)
        self.assertFalse(os.path.lexists(out))

    def test_a_key_is_never_overwritten(self):
        before = get(KEY), get(PUB)
        run("keygen", "-o", KEY, status=1)
        run("keygen", "-o", path("key"), status=1)  # key.pub.pem is there
        self.assertFalse(os.path.lexists(path("key")))
        self.assertEqual((get(KEY), get(PUB)), before)
        self.assertEqual(os.stat(KEY).st_mode & 0o777, 0o600)


class Packages(unittest.TestCase):
    def refused(self, data, name, *, exact=True):
        """By the commands that check everything. A bit behind the last one
        that matters may be any: then the image is right."""
        bad, out = put("bad" + name, data), path("bad-out" + name)
        try:
            status = 3 if exact else (0, 3)
            if exact:
                run("verify", bad, "--cert", PUB, status=3)
            run("info", bad, "--map", path("bad-map" + name), status=(0, 3))
            done = run("apply", OLD, bad, "-o", out, "--cert", PUB,
                       status=status)
            if done.returncode == 0:
                assert get(out) == get(NEW), name
            else:
                assert not os.path.lexists(out), name
            run("apply", OLD, bad, "-o", out, status=(0, 3))
            assert not os.path.lexists(out) or get(out) == get(NEW), name
        finally:
            for used in (bad, out, path("bad-map" + name)):
                if os.path.lexists(used):
                    os.unlink(used)

    def test_a_bit_flipped_anywhere_in_the_head(self):
        good = get(PACKAGE)
        head = HEAD + len("1.0>1.1") + SIGNATURE

        def flip(i):
            bad = bytearray(good)
            bad[i] ^= 1 << (i * 5 % 8)
            self.refused(bytes(bad), f"-flip{i}")

        at_once(flip, range(head))

    def test_a_bit_flipped_in_the_body(self):
        good = get(PACKAGE)

        def flip(i):
            bad = bytearray(good)
            bad[i] ^= 1 << (i % 8)
            self.refused(bytes(bad), f"-body{i}", exact=False)

        at_once(flip, range(HEAD + SIGNATURE + 7, len(good)))

    def test_a_package_cut_anywhere(self):
        good = get(PACKAGE)
        at_once(lambda n: self.refused(good[:n], f"-cut{n}"),
                [*range(0, 8), 79, 80, 81, *range(82, len(good), 7),
                 len(good) - 1])

    def test_bytes_behind_the_package(self):
        self.refused(get(PACKAGE) + b"\0", "-longer")

    def test_another_source(self):
        for other in (NEW, put("short", get(OLD)[:-1]), PACKAGE):
            run("apply", other, PACKAGE, "-o", path("f-out"), status=3)
        self.assertFalse(os.path.lexists(path("f-out")))

    def test_something_that_is_no_package(self):
        for other in (OLD, KEY, put("text", b"DF" + b"\n" * 200)):
            for line in (["info", other], ["verify", other, "--cert", PUB],
                         ["apply", OLD, other, "-o", path("n-out")]):
                run(*line, status=3)

    def test_huge_claims_cost_nothing(self):
        claims = [manifest(**c) + bytes(120) for c in (
            {"target": 0xFFFFFFFF}, {"target": 1 << 30, "body": 50},
            {"flags": 0, "source": 0xFFFFFFFF}, {"body": 0xFFFFFFFF},
            {"source": 1 << 29}, {"flags": 0, "source": 1 << 30},
            {"flags": 0x14, "target": 1 << 30, "body": 50},
            {"flags": 6, "target": 1 << 30, "body": 50},
            {"flags": 6, "window": 1, "target": 1 << 24, "body": 50},
            {"flags": 0xF4}, {"window": 0xFFFF, "sector": 18},
            {"target": 1 << 30, "window": 1, "sector": 9})]
        for i, claim in enumerate(claims):
            bad = put("claim", claim)
            for line in (["info", bad], ["apply", OLD, bad, "-o",
                                         path("c-out")]):
                process = subprocess.Popen([DFOTA, *line],
                                           stdout=subprocess.DEVNULL,
                                           stderr=subprocess.PIPE)
                begin = time.monotonic()
                said = process.stderr.read()
                process.stderr.close()
                _, status, used = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                where = (i, line, process.returncode, said)
                self.assertIn(process.returncode,
                              (0, 3) if line[0] == "info" else (3,), where)
                self.assertLess(time.monotonic() - begin, 20, where)
                self.assertLess(used.ru_maxrss, 400 << 10, where)
        self.assertFalse(os.path.lexists(path("c-out")))


class Info(unittest.TestCase):
    def test_the_bits_are_counted_against_the_right_image_only(self):
        said = json.loads(
            run("info", PACKAGE, "--json", "--old", OLD, status=0).stdout)
        bits = said["bits"]
        counted = bits["literal_bytes"] + sum(
            k["flag_bytes"] + k["correction_bytes"] for k in bits["kinds"])
        self.assertAlmostEqual(counted, said["bytes"]["windows"], delta=4)
        run("info", PACKAGE, "--old", NEW, status=3)

    def test_json_says_what_the_package_is(self):
        said = json.loads(run("info", PACKAGE, "--json", status=0).stdout)
        self.assertEqual(said["size"], os.path.getsize(PACKAGE))
        self.assertEqual(said["label"], "1.0>1.1")
        self.assertIs(said["signed"], True)
        self.assertEqual(said["target_sha256"],
                         hashlib.sha256(get(NEW)).hexdigest())
        self.assertEqual(sum(said["bytes"].values()), said["size"])

    def test_the_map_is_well_formed(self):
        run("info", PACKAGE, "--map", path("map.svg"), status=0)
        root = xml.etree.ElementTree.parse(path("map.svg")).getroot()
        self.assertTrue(root.tag.endswith("svg"))

    def test_a_full_package_has_a_map_too(self):
        run("diff", OLD, NEW, "--full", "-o", path("full"), status=0)
        run("info", path("full"), "--json", "--map", path("full.svg"),
            status=0)
        xml.etree.ElementTree.parse(path("full.svg"))

    def test_a_label_drives_no_terminal(self):
        for version in (b"\x1b[31mred\nlabel    nice", b"\xff\xfe\xc2",
                        b"\xc2\x9b31m", "größer <&>\"".encode()):
            package = path("label")
            run("diff", OLD, NEW, "-o", package, "--to-version",
                os.fsdecode(version), status=0)
            text = run("info", package, status=0).stdout
            self.assertEqual(len(text.splitlines()),
                             len(run("info", PACKAGE,
                                     status=0).stdout.splitlines()))
            for byte in (b"\x1b", b"\xff", b"\xc2\x9b"):
                self.assertNotIn(byte, text)
            json.loads(run("info", "-j", package, status=0).stdout)


if __name__ == "__main__":
    DFOTA = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=1)
