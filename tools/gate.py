# SPDX-License-Identifier: Apache-2.0
"""What the gates in this folder share: the tree, its files, the verdict."""
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def root_of(argv):
    """Take `--root DIR` out of the arguments (tests use it)."""
    if "--root" in argv:
        at = argv.index("--root")
        root = Path(argv[at + 1]).resolve()
        del argv[at:at + 2]
        return root
    return ROOT


def tracked(root):
    """Files that git tracks, or all files where there is no repository."""
    done = subprocess.run(["git", "-C", str(root), "ls-files", "-z"],
                          capture_output=True, check=False)
    if done.returncode == 0 and done.stdout:
        names = done.stdout.decode().split("\0")[:-1]
    else:
        names = [str(p.relative_to(root)) for p in root.rglob("*")]
    return sorted(n for n in names if (root / n).is_file())


def verdict(name, findings, checked):
    """One line per finding, or one that says all is well; the exit code."""
    for line in findings:
        print(line)
    if findings:
        print("%s: %d findings" % (name, len(findings)))
    else:
        print("%s: %s, no findings" % (name, checked))
    sys.stdout.flush()
    return 1 if findings else 0
