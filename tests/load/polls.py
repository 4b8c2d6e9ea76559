# SPDX-License-Identifier: Apache-2.0
"""A poll that is refused, its token checked, on a kept connection."""
from rows import Nginx, against_nginx, poll_of


def run(bench):
    module, answer = bench.refused("polls")
    nginx = Nginx(bench.root, {"poll": answer}, bench.node.data)
    for secure in (False, True):
        against_nginx(f"poll over kept HTTP{'S' * secure}, token checked",
                      1.5, bench, poll_of(module), 404, nginx, "/poll", 4000,
                      secure)
    nginx.stop()
