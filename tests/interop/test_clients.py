#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs that people drive modules with, against dfota-module; and web
servers that they put packages on.

usage: test_clients.py PROGRAMS CLIENTS [NAME]..
       test_clients.py --list-check clients.cmake

PROGRAMS has dfota and dfota-module, CLIENTS is what tools/unpack filled.
A client that this machine lacks is a skipped test (exit status 77).
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import clients as c  # noqa: E402

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def import_serial(bench):
    sys.path.append(bench.clients.python)
    try:
        import serial
    except ImportError:
        raise c.Missing("no python3-serial; ./run check unpacks it") from None
    return serial


# ---- scripts ----------------------------------------------------------------

@case
def chat_drives_a_whole_update(b):
    chat = b.clients.find("chat")
    port = serve(b, b.package("www").parent)
    module, _ = b.module(f"pty:{b.dir}/tty")
    script = b.dir / "script"
    script.write_text(f"""\
TIMEOUT {c.PATIENCE}
ABORT ERROR
ABORT "HTTPEND\\",7"
'APP RDY' AT
OK ATE0
OK AT+CGMR
1.0.0\\r\\n\\r\\nOK\\r\\n 'AT+QFOTADL="http://127.0.0.1:{port}/update.pkg"'
'"HTTPEND",0' ''
'"RESETTING"' ''
'"UPDATING",100%' ''
'"END",0' ''
'APP RDY' 'ATE0+CGMR'
1.1.0\\r\\n\\r\\nOK\\r\\n ''
""")
    line = c.Line(b.dir / "tty")
    try:
        b.run(chat, "-v", "-s", "-f", script, stdin=line.fd,
              **split_output(b, line))
    finally:
        line.close()
    assert b.state()["version"] == "1.1.0", b.state()
    b.stop(module)


def split_output(b, line):
    """chat and runscript talk on standard output; what they say of
    themselves goes to standard error."""
    return {"stdout": line.fd, "stderr": open(b.dir / "said", "wb")}


@case
def runscript_reads_the_version_and_fails_when_it_should(b):
    runscript = b.clients.find("runscript")
    module, _ = b.module(f"pty:{b.dir}/tty")
    script = b.dir / "script"
    script.write_text("""\
set a 0
verbose on
timeout 60
expect {
    "APP RDY"
    timeout 30 goto failed
}
send "ATE0"
expect {
    "OK"
    timeout 10 goto failed
}
send "AT+CGMI;+CGMM;+CGMR"
expect {
    "1.0.0"
    "ERROR" goto failed
    timeout 10 goto failed
}
send "AT+QFOTADL=nonsense"
expect {
    "+CME ERROR: 590" exit 0
    timeout 10 goto failed
}
failed:
exit 1
""")
    line = c.Line(b.dir / "tty")
    try:
        b.run(runscript, script, stdin=line.fd, **split_output(b, line))
        # the same on a module that is off has to fail
        b.control("power off")
        script.write_text(script.read_text().replace("timeout 30",
                                                     "timeout 1"))
        try:
            b.run(runscript, script, stdin=line.fd, **split_output(b, line))
        except AssertionError:
            pass
        else:
            raise AssertionError("runscript found a module that is off")
    finally:
        line.close()
    b.stop(module)


# ---- pyserial ---------------------------------------------------------------

@case
def pyserial_uploads_and_reads_back(b):
    serial = import_serial(b)
    module, _ = b.module(f"pty:{b.dir}/tty")
    with serial.Serial(str(b.dir / "tty"), 115200, timeout=c.PATIENCE) as s:
        # it throws away what came before it, maybe some of the banner
        wait_for(lambda: b.state()["power"] == "on")
        ask(s, b"ATE0")
        body = bytes(range(256)) * 12
        s.write(b'AT+QFUPL="body",%d,60,1\r' % len(body))
        s.read_until(b"CONNECT\r\n")
        s.write(body)
        assert s.read_until(b"OK\r\n").startswith(
            b"AAA\r\n+QFUPL: 3072,"), "acknowledge mode"
        s.write(b'AT+QFDWL="body"\r')
        s.read_until(b"CONNECT\r\n")
        assert s.read(len(body)) == body
        s.read_until(b"OK\r\n")
    b.stop(module)


def remote(serial, where, **options):
    host = where.replace("rfc2217:", "rfc2217://")
    s = serial.serial_for_url(host, baudrate=115200, timeout=c.PATIENCE,
                              **options)
    return s


