#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The line of a failure runs exactly that failure again.

usage: test_replay.py POWERCUT MUTANT..
"""
import re
import subprocess
import sys


def run(program, *args):
    done = subprocess.run([program, *args], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL, timeout=300)
    return done.returncode, done.stdout


def main():
    good, mutants = sys.argv[1], sys.argv[2:]
    for mutant in mutants:
        status, said = run(mutant, "--runs", "60000", "--bricks", "1")
        found = re.search(r"^BRICK (.*): --replay (\S+)$", said, re.M)
        assert status == 1 and found, f"{mutant} lives: {said}"
        why, line = found.groups()
        first = run(mutant, "--replay", line)
        assert first[0] == 1 and f": {why}, " in first[1], (mutant, first)
        assert run(mutant, "--replay", line) == first, mutant
        status, said = run(good, "--replay", line)
        assert status == 0 and ": well, " in said, (mutant, line, said)
    status, _ = run(good, "--replay", "g0.m1.s0/nonsense")
    assert status == 2, status
    print(f"{len(mutants)} lines, each the same run again")


if __name__ == "__main__":
    main()
