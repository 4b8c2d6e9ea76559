#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run case files against the emulated module, or against a real one.

A case is a conversation on the serial line, one step a line:

  # ..                comment
  @ module OPTION..   options for dfota-module, before the first step
  @ dialect NAME      default: the name of the folder
  @ keygen NAME       a key pair, {folder}/NAME.pem and NAME.pub.pem
  @ echo              leave echo on (else ATE0 is sent first)
  @ fota              a scripted FOTA server ({fota}): fota_server.py
  @ covers ROW..      rows of the dialect's tables: check_rows.py
  > TEXT              send TEXT and CR
  >> TEXT             send TEXT as it is, with \\r \\n \\xHH escapes
  < TEXT              the next line is TEXT; {1..9} and {5..95..5} make one
                      line for each number
  <~ REGEX            the next line matches
  <. MS               nothing comes for that long (real milliseconds)
  ! VERB ..           control socket: power, net, cut-at, sim, ..
  ! server ..         what the HTTP server does: case_server.py
  ! coap ..           what the CoAP server does: case_coap.py
  ! coaps NAME psk|server|other  a CoAPS server with /NAME as /example_data
  ! fota ..           what the FOTA server does: plan NAME, none, refuse ..
  ! package NAME [OPTION..]  make /NAME with dfota diff, old to new image
  ! permit NEW NAME KEY ID   /NEW is package NAME with a downgrade permit
  ! corrupt NAME OFFSET      flip a byte of it; `truncate NAME LENGTH` too
  ! body NAME SIZE    /NAME is that many bytes of noise
  ! until TEXT        take all lines up to and with this one
  ! pem ca|other      /NAME is that certificate
  ! size NAME         {size} stands for its length from here on
  ! upload NAME [N]   send it (the first N bytes) on the line
  ! image NAME SIZE   one more firmware image, for package --from and --to
  ! file PATH ca|cakey|other|otherkey|TEXT  a file in the module's file system
  ! padded NAME N     the same in blocks of N bytes, the last filled up
  ! noise N           N random bytes, no line end; `flood N`: one line of N
  ! flush             drop what the line has said so far
  ! folder PATH       a folder in the module's file system
  ! pipe PATH         a file whose reader goes by `! unpipe`: writes fail
  ! fill PATH N       a file of N bytes there
  ! setting KEY N     change a number in the settings of a dead module
  ! died              the module ends now, by SIGKILL
  ! start [OPTION..]  start it again with the same state
  ! probe             send AT until it answers (a module without a banner)
  ! break settings|FILE      overwrite a state file with noise
  = KEY VALUE         that field of the control socket's `state`
  = requests N        requests the server has had; = range I VALUE and
                      = if-range I VALUE are headers of the one numbered I
  = coap_requests N   requests the CoAP server has had, = coap_offset I N
                      the first byte that the one numbered I asked for
  = said REGEX        standard error has a line that matches
  = calls TEXT        what the FOTA server was asked, = result REGEX the
                      newest result it was told, = query REGEX the newest
                      question for a plan

