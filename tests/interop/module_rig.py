# SPDX-License-Identifier: Apache-2.0
"""What tests of whole modules share: a module in a folder, its line over a
Unix socket (what it said survives its death, as on a pty it would not), a
package server, and the rows of its tables."""

import json
import pathlib
import re
import select
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "cases"))
import case_server  # noqa: E402
import fota_server  # noqa: E402
import run_case  # noqa: E402

PATIENCE = 60.0
DIALECTS = ("bc26", "mc65", "bg95", "bg96", "bg96-softbank", "eg25")


class Dead(Exception):
    """The module is gone."""


class Rig:
    """Images, packages and servers that many modules use."""

    def __init__(self, folder, module, dfota):
        self.folder, self.module, self.dfota = folder, module, dfota
        run_case.make_images(folder)
        self.files = {}
        self.server = case_server.Server(folder, self.files)
        self.url = f"http://127.0.0.1:{self.server.ports['http']}"
        self.fota = fota_server.FotaServer(self.files, lambda: self.url)

    def package(self, dialect):
        name = f"{dialect}.pkg"
        path = self.folder / name
        if not path.exists():
            subprocess.run([self.dfota, "diff", str(self.folder / "old.bin"),
                            str(self.folder / "new.bin"), "-o", str(path),
                            "--class", dialect], check=True,
                           capture_output=True)
            self.files["/" + name] = path.read_bytes()
        return name

    def stop(self):
        self.fota.stop()
        self.server.stop()


class Module:
    def __init__(self, rig, dialect, folder, *options):
        self.rig, self.dialect, self.folder = rig, dialect, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.switch_off(folder / "state" / "settings.json")
        self.rest, self.lines, self.socket = b"", [], None
        self.tables = run_case.tables(rig.module, dialect)
        self.process = subprocess.Popen(
            [rig.module, "--model", dialect, "--state", str(folder / "state"),
             "--firmware", str(rig.folder / "old.bin"),
             "--port", f"unix:{folder}/line", "--control",
             f"{folder}/control", "--fota-server",
             f"http://127.0.0.1:{rig.fota.port}", *options],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if not self.process.stdout.readline().startswith(b"ready:"):
            raise Dead("the module did not start")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(f"{folder}/line")
        self.ask("power on")

    @staticmethod
    def switch_off(path):
        """A module boots as soon as it starts; nobody may listen by then.
        Switched off it waits."""
        settings = json.loads(path.read_text()) if path.exists() else {}
        settings["off"] = True
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))

    def _pull(self, timeout):
        if not select.select([self.socket], [], [], timeout)[0]:
            return False
        try:
            data = self.socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            raise Dead
        parts = re.split(rb"[\r\n]+", self.rest + data)
        self.rest = parts.pop()
        self.lines += [p.decode("latin-1") for p in parts if p]
        return True

    def next(self, timeout=PATIENCE):
        """The next line, or None when there is none for so long."""
        end = time.monotonic() + timeout
        while not self.lines:
            if not self._pull(max(0, end - time.monotonic())):
                return None
        return self.lines.pop(0)

    def until(self, pattern, timeout=PATIENCE):
        """All lines up to and with the one that matches."""
        got = []
        while not got or not re.search(pattern, got[-1]):
            line = self.next(timeout)
            if line is None:
                raise AssertionError(f"{self.dialect}: waited for {pattern}, "
                                     f"got {got[-5:]}")
            got.append(line)
        return got

    def send(self, text):
        self.socket.sendall(text.encode() + b"\r")

    def command(self, text):
        self.send(text)
        return self.until(r"^(OK|ERROR|\+CME ERROR.*)$")

    def ask(self, request):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            s.connect(f"{self.folder}/control")
            s.sendall(request.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                part = s.recv(65536)
                if not part:
                    raise Dead
                answer += part
        return answer.decode().strip()

    def state(self):
        return json.loads(self.ask("state"))

    def wait_for(self, key, value, timeout=PATIENCE):
        end = time.monotonic() + timeout
        while self.state()[key] != value:
            if time.monotonic() > end:
                raise AssertionError(f"{self.dialect}: {key} is not {value}")
            time.sleep(0.02)

    def trigger(self):
        """Begin an update in the way of the family."""
        name = self.rig.package(self.dialect)
        if self.dialect == "eg25":
            body = self.rig.files["/" + name]
            self.send(f'AT+QFUPL="u.bin",{len(body)}')
            self.until("^CONNECT$")
            self.socket.sendall(body)
            self.until("^OK$")
            self.send('AT+QFOTADL="/data/ufs/u.bin"')
            return
        if self.tables["polling"]:
            self.rig.fota.offer = (name, {})
            self.ask("clock +1300000")
            return
        if self.tables["update_command"]["needs_context"]:
            self.command("AT+QIREGAPP;+QIACT")
        self.send(f'AT+QFOTADL="{self.rig.url}/{name}"')

    def kill(self):
        """SIGKILL, and what it had said by then."""
        self.process.kill()
        self.process.wait()
        try:
            while self._pull(0):
                pass
        except Dead:
            pass
        lines, self.lines = self.lines, []
        self.close()
        return lines

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        if self.socket:
            self.socket.close()
