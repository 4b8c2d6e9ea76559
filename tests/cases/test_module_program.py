#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dfota-module as a program: options, ports, noise, refusals."""

import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

PROGRAM = None
IMAGE = b"DFOTAVER3.2.1\0" + bytes(range(256)) * 40


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


class Program(unittest.TestCase):
    def setUp(self):
        self.kept = tempfile.TemporaryDirectory(prefix="dfota-program-")
        self.folder = pathlib.Path(self.kept.name)
        (self.folder / "image.bin").write_bytes(IMAGE)
        self.running = []

    def tearDown(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdout.close()
            process.stderr.close()
        self.kept.cleanup()

    def arguments(self, *more, state="state", image="image.bin"):
        return [PROGRAM, "--model", "bg95", "--state",
                str(self.folder / state), "--firmware",
                str(self.folder / image), "--speed", "0", *more]

    def start(self, *more, **where):
        process = subprocess.Popen(self.arguments(*more, **where),
                                   stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        self.running.append(process)
        ready = process.stdout.readline().decode()
        self.assertRegex(ready, "^ready: ")
        return process, ready

    def refused(self, status, message, *more, **where):
        done = subprocess.run(self.arguments(*more, **where),
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertRegex(done.stderr.splitlines()[-1], message)

    def tcp(self):
        process, ready = self.start("--port", "tcp:127.0.0.1:0", "--control",
                                    str(self.folder / "control"))
        port = int(re.search(r"tcp:127\.0\.0\.1:(\d+)", ready).group(1))
        return process, port

    def client(self, port):
        s = socket.create_connection(("127.0.0.1", port))
        s.settimeout(10)
        self.addCleanup(s.close)
        return s

    def until(self, s, wanted):
        got = b""
        while wanted not in got:
            part = s.recv(65536)
            self.assertTrue(part, f"closed after {got[-200:]!r}")
            got += part
        return got

    def control(self, request):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(str(self.folder / "control"))
            try:
                s.sendall(request)
                return s.recv(65536)
            except (ConnectionResetError, BrokenPipeError):
                return b""  # let go

    def test_a_second_client_is_refused_and_the_first_stays(self):
        _, port = self.tcp()
        first = self.client(port)
        first.sendall(b"AT\r")
        self.until(first, b"OK")
        second = self.client(port)
        self.until(second, b"BUSY")
        self.assertEqual(second.recv(100), b"")
        first.sendall(b"ATI\r")
        self.until(first, b"Revision: 3.2.1\r\n\r\nOK\r\n")
        first.close()
        for _ in range(100):
            third = self.client(port)
            third.sendall(b"AT\r")
            if b"BUSY" not in third.recv(100):
                return
        self.fail("the port is not free after its client left")

    def listening(self, spec):
        """A module on that port; returns a function that connects."""
        process, ready = self.start("--port", spec, "--control",
                                    str(self.folder / "control"))
        where = re.match("ready: \\S+ on (.*), version", ready).group(1)
        kind, _, name = where.partition(":")

        def connect():
            if kind == "unix":
                s = socket.socket(socket.AF_UNIX)
                s.connect(name.replace("@", "\0", 1))
            else:
                host, _, port = name.rpartition(":")
                s = socket.create_connection((host.strip("[]"), int(port)))
            s.settimeout(30)
            self.addCleanup(s.close)
            return s
        return process, connect

    def test_every_kind_of_socket_has_one_client(self):
        for spec in (f"unix:{self.folder}/line",
                     f"unix:@dfota-{os.getpid()}-line",
                     "rfc2217:127.0.0.1:0", "rfc2217:[::1]:0",
                     "tcp:localhost:0"):
            if "::1" in spec and not has_ipv6():
                continue
            process, connect = self.listening(spec)
            first = connect()
            first.sendall(b"AT\r")
            self.until(first, b"OK")
            self.until(connect(), b"BUSY")
            first.sendall(b"AT+CGMR\r")
            self.until(first, b"3.2.1")
            process.terminate()
            self.assertEqual(process.wait(30), 0)

    def test_hostile_telnet_is_bounded(self):
        process, connect = self.listening("rfc2217:127.0.0.1:0")
        flood = b"".join(b"\xff\xfd" + bytes([i]) for i in range(64, 128))
        flood *= 400
        s = connect()
        s.settimeout(0.5)  # a write that nobody takes is what is looked for
        sent = 0
        try:
            while sent < 64 << 20:
                sent += s.send(flood)
        except (ConnectionError, TimeoutError):
            pass
        self.assertLess(sent, 64 << 20)
        memory = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        self.assertLess(int(re.search(r"VmRSS:\s*(\d+)", memory).group(1)),
                        200000)
        s.close()
        rng = random.Random(11)
        s = connect()
        for _ in range(200):
            s.sendall(b"\xff\xfa\x2c" + rng.randbytes(rng.randrange(60)))
            s.sendall(b"\xff\xf0\xff" + rng.randbytes(1) + b"AT")
        s.close()
        for _ in range(100):  # until the one before is gone
            s = connect()
            s.sendall(b"\rATE0\r")
            if b"BUSY" not in s.recv(100):
                break
        s.sendall(b"AT+CGMR\r")
        self.until(s, b"3.2.1")
        process.terminate()
        self.assertEqual(process.wait(30), 0)

    def test_a_module_s_conf_is_read_from_its_state(self):
        (self.folder / "state").mkdir()
        conf = self.folder / "state/bg95.conf"
        conf.write_text("imei = 490154203237518\nrssi_dbm = -113\n")
        _, port = self.tcp()
        s = self.client(port)
        s.sendall(b"AT+CGSN;+CSQ\r")
        got = self.until(s, b"OK\r\n")
        self.assertIn(b"490154203237518\r\n", got)
        self.assertIn(b"+CSQ: 0,99\r\n", got)
        conf.write_text("imei = 490154203237518\n\nno_such = 1\n")
        self.refused(1, "bg95.conf:3: no_such: no such key", "--config",
                     str(conf), state="other")
        self.refused(1, "No such file", "--config", "/no/such", state="other")

    def test_the_man_page_has_every_key(self):
        root = pathlib.Path(__file__).resolve().parents[2]
        source = (root / "src/modem/dialect_conf.c").read_text()
        table = source[source.index("keys[] = {"):source.index("enum { KEYS")]
        keys = re.findall(r'(?:\{|MS\()"(\w+)"', table)
        page = (root / "man/dfota-module.1").read_text()
        self.assertGreater(len(keys), 25)
        self.assertEqual([k for k in keys
                          if not re.search(rf"\b{k}\b", page)], [])

    def test_noise_is_survived(self):
        _, port = self.tcp()
        s = self.client(port)
        s.sendall(b"ATE0\r")
        self.until(s, b"OK")
        s.sendall(b"AT" + b"x" * 65536 + b"\r")
        self.until(s, b"ERROR")
        rng = random.Random(5)
        for _ in range(50):
            s.sendall(rng.randbytes(2000).replace(b"/", b""))
            s.sendall(b"\rAT+QFOTADL=\"" + bytes(rng.choices(
                b"htps:/[]@#%;,\"\\ 0129", k=60)) + b"\r")
        s.sendall(b"\r\rATE0Q0V1\rAT+CGMR\r")
        self.until(s, b"3.2.1")

    def test_control_answers_nonsense_with_an_error(self):
        self.tcp()
        for request in (b"\n", b"nonsense\n", b"power\n", b"power maybe\n",
                        b"cut-at\n", b"cut-at 0\n", b"cut-at moon:1\n",
                        b"cut-at 1 slowly\n", b"net\n", b"net loss 101\n",
                        b"sim\n", b"clock x\n", b"battery 101\n",
                        b"rssi 5\n", b"recover\n", b"recover /no/such\n",
                        b"dtr\n", b"\xff\xfe\n"):
            self.assertRegex(self.control(request), b"^ERROR .*\n$", request)
        self.assertEqual(self.control(b"x" * 10000), b"")
        self.assertRegex(self.control(b"state\n"), b'"version":"3.2.1"')

    def test_sigterm_ends_it_and_leaves_no_port_behind(self):
        process, _ = self.start("--port", f"pty:{self.folder}/tty",
                                "--control", str(self.folder / "control"))
        self.assertTrue(os.path.islink(self.folder / "tty"))
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 0)
        self.assertFalse(os.path.lexists(self.folder / "tty"))
        self.assertFalse(os.path.lexists(self.folder / "control"))

    def test_a_state_folder_serves_one_module(self):
        self.start("--port", f"pty:{self.folder}/tty")
        self.refused(1, "another module runs from it", "--port",
                     f"pty:{self.folder}/tty2")

    def test_another_geometry_is_refused(self):
        process, _ = self.start("--port", f"pty:{self.folder}/tty")
        process.terminate()
        process.wait(10)
        before = sorted((self.folder / "state").iterdir())
        self.refused(1, "another geometry; give", "--slot", "8M")
        (self.folder / "state/backup.flash").write_bytes(b"torn")
        self.refused(1, "another geometry; give", "--slot", "8M")
        self.assertEqual(sorted((self.folder / "state").iterdir()), before)

    def test_a_damaged_state_is_kept_aside_and_made_anew(self):
        process, _ = self.start("--port", f"pty:{self.folder}/tty")
        process.terminate()
        process.wait(10)
        state = self.folder / "state"
        for name in ("slot", "journal", "package", "backup"):
            flash = state / f"{name}.flash"
            good = flash.read_bytes()
            aside = state / f"{name}.flash.damaged"
            for bad in (good[:1000], b"x" * 64 + good[64:], b"garbage",
                        good + b"x", b"\0" * 100):
                flash.write_bytes(bad)
                plain = [a for a in self.arguments() if a != "--firmware"
                         and not a.endswith("image.bin")]
                done = subprocess.run(plain, capture_output=True, text=True,
                                      timeout=30)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, f"{name}.flash: is damaged; "
                                 "give --firmware")
                self.assertEqual(flash.read_bytes(), bad)
                process, _ = self.start("--port", f"pty:{self.folder}/tty")
                process.terminate()
                self.assertIn(f"{name}.flash: is damaged; the flash is kept "
                              "as *.flash.damaged",
                              process.communicate(timeout=30)[1].decode())
                self.assertEqual(aside.read_bytes(), bad)
                self.assertEqual(len(flash.read_bytes()), len(good))
        (state / "settings.json").write_bytes(bytes(range(256)))
        self.start("--port", f"pty:{self.folder}/tty")
        self.assertEqual((state / "settings.json.corrupt").read_bytes(),
                         bytes(range(256)))

    def test_a_flash_made_anew_runs_the_firmware(self):
        """Not what the slot held, and not the update that was marked."""
        process, _ = self.start("--port", f"pty:{self.folder}/tty")
        process.terminate()
        process.wait(30)
        (self.folder / "state/journal.flash").write_bytes(b"torn")
        (self.folder / "image.bin").write_bytes(
            IMAGE.replace(b"3.2.1", b"4.0.0"))
        _, port = self.tcp()
        s = self.client(port)
        s.sendall(b"AT+CGMR\r")
        self.until(s, b"4.0.0")

    def test_first_images_that_are_none(self):
        (self.folder / "empty.bin").write_bytes(b"")
        self.refused(1, "is empty", image="empty.bin", state="a")
        self.refused(1, "No such file", image="missing.bin", state="b")
        self.refused(1, "larger than the slot", "--slot", "8K", "--backup",
                     "4K", state="c")
        self.refused(1, "Is a directory|directory", image=".", state="d")

    def test_keys_that_are_none(self):
        self.refused(1, "image.bin", "--cert",
                     str(self.folder / "image.bin"), state="a")
        self.refused(1, "No such file", "--cert", "/no/such.pem", state="b")
        self.refused(2, "wants --cert", "--permit-cert", "/no/such.pem")

    def test_wrong_usage(self):
        for more in (["--model", "bg94"], ["--quirk", "none"],
                     ["--speed", "-1"], ["--speed", "x"], ["--slot", "5"],
                     ["--backup", "17592186044416M"],
                     ["--sector", "1000"], ["--ram", "1"], ["--nonsense"],
                     ["surplus"], ["--seed", "x"]):
            self.refused(2, "see dfota-module --help|no model", *more)
        done = subprocess.run([PROGRAM], capture_output=True, timeout=30)
        self.assertEqual(done.returncode, 2)
        done = subprocess.run([PROGRAM, "--help"], capture_output=True,
                              timeout=30)
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"--state", done.stdout)

    def test_ports_that_cannot_be(self):
        self.refused(1, "no port", "--port", "nonsense", state="a")
        self.refused(1, "is no serial port", "--port", "/dev/null",
                     state="b")
        self.refused(1, "give tcp:HOST:PORT", "--port", "tcp:1", state="c")
        self.refused(1, "longer than a socket's name", "--port",
                     "unix:" + "x" * 200, state="d")

    def test_switched_off_stays_off(self):
        process, port = self.tcp()
        self.assertEqual(self.control(b"power off\n"), b"OK\n")
        process.terminate()
        process.wait(10)
        _, port = self.tcp()
        self.assertRegex(self.control(b"state\n"), b'"power":"off"')
        s = self.client(port)
        self.control(b"power on\n")
        self.until(s, b"APP RDY")


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