def ask(s, command, end=b"OK\r\n"):
    s.write(command + b"\r")
    got = s.read_until(end)
    assert got.endswith(end), (command, got)
    return got


@case
def dtr_crosses_the_network(b):
    serial = import_serial(b)
    module, where = b.module("rfc2217:127.0.0.1:0")
    with remote(serial, where) as s:
        ask(s, b"ATE0")
        assert s.cts and s.dsr and not s.ri
        s.reset_input_buffer()
        ask(s, b"AT&D1")
        ask(s, b'AT+QFUPL="a",100,65535', b"CONNECT\r\n")
        s.write(b"\xff\r\0" * 3)
        wait_for(lambda: b.state()["data_bytes"] == 9)
        s.dtr = False
        assert s.read_until(b"ERROR\r\n").endswith(b"ERROR\r\n")
        assert b'"a",9' in ask(s, b'AT+QFLST="a"')
        s.dtr = True
        ask(s, b'AT+QFUPL="b",100,65535', b"CONNECT\r\n")
    # closing a port lets its DTR fall, which ended data mode
    with remote(serial, where) as s:
        assert b'"b",0' in ask(s, b'AT+QFLST="b"')
        for wrong in ({"parity": "E"}, {"bytesize": 7}, {"stopbits": 2}):
            for name, value in wrong.items():
                kept = getattr(s, name)
                try:
                    setattr(s, name, value)
                except ValueError:
                    setattr(s, name, kept)
                else:
                    raise AssertionError(f"{name} {value} was taken")
        ask(s, b"AT")
        b.control("power off")
        wait_for(lambda: not s.cts and not s.dsr)
    b.stop(module)


def wait_for(what):
    end = time.monotonic() + c.PATIENCE
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


@case
def the_rate_of_dfota_mode_crosses_the_network(b):
    serial = import_serial(b)
    port = serve(b, b.package("www").parent)
    # an update that takes seconds, so that the rate can be changed in it
    module, where = b.module("rfc2217:127.0.0.1:0", speed="1", config="""\
start_ms = 0
settle_ms = 0
reset_ms = 10
boot_ms = 10
ready_ms = 0
registered_ms = 0
reboot_ms = 200
erase_ms = 150
""")
    with remote(serial, where) as s:
        ask(s, b"ATE0")
        ask(s, b"AT+IPR=9600")
        lines = b.state()["lines"]
        s.write(b"AT\r" * 3)
        s.baudrate = 9600
        s.reset_input_buffer()
        ask(s, b"AT")
        assert b.state()["lines"] == lines + 1, "AT at the wrong rate ran"
        ask(s, b'AT+QFOTADL="http://127.0.0.1:%d/update.pkg"' % port)
        s.read_until(b'"RESETTING"\r\n')
        garbled = s.read(1)
        assert garbled == b"\0", garbled
        s.baudrate = 115200
        assert s.read_until(b'"END",0\r\n').endswith(b'"END",0\r\n')
        assert s.read(1) == b"\0", "RDY came at 115200"
        s.baudrate = 9600
        wait_for(lambda: b.state()["power"] == "on")
        s.reset_input_buffer()
        assert b"1.1.0" in ask(s, b"AT+CGMR")
        ask(s, b"AT+IPR=115200")
    b.stop(module)


@case
def an_adaptive_rate_follows_the_network(b):
    serial = import_serial(b)
    module, where = b.module("rfc2217:127.0.0.1:0", model="mc65")
    wait_for(lambda: b.state()["registered"])
    with remote(serial, where) as s:
        for rate in (9600, 57600, 1200):
            s.baudrate = rate
            assert b"+IPR: 0" in ask(s, b"AT+IPR?")
        ask(s, b"AT+IPR=19200")
        lines = b.state()["lines"]
        s.write(b"AT\r")
        s.baudrate = 19200
        s.reset_input_buffer()
        ask(s, b"AT")
        assert b.state()["lines"] == lines + 1, "AT at the wrong rate ran"
        ask(s, b"AT+IPR=0")
        s.baudrate = 115200
        ask(s, b"AT")
    b.stop(module)


# ---- ModemManager -----------------------------------------------------------

BUS = """<!DOCTYPE busconfig PUBLIC
 "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>custom</type><listen>unix:path={}</listen>
<auth>EXTERNAL</auth><policy context="default"><allow own="*"/>
<allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>
"""


def shown_as(manufacturer, model, imei):
    return {"generic.manufacturer": manufacturer, "generic.model": model,
            "generic.revision": "(Revision: )?1.0.0", "3gpp.imei": imei,
            "generic.equipment-identifier": imei, "generic.plugin": "quectel"}


