#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Case files that are none: every one is refused with file and line, and
before anything runs.

usage: test_case_parser.py [SEED [COUNT]]
"""
import pathlib
import random
import re
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import run_case  # noqa: E402

FOLDER = pathlib.Path(__file__).parent
SPICE = ["{", "}", "{1..9}", "{9..1..0}", "{1..99999999999}", "(", "[", "\\",
         "\\x", "\\u12", "\"", "'", "\0", "\x85", "\u2028", "é", "\U0001F600",
         "@", "@ ", "! ", "= ", "<. ", "<~ ", ">> ", "\n", "\r", "\t", " "]
BAD = {  # text: what is said behind the line's number
    "@": "list index", "@ module 'x": "No closing quotation",
    "@ nonsense": "unknown", "@ dialect": "list index", "?": "not a step",
    "<~ (": "missing \\)", "<. soon": "invalid literal", ">> \\x1": "escape",
    ">> \u20ac": "latin-1", "> \u20ac": "latin-1", "!": "no fault",
    "! 'x": "No closing quotation", "= power": "a name and a value",
    "< {1..10..0}": "a range of", "< {1..99999999}": "a range of",
}


def read(path):
    """What the parser says of a file; None: it takes it."""
    try:
        run_case.Case(path, None)
    except SystemExit as refused:
        return str(refused)
    return None


def mutate(rng, text):
    text = list(text)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(text) + 1)
        if rng.random() < 0.5:
            text[at:at] = rng.choice(SPICE)
        elif rng.random() < 0.5:
            del text[at:at + rng.randint(1, 20)]
        else:
            to = rng.randrange(len(text) + 1)
            text[at:at] = text[to:to + rng.randint(1, 40)]
    return "".join(text)


def main():
    seed, count = (int(a) for a in (sys.argv[1:] + ["1", "4000"][
        len(sys.argv) - 1:]))
    rng = random.Random(seed)
    cases = sorted(FOLDER.glob("*/*.case"))
    assert cases and all(read(case) is None for case in cases)
    refused = 0
    with tempfile.TemporaryDirectory(prefix="dfota-cases-") as folder:
        path = pathlib.Path(folder) / "x.case"
        for text, why in BAD.items():
            path.write_text("# good\n" + text + "\n", encoding="utf-8")
            said = read(path)
            assert said and re.search(f"x.case:2: .*{why}", said), (text, said)
        path.write_bytes(b"> AT\xff\n")
        assert read(path).endswith("x.case: is no UTF-8 text")
        for i in range(count):
            text = mutate(rng, rng.choice(cases).read_text())
            path.write_text(text, encoding="utf-8", newline="")
            said = read(path)
            refused += said is not None
            assert said is None or re.match(
                rf"{re.escape(folder)}/x\.case:\d+: \S", said), (i, said)
    assert count // 10 < refused < count, f"{refused} of {count} refused"
    print(f"{count} files, {refused} refused, seed {seed}")


if __name__ == "__main__":
    main()
