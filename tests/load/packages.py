# SPDX-License-Identifier: Apache-2.0
"""A package of 200 KB, whole and 16 KB of it, on a kept connection."""
from rows import Nginx, against_nginx, get, row

PART = "Range: bytes=1000-17383"


def run(bench):
    path, package = bench.package("packages")
    nginx = Nginx(bench.root, {"pkg": package}, bench.node.data)
    same = 0
    for secure, factor in ((False, 2.0), (True, 1.3)):
        scheme = "HTTPS" if secure else "HTTP"
        same += against_nginx(
            f"package of {len(package) // 1000} KB, {scheme}", factor, bench,
            get(path), 200, nginx, "/pkg", 800, secure)
        same += against_nginx(
            f"Range of 16 KB, {scheme}", 1.5, bench, get(path, PART), 206,
            nginx, "/pkg", 2000, secure, (PART,))
    row("bytes of those four", f"{same} identical", "4", same == 4)
    nginx.stop()