SHOWN = {
    "bg95": shown_as("Quectel", "BG95-M3", "866425030000017"),
    "mc65": shown_as("Quectel_Ltd", "Quectel_M65", "866425030000025"),
    "bc26": shown_as("Quectel_Ltd", "Quectel_BC26", "866425030000033"),
    "bg96": shown_as("Quectel", "BG96", "866425030000041"),
    "bg96-softbank": shown_as("Quectel", "BG96", "866425030000058"),
    "eg25": shown_as("Quectel", "EG25", "866425030000066"),
}


@case
def modemmanager_shows_every_family(b):
    """On a bus of its own, with the maker's plug-in, and blind to the
    machine's real devices (no udev, no scan)."""
    manager = b.clients.find("ModemManager")
    mmcli = b.clients.find("mmcli")
    daemon = b.clients.find("dbus-daemon")
    call = b.clients.find("dbus-send")
    plugins = b.clients.folder("ModemManager")
    (b.dir / "bus.conf").write_text(BUS.format(b.dir / "bus"))
    bus = b.spawn(daemon, f"--config-file={b.dir}/bus.conf", "--nofork",
                  "--print-address=1", stdout=subprocess.PIPE,
                  stderr=subprocess.DEVNULL, text=True)
    address = bus.stdout.readline().strip()
    assert address, "no bus"
    env = b.clients.env(DBUS_SYSTEM_BUS_ADDRESS=address)
    log = open(b.dir / "mm.log", "wb")
    b.spawn(manager, "--debug", "--no-auto-scan", "--test-enable",
            "--test-no-udev", "--test-no-suspend-resume", "--test-no-qrtr",
            f"--test-plugin-dir={plugins}", env=env, stdout=log, stderr=log)
    log.close()

    def mm(*words):
        return subprocess.run([mmcli, *words], env=env, text=True,
                              stdout=subprocess.PIPE, timeout=c.PATIENCE,
                              stderr=subprocess.STDOUT).stdout

    wait_for(lambda: "No modems" in mm("-L"))
    for number, (dialect, expected) in enumerate(SHOWN.items()):
        module, _ = b.module(f"unix:{b.dir}/{dialect}", model=dialect)
        b.run(call, "--system", "--print-reply",
              "--dest=org.freedesktop.ModemManager1",
              "/org/freedesktop/ModemManager1",
              "org.freedesktop.ModemManager1.Test.SetProfile",
              f"string:{dialect}", "string:quectel",
              f"array:string:{b.dir}/{dialect}", env=env)
        wait_for(lambda: f"/Modem/{number}" in mm("-L"))
        shown = mm("-m", str(number), "-K")
        for key, value in expected.items():
            assert re.search(rf"^modem\.{re.escape(key)}\s*: {value}$", shown,
                             re.M), (dialect, key, shown)
        b.stop(module)
        # the next one has the same state folder, and another geometry
        shutil.rmtree(b.dir / "state")


# ---- serial devices ---------------------------------------------------------

@case
def socat_pairs_two_ptys_and_one_is_the_device(b):
    socat = b.clients.find("socat")
    cable = pair(b, socat)
    module, where = b.module(str(b.dir / "far"))
    assert where == str(b.dir / "far"), where
    talk(b, b.dir / "near")
    # pulled out: said once, though what waits on it would be ready for
    # ever, and though the module goes on talking
    cable.terminate()
    wait_for(lambda: "the line is gone" in b.said())
    b.control("power off")
    b.control("power on")
    wait_for(lambda: b.state()["registered"])
    assert b.said().count("the line is gone") == 1
    b.stop(module)


def pair(b, socat):
    process = b.spawn(socat, "-d", "-d", f"pty,rawer,link={b.dir}/near",
                      f"pty,rawer,link={b.dir}/far", stderr=subprocess.PIPE,
                      text=True)
    for text in process.stderr:
        if "starting data transfer" in text:
            return process
    raise AssertionError("socat made no pair")


def talk(b, name):
    line = c.Line(name)
    try:
        line.until(b"APP RDY\r\n")
        line.send(b"ATE0\r")
        line.until(b"OK\r\n")
        line.send(b'AT+QFUPL="x",2000,60\r')
        line.until(b"CONNECT\r\n")
        line.send(bytes(range(250)) * 8)
        line.until(b"+QFUPL: 2000,")
        line.until(b"OK\r\n")
        line.send(b"AT+IPR=9600\r")
        line.until(b"OK\r\n")
        line.send(b"AT\r")
        line.until(b"OK\r\n")
    finally:
        line.close()


