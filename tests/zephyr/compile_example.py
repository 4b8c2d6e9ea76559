#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The C examples of a page compile, with every warning there is.

usage: tests/zephyr/compile_example.py PAGE.md CC [FLAGS..]
"""
import re
import subprocess
import sys
from pathlib import Path


def main():
    page = Path(sys.argv[1])
    blocks = re.findall(r"^```c\n(.*?)^```", page.read_text(), re.S | re.M)
    if not blocks:
        sys.exit("%s has no example" % page)
    for number, block in enumerate(blocks, 1):
        done = subprocess.run(sys.argv[2:] + ["-fsyntax-only", "-xc", "-"],
                              input=block, text=True, check=False)
        if done.returncode:
            sys.exit("%s: example %d does not compile" % (page, number))
    print("%s: %d compiled" % (page.name, len(blocks)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