{http} {https} {badhttps} {mhttps} {coap} {coaps} {closed} stand for scheme://127.0.0.1:PORT; {port}
is the port of the first; {closedcoap} is a port where nobody is, {closedcoaps} too; {hash NAME} the version of an image without marker.
Blank lines between CR LF are not lines. Exit status: 0, or 1 and a diff.
"""

import argparse
import concurrent.futures
import difflib
import hashlib
import json
import os
import pathlib
import random
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import case_coap  # noqa: E402
import case_line  # noqa: E402
import case_server  # noqa: E402
import fota_server  # noqa: E402

LINE_TIMEOUT = 30.0  # the longest wait; --patience changes it
LINES_MAX = 10000  # of one range


class Failure(Exception):
    pass


class Skip(Exception):
    pass


class Once:
    """What takes long and comes out the same: made once a run."""

    def __init__(self):
        self.lock, self.made, self.locks = threading.Lock(), {}, {}

    def get(self, key, make):
        with self.lock:
            lock = self.locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self.made:
                self.made[key] = make()
            return self.made[key]


ONCE = Once()


def images():
    """Two images that are alike, with version markers; and another."""
    rng = random.Random(1)
    old = bytearray(rng.randbytes(100000))
    old[500:514] = b"DFOTAVER1.0.0\0"
    new = bytearray(old)
    for _ in range(300):
        new[rng.randrange(1000, 100000)] ^= 1 + rng.randrange(255)
    new[40000:40000] = rng.randbytes(500)
    new[500:514] = b"DFOTAVER1.1.0\0"
    other = rng.randbytes(100000)
    return {"old": bytes(old), "new": bytes(new), "other": other}


def make_images(folder):
    for name, image in ONCE.get("images", images).items():
        (folder / f"{name}.bin").write_bytes(image)


def tables(module, dialect):
    """The dialect's tables, as the program prints them."""
    def ask():
        done = subprocess.run([module, "--describe", dialect], check=True,
                              capture_output=True, text=True)
        return json.loads(done.stdout)
    return ONCE.get(("tables", module, dialect), ask)


