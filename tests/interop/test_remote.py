#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dfota upgrade over rfc2217: to a module at 9600, which is at 115200 in
DFOTA mode: what comes at another rate is lost.

usage: test_remote.py MODULE DFOTA
"""

import pathlib
import re
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from module_rig import Rig  # noqa: E402


def set_rate(port):
    with socket.create_connection(("127.0.0.1", port), 60) as s:
        s.sendall(b"ATE0\rAT+IPR=9600;&W\r")
        got = b""
        while got.count(b"OK") < 2:
            part = s.recv(4096)
            assert part, got
            got += part


def main():
    module, dfota = sys.argv[1:3]
    with tempfile.TemporaryDirectory(prefix="dfota-remote-") as name:
        folder = pathlib.Path(name)
        rig = Rig(folder, module, dfota)
        package = rig.package("bg95")
        process = subprocess.Popen(
            [module, "--model", "bg95", "--state", str(folder / "state"),
             "--firmware", str(folder / "old.bin"), "--speed", "0",
             "--port", "rfc2217:127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            port = int(re.search(r"127\.0\.0\.1:(\d+)",
                                 process.stdout.readline()).group(1))
            set_rate(port)
            done = subprocess.run(
                [dfota, "upgrade", "--port", f"rfc2217:127.0.0.1:{port}",
                 "--baud", "9600", "--url", f"{rig.url}/{package}",
                 "--to-version", "1.1.0"],
                capture_output=True, text=True, timeout=240)
            assert done.returncode == 0, done.stdout + done.stderr
            # Its words in DFOTA mode were read, not only the new version.
            assert "dfota: update\n" in done.stderr, done.stderr
            assert "dfota: reboot\n" in done.stderr, done.stderr
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            rig.stop()
    print("remote: bg95 at 9600 runs 1.1.0")


if __name__ == "__main__":
    main()
