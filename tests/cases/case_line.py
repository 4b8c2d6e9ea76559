# SPDX-License-Identifier: Apache-2.0
"""The serial line of a case: lines in, bytes out."""

import os
import re
import select
import termios
import time
import tty


class Line:
    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd, termios.TCSANOW)
        self.rest = b""
        self.lines = []

    def send(self, data):
        while data:
            data = data[os.write(self.fd, data):]

    def _pull(self, timeout):
        if not select.select([self.fd], [], [], timeout)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        if not data:
            return False
        parts = re.split(rb"[\r\n]+", self.rest + data)
        self.rest = parts.pop()
        self.lines += [p.decode("latin-1") for p in parts if p]
        return True

    def next(self, timeout):
        end = time.monotonic() + timeout
        while not self.lines:
            if not self._pull(max(0, end - time.monotonic())):
                return None
        return self.lines.pop(0)

    def close(self):
        os.close(self.fd)
