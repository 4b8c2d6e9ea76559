#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run a command beside a PostgreSQL of its own.

Usage: with_postgresql.py COMMAND [ARGUMENT]...

The server lives in a new folder, listens on a socket in it and nowhere else,
and is gone with the command. The command finds it in DFOTA_TEST_DATABASE.
PostgreSQL does not run as root: then it is given to the user "nobody", or in
a namespace that has no such user to one in a namespace of its own.
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


def is_root_of_the_machine():
    """Not of a user namespace that knows one user only."""
    with open("/proc/self/uid_map") as f:
        return os.getuid() == 0 and int(f.read().split()[2]) > 65535


class Postgresql:
    """with Postgresql() as url: ..."""

    def __init__(self, inside=(), listen=""):
        """inside: words in front of every program, as those that enter a
        network namespace; listen: an address there, trusted with all of its
        network."""
        self.root, self.inside, self.listen = None, list(inside), listen

    def __enter__(self):
        self.root = tempfile.mkdtemp(prefix="dfota-pg-")
        if is_root_of_the_machine():
            entry = pwd.getpwnam("nobody")
            os.chown(self.root, entry.pw_uid, entry.pw_gid)
            self.inside += ["setpriv", f"--reuid={entry.pw_uid}",
                            f"--regid={entry.pw_gid}", "--clear-groups"]
        elif os.getuid() == 0:
            self.inside += ["unshare", "-U", "--map-user=1000",
                            "--map-group=1000"]
        self.data = os.path.join(self.root, "data")
        self.run("initdb", "-D", self.data, "-U", "dfota", "-A", "trust",
                 "-E", "UTF8", "--no-locale", "--no-sync")
        if self.listen:
            with open(os.path.join(self.data, "pg_hba.conf"), "a") as f:
                f.write("host all all samenet trust\n")
        self.start()
        self.url = f"postgresql:///postgres?user=dfota&host={self.root}"
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def run(self, name, *arguments):
        done = subprocess.run([*self.inside, program(name), *arguments],
                              cwd=self.root, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"{name}: {done.stdout}{done.stderr}")

    def start(self):
        # Only what is local and soon gone: durability is PostgreSQL's own.
        options = (f"-c listen_addresses='{self.listen}' -c unix_socket_directories="
                   f"'{self.root}' -c max_connections=60 -c fsync=off")
        log = os.path.join(self.root, "log")
        pg_ctl = program("pg_ctl")
        with open(os.path.join(self.root, "start"), "w") as out:
            done = subprocess.run(
                [*self.inside, pg_ctl, "-w", "-D", self.data, "-l", log, "-o",
                 options, "start"], cwd=self.root,
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
