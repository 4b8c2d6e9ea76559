#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where the fuzzing of a module's line begins: what the cases say, what the
control socket takes, what telnet clients and servers send.

Usage: line_seeds.py FOLDER      (a folder for each target is made in it)
"""
import pathlib
import re
import sys

CASES = pathlib.Path(__file__).resolve().parent.parent / "cases"
DIALECTS = CASES.parent.parent / "src/modem/dialects"
PASS_1S, PASS_1MIN = b"\xfc", b"\xfe"

VERBS = """power off
power on
net down
net up
net loss 5
net rtt 300
sim out
sim in
sim roaming
sim other
dtr off
dtr on
clock +86400
battery 15
rssi -90
fail-at package:3
recover /proc/self/exe
state
""".splitlines()

CONF = """# radio
default_port_https = 443
rssi_dbm = -97
operator_name = a name
imei = 866425030000099
boot_ms = 70000
connect_tries = 3
"""

HEAD = """\x01HTTP/1.1 206 Partial Content
Content-Length: 700
Content-Range: bytes 100-799/800
ETag: "abc-1"
Repr-Digest: sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:
Content-Digest: sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:
Digest: SHA-256=RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=
Transfer-Encoding: chunked
"""


def com_port(command, value=b""):
    return b"\xff\xfa\x2c" + bytes([command]) + value + b"\xff\xf0"


def telnet():
    yield b"\xff\xfd\x00\xff\xfb\x00\xff\xfd\x03\xff\xfb\x03\xff\xfb\x2c"
    yield com_port(0) + com_port(1, b"\x00\x00\x25\x80") + b"AT\r\0\xff\xff"
    yield b"".join(com_port(5, bytes([v])) for v in range(20))
    yield b"".join(com_port(c, b"\x08") for c in range(2, 13))
    yield com_port(8) + com_port(12, b"\x03") + com_port(9)


def case_line(path):
    """The bytes that a case sends, with a minute where it waits."""
    out = b""
    for text in path.read_text().splitlines():
        mark, _, words = text.partition(" ")
        words = re.sub(r"\{(\w+)\}", r"http://\1", words)
        if mark == ">":
            out += words.encode("latin-1", "replace") + b"\r"
        elif mark == ">>":
            out += words.encode("latin-1", "replace").decode(
                "unicode_escape").encode("latin-1", "replace")
        elif mark in ("<.", "<~"):
            out += PASS_1S
        elif mark == "<" and "QIND" in words:
            out += PASS_1MIN
    return out[:4000]


def coap():
    path = b"\xb5large\x06update"  # Uri-Path twice
    yield b"\0\x41\x01\x12\x34\x77" + path + b"\xc1\x02"
    yield b"\0\x62\x45\x12\x34ab\x48ETAG1234\xd1\x06\x2e\x52\x12\x34\xff" \
        + bytes(64)
    yield b"\0\x40\x00\x00\x01"
    yield b"\0\x44\x02\x00\x01abcd\xb2rd\x11\x28\x35ep=me\x05lt=60\xff</1>"
    for url in ("coap://h/a/b%20c?x=1&y", "coaps://[::1]:5685/", "coap://1.2.3"):
        yield b"\1" + url.encode()


def api():
    """Contents for calls of people, addresses of packages, cookies."""
    for text in ('{"name": "ada", "role": "viewer", "password": "x y z a b c"}',
                 '{"role": "admin"}', '{"name": "t", "user": "admin", "role": '
                 '"viewer", "expires_in": "90d"}', '{"name": "tenant"}',
                 '{"url": "https://h/x", "events": ["plan", "audit"]}',
                 '{"url": "http://[::1]/", "events": [], "secret": "a"}',
                 '{"active": false}', '{"dry_run": true, "modules": [{"imei": '
                 '"350000000000001", "model": "m", "tags": "a,b"}, 7, {}]}',
                 '{"state": "held", "group": "g", "tags": ""}',
                 '{"name": "\\ud800", "name": 1}', '{"tenant": 1e400}'):
        for route in range(8):
            yield bytes([0, route]) + text.encode()
    yield b"\1p/AAAAAAAAAAAAAAAAAAAAAA/1790000000-BBBBBBBBBBBBBBBBBBBBBB/n"
    yield b"\1p/AAAAAAAAAAAAAAAAAAAAAA/99999999999999999999-B/n"
    yield b"\2a=b; dfota_session=" + b"A" * 43 + b"; c"
    yield b"\2dfota_session=" + b"A" * 43 + b";dfota_session=" + b"B" * 43
    yield b"\3Bearer 1.1.350000000000001.pr.1790000000.AAAAAAAAAAAAAAAAAAAAAA"
    yield b"\3bearer   1.1.1.1.1.1"


def config():
    """Files of dfotad, good and bad."""
    yield (b"data: /var/lib/dfotad\nhttps: 0.0.0.0:443\ntls-cert: [a, b]\n"
           b"tls-key:\n- c\n- d\nkeep_audit: 90d\nworkers: 2\nsigning: key\n"
           b"signing-key: 'pkcs11:token=t?pin-value=1'\napprove-self: true\n")
    for text in ("", "---\n...\n", "data: &a x\nnode: *a\n", "? [a]\n: b\n",
                 "data: x\n---\ndata: y\n", "workers: 010\n", "\tdata: x\n",
                 "approve-self: flase\n", "!!map {data: x}\n", "data: |\n  x\n",
                 'node: "\\x41\\u00e9\\0"\n', "data: x\ndata: y\n"):
        yield text.encode()


def proxy():
    """Fields of a proxy: chains (0), schemes (1), certificates (2)."""
    yield (b"\x0410.0.0.0/8\n\x042001:db8::/33\n\x10198.51.100.1, 192.0.2.1\n"
           b"\x1010.0.0.1:80 ,, [2001:db8::1]:443\n\x10a\n\x11https\n")
    yield b"\x11https, http\n\x12MAMBAgM=\n\x12MAMB%41gM\n\x12MIIBAA=="
    yield (b"\x12-----BEGIN%20CERTIFICATE-----%0AMAMB%0AAgM%3D%0A"
           b"-----END%20CERTIFICATE-----%0A")
    yield b"\x12-----BEGIN%2\n\x12%\n\x10::ffff:1.2.3.4\n\x040.0.0.0/0"


def write(folder, target, name, content):
    place = pathlib.Path(folder) / target
    place.mkdir(parents=True, exist_ok=True)
    (place / name).write_bytes(content)


def main():
    folder = sys.argv[1]
    families = sorted(p.stem for p in DIALECTS.glob("*.c"))
    for path in sorted(CASES.glob("*/*.case")):
        name = path.parent.name
        family = families.index(name) if name in families else 0
        write(folder, "at", f"{name}-{path.stem}",
              bytes([family]) + case_line(path))
    write(folder, "at", "upload", b'\1AT+QFUPL="x",10,5,1\r0123456789'
          b'AT+QFDWL="x"\r' + PASS_1S + b"+++" + PASS_1S)
    for i, url in enumerate("0123456789abcdef"):
        write(folder, "at", f"url{i}", bytes([i]) + b'AT+QFOTADL="http://h/%s"\r'
              % url.encode() + PASS_1MIN * 3)
    for i, verb in enumerate(VERBS):
        write(folder, "control", f"verb{i}",
              f"{chr(i % 8)}{verb}\nAT+CSQ;+CREG?\nstate\n".encode())
    write(folder, "control", "all", ("\1" + "\n".join(VERBS)).encode())
    for i, piece in enumerate(telnet()):
        write(folder, "rfc2217", f"piece{i}", piece)
    write(folder, "rfc2217", "all", b"".join(telnet()))
    for i, piece in enumerate(coap()):
        write(folder, "coap_msg", f"piece{i}", piece)
    for i, piece in enumerate(api()):
        write(folder, "api", f"piece{i}", piece)
    for i, piece in enumerate(proxy()):
        write(folder, "proxy", f"piece{i}", piece)
    for i, piece in enumerate(config()):
        write(folder, "config", f"piece{i}", piece)
    write(folder, "dialect_conf", "all", CONF.encode())
    write(folder, "http_head", "all", HEAD.encode())


if __name__ == "__main__":
    main()
