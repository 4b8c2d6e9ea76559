# SPDX-License-Identifier: Apache-2.0
"""Network namespaces, joined by a bridge, for machines that are one machine.

The process that wants them runs in one of its own (enter()), as root or, where
the kernel lets ordinary users, in a user namespace. All of it is gone with the
processes: nothing has a name, nothing is left behind by a crash.
"""
import os
import shutil
import subprocess
import sys
import time

INSIDE = "DFOTA_INSIDE_A_NAMESPACE"
NET = "10.77.0."


def enter():
    """Go on in a network namespace, from the beginning of the program.
    returns None there; a reason where it cannot be."""
    if INSIDE in os.environ:
        ip("link", "set", "lo", "up")
        ip("link", "add", "bridge0", "type", "bridge")
        ip("addr", "add", NET + "1/24", "dev", "bridge0")
        ip("link", "set", "bridge0", "up")
        return None
    for program in ("ip", "unshare", "nsenter", "setpriv"):
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin"):
            return f"no {program}"
    how = ["unshare", "-n" if os.getuid() == 0 else "-Urn"]
    done = subprocess.run([*how, "true"], capture_output=True, text=True)
    if done.returncode != 0:
        return "no network namespaces: " + done.stderr.strip()
    os.environ[INSIDE] = "1"
    os.environ["PATH"] += ":/usr/sbin"
    os.execvp(how[0], [*how, sys.executable, *sys.argv])


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"ip {' '.join(words)}: {done.stderr}")


class Space:
    """A machine: its address is 10.77.0.NUMBER."""

    def __init__(self, number):
        self.number, self.address = number, NET + str(number)
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "-n", "sleep",
             "infinity"])
        mine = os.readlink("/proc/self/ns/net")
        end = time.monotonic() + 60
        while os.readlink(f"/proc/{self.process.pid}/ns/net") == mine:
            if time.monotonic() > end:
                raise AssertionError("no namespace")
            time.sleep(0.005)
        self.inside = ["nsenter", f"--net=/proc/{self.process.pid}/ns/net",
                       "--"]
        self.wire = f"wire{number}"
        ip("link", "add", self.wire, "type", "veth", "peer", "name", "eth0",
           "netns", str(self.process.pid))
        ip("link", "set", self.wire, "master", "bridge0", "up")
        for words in (["link", "set", "lo", "up"],
                      ["addr", "add", self.address + "/24", "dev", "eth0"],
                      ["link", "set", "eth0", "up"]):
            subprocess.run([*self.inside, "ip", *words], check=True)

    def plug(self, there):
        """The cable: in, or out."""
        ip("link", "set", self.wire, "up" if there else "down")

    def close(self):
        self.process.kill()
        self.process.wait()