class Module:
    """The emulated module: its process, its control socket."""

    def __init__(self, arguments, dialect, folder, options):
        self.arguments, self.dialect = arguments, dialect
        self.folder, self.options = folder, options
        self.process = self.line = self.control = None

    def start(self, more=()):
        log = open(self.folder / "stderr.txt", "ab")
        self.process = subprocess.Popen(
            [self.arguments.module, "--model", self.dialect,
             "--state", str(self.folder / "state"),
             "--firmware", str(self.folder / "old.bin"),
             "--port", f"pty:{self.folder}/tty",
             "--control", str(self.folder / "control"),
             "--speed", "0", "--seed", "1",
             *(o.replace("{folder}", str(self.folder))
               for o in [*self.options, *more])],
            stdout=subprocess.PIPE, stderr=log)
        log.close()
        if not self.process.stdout.readline().startswith(b"ready:"):
            self.process.wait()
            raise Failure("the module did not start: " + self.said().strip())
        self.line = case_line.Line(self.folder / "tty")

    def said(self):
        return (self.folder / "stderr.txt").read_text(errors="replace")

    def ask(self, request):
        if self.control is None:
            self.control = socket.socket(socket.AF_UNIX)
            self.control.settimeout(10)
            self.control.connect(str(self.folder / "control"))
        self.control.sendall(request.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            part = self.control.recv(65536)
            if not part:
                return ""
            answer += part
        return answer.decode().strip()

    def dead(self):
        self.process.wait(LINE_TIMEOUT)
        self.process.stdout.close()
        self.line.close()
        if self.control:
            self.control.close()
            self.control = None

    def stop(self):
        """Returns the exit status: a sanitizer's finding is a failure."""
        if self.process is None or self.process.returncode is not None:
            return 0
        self.process.terminate()
        try:
            self.dead()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return self.process.returncode


def expand(text):
    """{a..b} and {a..b..step} make one line for each number."""
    match = re.search(r"\{(\d+)\.\.(\d+)(?:\.\.(\d+))?\}", text)
    if not match:
        return [text]
    first, last, step = (int(g) if g else 1 for g in match.groups())
    if step == 0 or (last - first) // step >= LINES_MAX:
        raise ValueError("a range of no lines, or of too many")
    return [text[:match.start()] + str(n) + text[match.end():]
            for n in range(first, last + 1, step)]


class Case:
    def __init__(self, path, arguments):
        self.path, self.arguments = path, arguments
        self.steps, self.options = [], []
        self.dialect, self.echo = path.parent.name, False
        self.fota, self.covers = None, []
        self.got, self.size, self.keys = [], 0, []
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise SystemExit(f"{path}: is no UTF-8 text") from None
        for number, line in enumerate(text.splitlines(), 1):
            try:
                self.parse(number, line)
            except (ValueError, IndexError, re.error) as error:
                raise SystemExit(f"{path}:{number}: {error}: {line}") from None

    @staticmethod
    def check(mark, text):
        """What a step cannot do is said before the first one runs."""
        if mark == "<":
            expand(text)
        elif mark == "<~":
            re.compile(text)
        elif mark == "<.":
            int(text)
        elif mark == ">":
            text.encode("latin-1")
        elif mark == ">>":
            text.encode("latin-1").decode("unicode_escape").encode("latin-1")
        elif mark == "!" and not shlex.split(text):
            raise ValueError("no fault")
        elif mark == "=" and " " not in text:
            raise ValueError("a state is a name and a value")

    def parse(self, number, line):
        if not line.strip() or line.startswith("#"):
            return
        mark, _, text = line.partition(" ")
        if mark == "@":
            words = shlex.split(text)
            if words[0] == "module":
                self.options += words[1:]
            elif words[0] == "dialect":
                self.dialect = words[1]
            elif words[0] == "keygen":
                self.keys += words[1:]
            elif words[0] == "echo":
                self.echo = True
            elif words[0] == "fota":
                self.fota = True
            elif words[0] == "covers":
                self.covers += words[1:]
            else:
                raise SystemExit(f"{self.path}:{number}: unknown {line}")
        elif mark in (">", ">>", "<", "<~", "<.", "!", "="):
            self.check(mark, text)
            self.steps.append((number, mark, text))
        else:
            raise SystemExit(f"{self.path}:{number}: not a step: {line}")

    def fill(self, text):
        for name, port in self.server.ports.items():
            scheme = "https" if name.endswith("https") else name
            text = text.replace("{%s}" % name, f"{scheme}://127.0.0.1:{port}")
        for name, port in self.coap.ports.items():
            text = text.replace("{%s}" % name, f"{name}://127.0.0.1:{port}")
        for name in ("coap", "coaps"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.bind(("127.0.0.1", 0))
                port = s.getsockname()[1]
            text = text.replace("{closed%s}" % name,
                                f"{name}://127.0.0.1:{port}")
        text = text.replace("{port}", str(self.server.ports["http"]))
        text = text.replace("{folder}", str(self.folder))
        if isinstance(self.fota, fota_server.FotaServer):
            text = text.replace("{fota}", f"http://127.0.0.1:{self.fota.port}")
        text = re.sub(r"\{hash (\w+)\}", self.version_of, text)
        text = text.replace("{size}", str(self.size))
        if "{closed}" in text:
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                port = s.getsockname()[1]
            text = text.replace("{closed}", f"http://127.0.0.1:{port}")
        return text

    def version_of(self, match):
        image = (self.folder / f"{match.group(1)}.bin").read_bytes()
        return hashlib.sha256(image).hexdigest()[:8]

    def run(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dfota-case-"))
        self.files = {}
        self.server = case_server.Server(self.folder, self.files)
        self.coap = case_coap.Server(self.folder, self.files)
        self.module = None
        try:
            if self.fota:
                self.fota = fota_server.FotaServer(
                    self.files, lambda: self.fill("{http}"))
                self.options += ["--fota-server", self.fill("{fota}")]
            if self.arguments.port is None and any("https}" in s[2] or s[2].endswith(
                    (" ca", " other", " server", " mutual")) for s in self.steps):
                self.server.start_tls()
            self.open_line()
            for number, mark, text in self.steps:
                self.number = number
                self.step(mark, text)
            if self.module and self.module.stop() not in (0, -9):
                raise Failure("the module ended badly:\n" + self.module.said())
        finally:
            if self.module:
                self.module.stop()
            self.server.stop()
            self.coap.stop()
            if isinstance(self.fota, fota_server.FotaServer):
                self.fota.stop()
            shutil.rmtree(self.folder, ignore_errors=True)

    def open_line(self):
        self.number = 0
        if self.arguments.port:
            if any(s[1] in "!=" for s in self.steps):
                raise Skip("needs the emulator")
            self.line = case_line.Line(self.arguments.port)
        else:
            make_images(self.folder)
            for name in self.keys:
                self.do_keygen(name)
            self.module = Module(self.arguments, self.dialect, self.folder,
                                 self.options)
            self.module.start()
            self.line = self.module.line
            self.first_words()
        if not self.echo:
            self.line.send(b"ATE0\r")
            while self.line.next(LINE_TIMEOUT) not in ("OK", None):
                pass

    def first_words(self):
        """What a fresh module prints; cases say what follows a restart."""
        dialect = tables(self.arguments.module, self.dialect)
        power = dialect["power"]
        self.state("registered", "true")
        if power["silent_adaptive"] and power["factory_rate"] == 0:
            self.do_probe()
            return
        for want in power["banner"]:
            self.expect(lambda got, want=want: got == want, want)
        if dialect["polling"]:
            self.expect(lambda got: "polling" in got, "polling_time")

    def do_probe(self):
        """Send AT until it answers, then drop what is left of that."""
        end = time.monotonic() + LINE_TIMEOUT
        while True:
            self.line.send(b"AT\r")
            if self.line.next(0.2) is not None:
                break
            if time.monotonic() > end:
                raise Failure("no answer to AT")
        self.line.send(b"AT+GCAP\r")
        while self.line.next(LINE_TIMEOUT) not in ("+GCAP: +CGSM", None):
            pass
        self.line.next(LINE_TIMEOUT)

    def do_fota(self, *words):
        self.fota.set([self.fill(w) for w in words])

    def step(self, mark, text):
        text = self.fill(text)
        if mark == ">":
            self.line.send(text.encode("latin-1") + b"\r")
        elif mark == ">>":
            self.line.send(text.encode("latin-1").decode("unicode_escape")
                           .encode("latin-1"))
        elif mark == "<":
            for want in expand(text):
                self.expect(lambda got, want=want: got == want, want)
        elif mark == "<~":
            self.expect(lambda got: re.fullmatch(text, got), "~ " + text)
        elif mark == "<.":
            got = self.line.next(int(text) / 1000)
            if got is not None:
                raise Failure(f"silence expected, got: {got}")
        elif mark == "!":
            self.fault(shlex.split(text), text)
        else:
            self.state(*text.split(" ", 1))

    def expect(self, matches, want):
        got = self.line.next(LINE_TIMEOUT)
        if got is None:
            said = self.module.said() if self.module else ""
            raise Failure(f"expected: {want}\ngot nothing for "
                          f"{LINE_TIMEOUT:g} s\nit said:\n{said}")
        self.got.append(got)
        if not matches(got):
            rest = []
            while len(rest) < 5 and (line := self.line.next(0.2)):
                rest.append(line)
            diff = "\n".join(difflib.ndiff([want], [got]))
            raise Failure("\n".join([diff, *("  then " + r for r in rest)]))

    def fault(self, words, text):
        own = getattr(self, "do_" + words[0].replace("-", "_"), None)
        if own is not None:
            own(*(text.split(" ")[1:] if words[0] == "until" else words[1:]))
            return
        answer = self.module.ask(text)
        if answer != "OK" and words != ["power", "cut"]:
            raise Failure(f"control: {text}: {answer}")

    def do_server(self, *words):
        self.server.set(list(words))

    def do_coap(self, *words):
        self.coap.set(list(words))

    def do_coaps(self, name, how):
        self.coap.start_secure(name, how)

    def do_package(self, name, *options):
        """--from and --to name the images; the rest goes to dfota diff."""
        images = {"--from": "old", "--to": "new"}
        options = list(options)
        for key in images:
            if key in options:
                at = options.index(key)
                images[key] = options[at + 1]
                del options[at:at + 2]
        pair = [(self.folder / f"{images[k]}.bin").read_bytes()
                for k in ("--from", "--to")]
        options = [o.replace("{folder}", str(self.folder)) for o in options]
        # Keys are made once a run, so their names tell them apart.
        key = (*pair, *(o.replace(str(self.folder), "") for o in options))
        self.files["/" + name] = ONCE.get(
            key, lambda: self.make_package(name, pair, options))

    def make_package(self, name, pair, options):
        for end, image in zip(("from", "to"), pair):
            (self.folder / f"{name}.{end}").write_bytes(image)
        package = self.folder / name
        done = subprocess.run(
            [self.arguments.dfota, "diff", str(self.folder / f"{name}.from"),
             str(self.folder / f"{name}.to"), "-o", str(package), *options],
            capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure("dfota diff: " + done.stderr.strip())
        return package.read_bytes()

    def do_permit(self, new, name, key, device):
        (self.folder / name).write_bytes(self.files["/" + name])
        done = subprocess.run(
            [self.arguments.dfota, "permit", str(self.folder / name),
             "--key", str(self.folder / f"{key}.pem"), "--device", device,
             "-o", str(self.folder / new)], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure("dfota permit: " + done.stderr.strip())
        self.files["/" + new] = (self.folder / new).read_bytes()

    def do_image(self, name, size):
        rng = random.Random(name)
        (self.folder / f"{name}.bin").write_bytes(rng.randbytes(int(size)))

    def do_body(self, name, size):
        self.files["/" + name] = random.Random(3).randbytes(int(size))

    def do_corrupt(self, name, offset):
        body = bytearray(self.files["/" + name])
        body[int(offset)] ^= 0x10
        self.files["/" + name] = bytes(body)

    def do_truncate(self, name, length):
        self.files["/" + name] = self.files["/" + name][:int(length)]

    def do_upload(self, name, count="-1"):
        """Send a file's bytes on the line, as data mode wants them."""
        body = self.files["/" + name]
        self.line.send(body if count == "-1" else body[:int(count)])

    def do_until(self, *words):
        """Take lines up to this one: for what other cases look at."""
        want = " ".join(words)
        while (got := self.line.next(LINE_TIMEOUT)) != want:
            if got is None:
                raise Failure(f"waited for: {want}")
            self.got.append(got)

    def do_pem(self, name):
        names = {"ca": "server.pem", "other": "other.pem"}
        self.files["/" + name] = (self.folder / names[name]).read_bytes()

    def do_size(self, name):
        self.size = len(self.files["/" + name])

    def do_keygen(self, name):
        def make():
            place = self.folder / f"{name}.pem"
            subprocess.run([self.arguments.dfota, "keygen", "-o", str(place)],
                           check=True, capture_output=True)
            public = place.with_suffix(".pub.pem")
            return place.read_bytes(), public.read_bytes()
        private, public = ONCE.get(("key", name), make)
        (self.folder / f"{name}.pem").write_bytes(private)
        (self.folder / f"{name}.pub.pem").write_bytes(public)

    def do_file(self, path, *content):
        place = self.folder / "state" / "files" / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        names = {"ca": "server.pem", "other": "other.pem",
                 "otherkey": "other.key", "cakey": "server.key"}
        if content[0] in names:
            shutil.copy(self.folder / names[content[0]], place)
        else:
            place.write_text(" ".join(content))

    def do_padded(self, name, block):
        body = self.files["/" + name]
        for at in range(0, len(body), int(block)):
            self.line.send(body[at:at + int(block)].ljust(int(block), b"\0"))

    def do_noise(self, count):
        noise = random.Random(7).randbytes(int(count))
        self.line.send(noise.translate(None, b"\r\x01aA"))

    def do_flood(self, count):
        self.line.send(b"AT" + b"x" * int(count) + b"\r")

    def do_flush(self):
        """Up to the answer of a marker."""
        self.line.send(b"ATE0Q0V1\rAT+GCAP\r")
        while self.line.next(LINE_TIMEOUT) not in ("+GCAP: +CGSM", None):
            pass
        self.line.next(LINE_TIMEOUT)

    def store(self, path):
        return self.folder / "state" / "files" / path.lstrip("/")

    def do_folder(self, path):
        self.store(path).mkdir(parents=True)

    def do_pipe(self, path):
        os.mkfifo(self.store(path))
        self.reader = os.open(self.store(path), os.O_RDONLY | os.O_NONBLOCK)

    def do_unpipe(self):
        os.close(self.reader)

    def do_fill(self, path, size):
        with open(self.store(path), "wb") as f:
            f.truncate(int(size))

    def do_setting(self, key, value):
        place = self.folder / "state" / "settings.json"
        settings = json.loads(place.read_text())
        settings[key] = int(value)
        place.write_text(json.dumps(settings))

    def do_break(self, name):
        place = "settings.json" if name == "settings" else name
        (self.folder / "state" / place).write_bytes(b"\0noise{" * 9)

    def do_died(self):
        self.module.dead()
        if self.module.process.returncode != -9:
            raise Failure(f"exit status {self.module.process.returncode}")

    def do_start(self, *options):
        self.module.start(options)
        self.line = self.module.line

    def state(self, key, value=""):
        """What the line does not tell may come a moment later than what it
        does: ask until it is so."""
        end = time.monotonic() + LINE_TIMEOUT
        while True:
            got = self.ask_state(key, value)
            if got is None:
                return
            if time.monotonic() > end:
                raise Failure(f"= {key}\n- {value}\n+ {got}")
            time.sleep(0.01)

    def ask_state(self, key, value):
        """None when it is so, else what it is."""
        if key == "requests":
            got = str(self.server.requests)
        elif key in ("range", "if-range"):
            index, value = value.split(" ", 1)
            headers = {"range": self.server.ranges,
                       "if-range": self.server.if_ranges}[key]
            got = headers[int(index)] if int(index) < len(headers) else "none"
        elif key == "coap_requests":
            got = str(self.coap.requests)
        elif key == "coap_offset":
            index, value = value.split(" ", 1)
            offsets = self.coap.blocks
            got = str(offsets[int(index)]) if int(index) < len(offsets) \
                else "none"
        elif key == "calls":
            got = " ".join(self.fota.calls)
        elif key == "result":
            got = json.dumps(self.fota.results[-1:])
        elif key == "query":
            got = (self.fota.queries or [""])[-1]
        elif key == "said":
            got = self.module.said()
            return None if re.search(value, got) else got
        else:
            state = json.loads(self.module.ask("state"))
            if key not in state:
                raise Failure(f"state has no {key}")
            got = state[key]
            got = json.dumps(got) if not isinstance(got, str) else got
        return None if re.fullmatch(value, got) else got


def run_one(path, arguments):
    case = Case(path, arguments)
    try:
        case.run()
    except Skip as why:
        print(f"skip {path}: {why}")
        return True
    except (Failure, OSError, subprocess.SubprocessError, ValueError) as why:
        print(f"{path}:{case.number}: failed\n{why}")
        return False
    print(f"ok   {path}", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--module", default="build/bin/dfota-module")
    parser.add_argument("--dfota", default="build/bin/dfota")
    parser.add_argument("--port", help="a real module's serial port")
    parser.add_argument("--patience", type=float, default=30.0,
                        help="seconds until a silent line is a failure")
    parser.add_argument("--jobs", type=int, default=1,
                        help="cases that run side by side (emulator only)")
    parser.add_argument("cases", nargs="+", type=pathlib.Path,
                        help="case files, or folders of them")
    arguments = parser.parse_args()
    global LINE_TIMEOUT
    LINE_TIMEOUT = arguments.patience
    paths = [case for path in arguments.cases
             for case in (sorted(path.glob("*.case")) if path.is_dir()
                          else [path])]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        results = list(pool.map(lambda p: run_one(p, arguments), paths))
    print(f"{len(results)} cases, {results.count(False)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