@case
def a_serial_device_is_set_up_by_libserialport(b):
    """A pty is bound over a device that sysfs has, in a mount namespace of
    the test's own, and modem_lines.so gives it modem lines: libserialport
    takes it for that device. The host's DTR comes in as DSR."""
    devices = [f for f in pathlib.Path("/sys/class/tty").glob("tty[A-Z]*")
               if (pathlib.Path("/dev") / f.name).exists()]
    if not devices:
        raise c.Missing("no serial device in /sys/class/tty to stand for one")
    device = pathlib.Path("/dev") / devices[0].name
    pair(b, b.clients.find("socat"))
    far = os.path.realpath(b.dir / "far")
    lines = b.dir / "lines"
    lines.write_text("0")
    wrapper = b.namespace(f"mount --bind {far} {device} || exit 99; "
                          f"export LD_PRELOAD={b.programs}/modem_lines.so "
                          f"MODEM_LINES={lines} "
                          "ASAN_OPTIONS=verify_asan_link_order=0")
    module, where = b.module(str(device), wrapper=wrapper)
    assert where == str(device), where
    assert rate_of(far) == "115200", rate_of(far)
    talk(b, b.dir / "near")
    wait_for(lambda: rate_of(far) == "9600")
    data_mode_ends_with_dtr(b, lines)
    b.stop(module)


TIOCM_DSR = 0x100


def data_mode_ends_with_dtr(b, lines):
    line = c.Line(b.dir / "near")
    try:
        set_lines(lines, TIOCM_DSR)
        line.send(b"AT&D1\r")
        line.until(b"OK\r\n")
        wait_for(lambda: b.state()["dtr"])
        line.send(b'AT+QFUPL="y",2000,65535\r')
        line.until(b"CONNECT\r\n")
        set_lines(lines, 0)
        line.until(b"ERROR\r\n")
    finally:
        line.close()


def set_lines(lines, value):
    """By rename: a reader sees the old number or the new one."""
    new = lines.with_suffix(".new")
    new.write_text(str(value))
    new.rename(lines)


def rate_of(name):
    done = subprocess.run(["stty", "-F", name, "speed"], text=True,
                          stdout=subprocess.PIPE, timeout=c.PATIENCE)
    return done.stdout.strip()


# ---- what a machine can lack ------------------------------------------------

def on_tmpfs(b, kilobytes):
    (b.dir / "state").mkdir()
    return b.namespace(f"mount -t tmpfs -o size={kilobytes}k none "
                       f"{b.dir}/state || exit 99")


@case
def a_disk_without_room_for_the_flash_is_said(b):
    wrapper = on_tmpfs(b, 1024)
    try:
        b.module(f"pty:{b.dir}/tty", wrapper=wrapper)
    except AssertionError:
        last = b.said().splitlines()[-1]
        assert re.search(r"state/\w+\.flash: No space left", last), last
        assert b.running[-1].wait(c.PATIENCE) == 1
    else:
        raise AssertionError("it started on a disk of 1 MB")


@case
def a_full_disk_is_answered_and_survived(b):
    port = serve(b, b.package("www").parent)
    module, _ = b.module(f"pty:{b.dir}/tty", wrapper=on_tmpfs(b, 16384))
    state = pathlib.Path(f"/proc/{module.pid}/root/{b.dir}/state")
    line = c.Line(b.dir / "tty")
    try:
        line.until(b"APP RDY\r\n")
        line.send(b"ATE0\r")
        line.until(b"OK\r\n")
        fill(state / "files/fill")
        line.send(b'AT+QFUPL="big",100000,60\r')
        line.until(b"CONNECT\r\n")
        line.send(bytes(100000))
        line.until(b"+CME ERROR: 403\r\n")
        line.send(b"AT+IPR=9600\r")
        line.until(b"\r\nERROR\r\n")
        assert "settings.json: cannot be written: No space" in b.said()
        line.send(b'AT+QFOTADL="http://127.0.0.1:%d/update.pkg"\r' % port)
        line.until(b"OK\r\n")
        end = line.until(b'END",')
        number = line.until(b"\r\n")
        assert number != b"0\r\n" or end.endswith(b'HTTPEND",'), (end, number)
        (state / "files/fill").unlink()
        (state / "files/datatx/big").unlink()
        wait_for(lambda: b.state()["stage"] == "idle"
                 and b.state()["power"] == "on")
        line.send(b'AT+QFOTADL="http://127.0.0.1:%d/update.pkg"\r' % port)
        line.until(b'HTTPEND",0\r\n')
        line.until(b'"END",0\r\n')
        wait_for(lambda: b.state()["version"] == "1.1.0")
    finally:
        line.close()
    b.stop(module)


