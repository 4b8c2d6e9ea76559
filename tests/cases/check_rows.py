#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every row of every dialect's tables has a case.

usage: check_rows.py MODULE [CASES]

The rows come from the program (`dfota-module --describe`), not from a list.
A row counts when a case of that dialect sends the command in that form,
expects that number or line, or says `@ covers ROW` and shows what it says.
Prints the rows and the cases of each dialect; exit status 1 and a line for
each row that has none. The driver (src/modem/*.[ch]) must name no family.
"""

import json
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from run_case import expand  # noqa: E402


class Cases:
    """What the cases of one dialect send, expect and do."""

    def __init__(self, folder):
        self.files = sorted(folder.glob("*.case"))
        self.sent, self.options, self.steps = [], [], []
        self.expected = {}  # line -> names of cases
        self.covers = {}    # row -> expected lines of the cases that name it
        for path in self.files:
            self.read(path)

    def read(self, path):
        covers, lines = [], set()
        for line in path.read_text().splitlines():
            mark, _, text = line.partition(" ")
            if mark in (">", ">>"):
                self.sent.append(text)
            elif mark == "<":
                lines.update(expand(text))
            elif mark == "<~":
                lines.add(re.sub(r"\\(.)", r"\1", text))
            elif mark == "!":
                self.steps.append(text)
                if text.startswith("until "):
                    lines.add(text[6:])
            elif mark == "@":
                words = text.split()
                self.options += words[1:] if words[0] == "module" else []
                covers += words[1:] if words[0] == "covers" else []
        for line in lines:
            self.expected.setdefault(line, []).append(path.name)
        for row in covers:
            self.covers.setdefault(row, set()).update(lines)

    def sends(self, pattern):
        return any(re.search(pattern, text, re.I) for text in self.sent)

    def expects(self, text):
        return any(text in line for line in self.expected)


def command_pattern(name, form):
    bare = re.escape(name)
    tail = {"X": r"(?![A-Z0-9=?&+])" if name[0] in "+" else "",
            "R": r"\?", "W": r"=(?!\?)", "T": r"=\?"}[form]
    if name == "S":
        bare = r"S\d+"
    start = r"(?:AT|;|(?<=[0-9A-Z]))" if name[0] != "+" else r"(?:AT|;)"
    return start + bare + tail


def commands(d, cases):
    for c in d["commands"]:
        for form in c["forms"]:
            yield (f"command {c['name']} {form}",
                   cases.sends(command_pattern(c["name"], form)))
    for e in d["extensions"]:
        yield (f"key {e['key']}", cases.sends(f'"{e["key"]}"'))


def answer_line(d, answer):
    """What must be on the line for it."""
    return {"ERROR": "ERROR", "CME": f"+CME ERROR: {answer['number']}",
            "DOWNLOAD": f'END",{answer["number"]}',
            "UPDATE": f'"END",{answer["number"]}'}[answer["form"]]


def answers(d, cases):
    for a in d["answers"]:
        want = answer_line(d, a)
        if a["cause"] == "none":
            yield "number 0", cases.expects('"END",0')
            continue
        lines = cases.covers.get("cause:" + a["cause"], ())
        yield (f"cause {a['cause']}: {a['form']} {a['number']}",
               any(want in line for line in lines))


def values(p):
    """The first, the second and the last value that a percentage prints."""
    return sorted({p["first"], min(100, p["first"] + p["step"]), 100})


def percents(d, tag, word, p, cases):
    if p["step"] == 0:
        return
    for v in values(p):
        line = (f'+QIND: "{tag}","{word}",{" " if p["blank"] else ""}{v}'
                f'{"%" if p["sign"] else ""}')
        yield f"URC {line}", line in cases.expected


def wording(d, w, cases, downloads):
    tag = w["tag"]
    stages = ["START"] + (["HTTPSTART"] if downloads else [])
    for stage in stages:
        line = f'+QIND: "{tag}","{stage}"'
        yield f"URC {line}", line in cases.expected
    for word in ("downloading", "updating", "restore"):
        if word != "downloading" or downloads:
            yield from percents(d, tag, word.upper(), w[word], cases)
    yield from percents(d, tag, "RESTORE", w["restore_resumed"], cases)
    if w["resume_word"]:
        blank = " " if w["resume_blank"] else ""
        line = (f'+QIND: "{tag}","Last {w["resume_word"]} was not finished,'
                f'{blank}continue {w["resume_word"]}"')
        yield f"URC {line}", line in cases.expected


def urcs(d, cases):
    command, power = d["update_command"], d["power"]
    yield from wording(d, d["words"], cases, command["schemes"])
    if power["silent_from"] == "RESETTING":
        line = '+QIND: "FOTA","RESETTING"'
        yield f"URC {line}", line in cases.expected
    if command["after_download"]:
        line = command["after_download"]
        yield f"line {line}", line in cases.expected
    for line in power["banner"]:
        yield f"banner {line}", line in cases.expected


def polling(d, cases):
    p = d["polling"]
    if not p:
        return
    tag = p["words"]["tag"]
    yield from wording(d, p["words"], cases, True)
    for text in ("UPDATE_TIMEOUT", "polling_time", "report_result"):
        yield (f"URC {tag} {text}",
               cases.expects(f'+QIND: "{tag}","{text}"'))
    for n in (-1, -2, -3, -4):
        line = f'+QIND: "{tag}","POLLING",{n}'
        yield f"URC {line}", line in cases.expected
    for n in p["numbers"]:
        if n == p["nothing_new"]:
            yield f"number {n}", f"number:{n}" in cases.covers
            continue
        line = f'+QIND: "{tag}","HTTPEND",{n}'
        yield f"number {n}", line in cases.expected


def power_cuts(d, cases):
    command, power = d["update_command"], d["power"]
    rows = ["updating", "ended"]
    if command["schemes"]:
        rows += ["downloading", "settling"]
    if power["silent_from"] != "START":
        rows.append("resetting")
    if not power["forced_upgrade"]:
        rows.append("restore")
    if command["local"] or command["path_folder"]:
        rows += ["accepted", "uploading"]
    for row in rows:
        yield f"power cut in {row}", f"power:{row}" in cases.covers


def shared(d, everything):
    """Rows that one dialect's case is enough for."""
    for quirk in d["quirks"]:
        yield (f"quirk {quirk}",
               any(quirk in cases.options for cases in everything))
    for verb in d["control"]:
        if verb == "state":  # asked by every `=` step
            continue
        yield (f"control verb {verb}",
               any(step.split()[0] == verb for cases in everything
                   for step in cases.steps))


def driver():
    """No file of the driver names a family: that is data."""
    names = re.compile(r"\b(bc26|mc65|m65|m08|bg95|bg77|bg96|eg25|ec2[15]|"
                       r"softbank)\b", re.I)
    for path in sorted((HERE.parent.parent / "src" / "modem").glob("*.[ch]")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if names.search(line):
                yield f"{path.name}:{number}: names a family: {line.strip()}"


def main():
    module = sys.argv[1]
    root = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else HERE
    everything, missing, total = [], [], 0
    for folder in sorted(p for p in root.iterdir() if any(p.glob("*.case"))):
        done = subprocess.run([module, "--describe", folder.name], check=True,
                              capture_output=True, text=True)
        d, cases = json.loads(done.stdout), Cases(folder)
        everything.append(cases)
        rows = [row for part in (commands, answers, urcs, polling, power_cuts)
                for row in part(d, cases)]
        print(f"{folder.name}: {len(rows)} rows, {len(cases.files)} cases")
        total += len(cases.files)
        missing += [f"{folder.name}: no case for {name}"
                    for name, covered in rows if not covered]
    missing += [f"no case for {name}" for name, covered
                in shared(d, everything) if not covered]
    missing += driver()
    print("\n".join(missing + [f"{total} cases, {len(missing)} findings"]))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
