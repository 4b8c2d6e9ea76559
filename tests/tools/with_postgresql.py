#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run a command beside a PostgreSQL of its own.

Usage: with_postgresql.py COMMAND [ARGUMENT]...

The server lives in a new folder, listens on a socket in it and nowhere else,
and is gone with the command. The command finds it in DFOTA_TEST_DATABASE.
PostgreSQL does not run as root: then it is given to the user "nobody".
"""
import glob
import os
import pwd
import shutil
import subprocess
import sys
import tempfile


def program(name):
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
    path = found[-1] if found else shutil.which(name)
    if not path:
        sys.exit(f"with_postgresql: no {name}; install postgresql")
    return path


class Postgresql:
    """with Postgresql() as url: ..."""

    def __init__(self):
        self.root = None

    def __enter__(self):
        self.root = tempfile.mkdtemp(prefix="dfota-pg-")
        self.user = "nobody" if os.getuid() == 0 else None
        if self.user:
            entry = pwd.getpwnam(self.user)
            os.chown(self.root, entry.pw_uid, entry.pw_gid)
        self.data = os.path.join(self.root, "data")
        self.run("initdb", "-D", self.data, "-U", "dfota", "-A", "trust",
                 "-E", "UTF8", "--no-locale", "--no-sync")
        self.start()
        self.url = f"postgresql:///postgres?user=dfota&host={self.root}"
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def run(self, name, *arguments):
        done = subprocess.run([program(name), *arguments], user=self.user,
                              cwd=self.root, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"{name}: {done.stdout}{done.stderr}")

    def start(self):
        # Only what is local and soon gone: durability is PostgreSQL's own.
        options = (f"-c listen_addresses='' -c unix_socket_directories="
                   f"'{self.root}' -c max_connections=60 -c fsync=off")
        log = os.path.join(self.root, "log")
        pg_ctl = program("pg_ctl")
        with open(os.path.join(self.root, "start"), "w") as out:
            done = subprocess.run(
                [pg_ctl, "-w", "-D", self.data, "-l", log, "-o", options,
                 "start"], user=self.user, cwd=self.root,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        if done.returncode != 0:
            with open(log) as said:
                raise AssertionError(said.read())

    def stop(self, mode="immediate"):
        self.run("pg_ctl", "-w", "-D", self.data, "-m", mode, "stop")


def main(argv):
    if len(argv) < 2:
        sys.exit(__doc__)
    with Postgresql() as server:
        environment = dict(os.environ, DFOTA_TEST_DATABASE=server.url)
        return subprocess.run(argv[1:], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv))