def fill(path):
    """Until nothing more goes in."""
    with open(path, "wb", buffering=0) as f:
        for size in (65536, 4096, 1):
            try:
                while f.write(bytes(size)) == size:
                    pass
            except OSError:
                pass


# ---- package servers --------------------------------------------------------

def serve(b, folder):
    """python3 -m http.server, which says its port itself."""
    process = b.spawn(sys.executable, "-u", "-m", "http.server", "0",
                      "--bind", "127.0.0.1", "--directory", folder,
                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                      text=True)
    return int(re.search(r"port (\d+)", process.stdout.readline()).group(1))


def update_from(b, url):
    module, _ = b.module(f"pty:{b.dir}/tty")
    line = c.Line(b.dir / "tty")
    try:
        line.until(b"APP RDY\r\n")
        line.send(b'AT+QFOTADL="%s"\r' % url.encode())
        line.until(b"OK\r\n")
        got = line.until(b'END",0\r\n')
        assert b'"DOWNLOADING",100%' in got, got
        line.until(b'"END",0\r\n')
        line.until(b"APP RDY\r\n")
        assert b.state()["version"] == "1.1.0", b.state()
        line.send(b'AT+QFOTADL="%s.no"\r' % url.encode())
        line.until(b'"HTTPEND",706\r\n')
    finally:
        line.close()
    b.stop(module)


@case
def a_package_comes_from_python(b):
    port = serve(b, b.package("www").parent)
    update_from(b, f"http://127.0.0.1:{port}/update.pkg")


def serve_with(b, make, *words):
    """Start a server on a port that is free now: somebody else may take it
    in between, so more than once."""
    for _ in range(5):
        port = c.free_port()
        make(port)
        process = b.spawn(*words, env=b.clients.env(),
                          stderr=open(b.dir / "server.log", "ab"))
        if c.wait_listening(process, port):
            return port
    raise AssertionError((b.dir / "server.log").read_text())


@case
def a_package_comes_from_nginx(b):
    nginx = b.clients.find("nginx")
    www = b.package("www").parent
    conf = b.dir / "nginx.conf"

    def make(port):
        temp = "".join(f"{kind}_temp_path {b.dir}/{kind};\n" for kind in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        conf.write_text(f"""\
daemon off;
master_process off;
pid {b.dir}/nginx.pid;
error_log stderr;
events {{}}
http {{
access_log off;
{temp}
server {{ listen 127.0.0.1:{port}; root {www}; }}
}}
""")

    port = serve_with(b, make, nginx, "-p", b.dir, "-c", conf, "-e", "stderr")
    update_from(b, f"http://127.0.0.1:{port}/update.pkg")


@case
def a_package_comes_from_lighttpd(b):
    lighttpd = b.clients.find("lighttpd")
    www = b.package("www").parent
    modules = b.clients.folder("lighttpd")
    conf = b.dir / "lighttpd.conf"

    def make(port):
        conf.write_text(f"""\
server.document-root = "{www}"
server.bind = "127.0.0.1"
server.port = {port}
""")

    port = serve_with(b, make, lighttpd, "-D", "-f", conf, "-m", modules)
    update_from(b, f"http://127.0.0.1:{port}/update.pkg")


# ---- main -------------------------------------------------------------------

def run(name, programs, folder):
    bench = c.Bench(programs, c.Clients(folder))
    try:
        CASES[name](bench)
        return 0
    except c.Missing as missing:
        print(f"{name}: skipped: {missing}")
        return 77
    except Exception:
        traceback.print_exc()
        for log in ("module.log", "said", "mm.log", "server.log"):
            if (bench.dir / log).exists():
                text = (bench.dir / log).read_text(errors="replace")
                print(f"-- {log}\n{text[-4000:]}", file=sys.stderr)
        return 1
    finally:
        bench.close()


def main():
    if sys.argv[1] == "--list-check":
        text = pathlib.Path(sys.argv[2]).read_text()
        missing = [n for n in CASES if not re.search(rf"\b{n}\b", text)]
        sys.exit(f"not in the list: {missing}" if missing else 0)
    programs, folder, *names = sys.argv[1:]
    status = [run(name, programs, folder) for name in names or CASES]
    sys.exit(1 if 1 in status else max(status))


if __name__ == "__main__":
    main()
