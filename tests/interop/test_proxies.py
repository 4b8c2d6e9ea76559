#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examples/nginx-tls.conf and examples/haproxy-tls.cfg, run by Debian's nginx
and HAProxy before a dfotad: TLS ends at them, and who a module is, is still
checked by the server.

Usage: test_proxies.py BIN_DIR CLIENTS_DIR EXAMPLES_DIR [unittest arguments]
Ends with 77 when there is no nginx or no HAProxy.
"""
import base64
import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

import clients
import fleet
from fleet import imei
from test_dfotad_tls import Authority, context_of

BIN = PROGRAMS = EXAMPLES = None
PROXY, STRANGER = "127.0.0.1", "127.0.0.3"  # who connects to the server
SPOOFED = "198.51.100.66"


def example(name, *changes):
    """The text of an example, with places of this machine."""
    with open(os.path.join(EXAMPLES, name)) as f:
        text = f.read()
    for line, ours in changes:
        assert text.count(line) == 1, line
        text = text.replace(line, ours)
    return text


class Nginx:
    def __init__(self, root, port, server, pair):
        self.name, self.port = "nginx", port
        folder = os.path.join(root, "nginx")
        os.mkdir(folder)
        text = example(
            "nginx-tls.conf",
            ("server 127.0.0.1:8080;", f"server 127.0.0.1:{server};"),
            ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
            ("/etc/dfota/fota.example.pem", pair[0]),
            ("/etc/dfota/fota.example.key", pair[1]))
        temp = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w") as f:
            f.write(f"""daemon off; master_process off; error_log stderr;
                pid {folder}/pid; events {{ }}
                http {{ {temp} access_log off; {text} }}""")
        self.process = subprocess.Popen(
            [PROGRAMS.find("nginx"), "-p", root, "-c", config, "-e", "stderr"],
            stderr=subprocess.DEVNULL)


class Haproxy:
    def __init__(self, root, port, node, pair, authority):
        self.name, self.port = "haproxy", port
        both = os.path.join(root, "both.pem")
        with open(both, "w") as f:
            for part in pair:
                with open(part) as one:
                    f.write(one.read())
        config = os.path.join(root, "haproxy.cfg")
        with open(config, "w") as f:
            f.write(example(
                "haproxy-tls.cfg",
                ("bind :443", f"bind 127.0.0.1:{port}"),
                ("/etc/dfota/fota.example.pem", both),
                ("/etc/dfota/clients.pem", authority),
                ("port 9090", f"port {node.ports['admin']}"),
                ("127.0.0.1:8080", f"127.0.0.1:{node.ports['http']}")))
        self.process = subprocess.Popen(
            [PROGRAMS.find("haproxy"), "-db", "-f", config],
            env=PROGRAMS.env(), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)


def ask(port, method, path, headers=(), body=None, pair=None, secure=True,
        source=STRANGER):
    """(status, what JSON or text it was); "refused" when the handshake
    failed. headers: pairs, so that one may come twice."""
    where = {"timeout": 60, "source_address": (source, 0)}
    connection = (http.client.HTTPSConnection(
        "127.0.0.1", port, context=context_of(pair), **where) if secure
        else http.client.HTTPConnection("127.0.0.1", port, **where))
    data = None if body is None else json.dumps(body).encode()
    try:
        connection.putrequest(method, path)
        for name, value in headers:
            connection.putheader(name, value)
        if data is not None:
            connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data)
        answer = connection.getresponse()
        status, got = answer.status, answer.read()
    except (ssl.SSLError, http.client.RemoteDisconnected):
        return "refused", None
    finally:
        connection.close()
    ask.headers = answer.headers
    try:
        return status, json.loads(got)
    except ValueError:
        return status, got


def poll_of(number):
    return "/fota/v1/plan?" + urllib.parse.urlencode({
        "imei": imei(number), "model": "m1", "version": "1.0", "battery": 80,
        "rssi": -70})


def der_of(pair):
    with open(pair[0]) as f:
        return ssl.PEM_cert_to_DER_cert(f.read())


def escaped(pair):
    with open(pair[0]) as f:
        return urllib.parse.quote(f.read(), safe="")


def in_base64(pair):
    return base64.b64encode(der_of(pair)).decode()


class Proxies(unittest.TestCase):
    proxies = []

    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="dfota-proxies-")
        cls.ca = Authority(cls.root + "/one")
        cls.foreign = Authority(cls.root + "/two").issue(imei(1))
        cls.mine, cls.other, cls.revoked = (
            cls.ca.issue(name) for name in (imei(1), imei(2), imei(1)))
        cls.by_san = cls.ca.issue("x", f"URI:urn:x,DNS:{imei(1)}")
        cls.server = cls.ca.issue(imei(1), purpose="serverAuth")
        cls.ca.revoke(cls.revoked)
        key, _ = fleet.key_pair(cls.root)
        ports = [clients.free_port() for _ in range(2)]
        cls.node = fleet.Node(
            os.path.join(BIN, "dfotad"), cls.root, "--client-ca", cls.ca.cert,
            "--client-crl", cls.ca.crl, "--trusted-proxies", PROXY,
            "--public-https", f"https://127.0.0.1:{ports[0]}",
            "--signing-key", key, "--verbose")
        cls.addClassCleanup(cls.stop)
        plain = int(cls.node.ports["http"])
        cls.proxies = [Nginx(cls.root, ports[0], plain, cls.server)]
        cls.proxies.append(
            Haproxy(cls.root, ports[1], cls.node, cls.server, cls.ca.cert))
        for proxy in cls.proxies:
            assert clients.wait_listening(proxy.process, proxy.port)
        local = fleet.Api(cls.node)
        fleet.enrol(local, [1, 2, 3])
        status, answer = ask(ports[0], "POST", "/fota/v1/token", body={
            "name": imei(1), "password": fleet.PASSWORD, "imei": imei(1)},
            pair=cls.mine)
        assert status == 200, answer
        cls.bearer = ("Authorization", f"Bearer {answer['access_token']}")

    @classmethod
    def stop(cls):
        for proxy in cls.proxies:
            proxy.process.terminate()
            proxy.process.wait()
        assert cls.node.stop() == 0
        shutil.rmtree(cls.root)

    def poll(self, port, pair, *headers):
        status, answer = ask(port, "GET", poll_of(1), [self.bearer, *headers],
                             pair=pair)
        return answer["code"] if isinstance(answer, dict) else status

    def direct(self, *headers, source=PROXY, path=None):
        """A poll straight at the server, over plain HTTP."""
        status, answer = ask(
            int(self.node.ports["http"]), "GET", path or poll_of(1),
            [self.bearer, *headers], secure=False, source=source)
        return answer["code"] if isinstance(answer, dict) else status

    def test_a_module_is_who_its_certificate_says_behind_either(self):
        nginx, haproxy = (proxy.port for proxy in self.proxies)
        # nginx leaves it to the server, HAProxy knows the authority and not
        # its list.
        for pair, at_nginx, at_haproxy in (
                (self.mine, 802, 802), (self.by_san, 802, 802),
                (self.other, 815, 815), (self.revoked, 403, 403),
                (self.foreign, 403, "refused"), (None, 403, "refused"),
                (self.server, 403, "refused")):
            self.assertEqual(self.poll(nginx, pair), at_nginx, pair)
            self.assertEqual(self.poll(haproxy, pair), at_haproxy, pair)

    def test_what_a_module_writes_itself_a_proxy_replaces(self):
        spoofed = [("X-Client-Cert", in_base64(self.mine)),
                   ("X-Forwarded-Proto", "http"),
                   ("X-Forwarded-For", SPOOFED),
                   ("Forwarded", f"for={SPOOFED};proto=http")]
        for proxy in self.proxies:
            self.assertEqual(self.poll(proxy.port, self.other, *spoofed), 815)
        self.assertEqual(self.poll(self.proxies[0].port, None, *spoofed), 403)
        said = fleet.until(
            lambda: [line for line in self.node.said().splitlines()
                     if line.endswith(f", from {PROXY} for {STRANGER}")])
        self.assertTrue(any("fota/v1/plan: " in line for line in said))
        self.assertNotIn(SPOOFED, self.node.said())

    def test_nobody_else_is_believed(self):
        https = ("X-Forwarded-Proto", "https")
        for header in (escaped(self.mine), in_base64(self.mine)):
            fields = (https, ("X-Client-Cert", header),
                      ("X-Forwarded-For", SPOOFED))
            self.assertEqual(self.direct(*fields[:2]), 802)
            self.assertEqual(self.direct(*fields, source=STRANGER), 404)
        # Nor a proxy at the listener where TLS ends here: in TCP mode its
        # fields would be the module's.
        status, answer = ask(int(self.node.ports["https"]), "GET", poll_of(1),
                             [self.bearer, *fields], pair=self.other,
                             source=PROXY)
        self.assertEqual((status, answer["code"]), (403, 815))
        self.assertEqual(ask(int(self.node.ports["https"]), "GET", poll_of(1),
                             [self.bearer, *fields], source=PROXY)[0],
                         "refused")
        self.assertNotIn(SPOOFED, self.node.said())

    def test_the_api_is_closed_to_what_came_without_tls(self):
        for fields in ((), (("X-Forwarded-Proto", "http"),),
                       (("X-Client-Cert", in_base64(self.mine)),)):
            self.assertEqual(self.direct(*fields), 404)

    def test_fields_that_are_wrong_are_refused(self):
        https = ("X-Forwarded-Proto", "https")
        cert = ("X-Client-Cert", in_base64(self.mine))
        self.assertEqual(self.direct(https, cert), 802)
        pem = escaped(self.mine)
        for fields, status in (
                ((https, https, cert), 400), ((https, cert, cert), 400),
                ((("X-Forwarded-Proto", "https, http"), cert), 400),
                ((https, ("X-Client-Cert", "")), 403),
                ((https, ("X-Client-Cert", "MAA=")), 403),
                ((https, ("X-Client-Cert", "MAMBAgM=")), 403),
                ((https, ("X-Client-Cert", "none")), 400),
                ((https, ("X-Client-Cert", pem[:-30])), 400),
                ((https, ("X-Client-Cert", pem + escaped(self.other))), 400),
                ((https, ("X-Client-Cert", "A" * 8200)), 400),
                ((https, ("X-Client-Cert", "A" * 30000)), 431),
                ((https, cert, ("X-Forwarded-For", "a, %, ,")), 802)):
            self.assertEqual(self.direct(*fields), status, str(fields)[:200])
        # The certificate is needed for packages, too.
        self.assertEqual(self.direct(https, path="/p/a/b/c"), 403)
        self.assertEqual(self.direct(https, cert, path="/p/a/b/c"), 404)

    def test_an_update_through_them(self):
        local = fleet.Api(self.node)
        ada, bob = (local.person(name, role) for name, role in (
            ("ada", "operator"), ("bob", "approver")))
        images = fleet.images(2)
        fleet.upload(ada, "m1", "1.0", images[0])
        target = fleet.upload(ada, "m1", "1.1", images[1])
        fleet.run_plan(ada, bob, target, {
            "transport": ["https"], "select": {"imeis": [imei(3)]}})
        pair = self.ca.issue(imei(3))
        nginx, haproxy = (proxy.port for proxy in self.proxies)
        status, answer = ask(nginx, "POST", "/fota/v1/token", body={
            "name": imei(3), "password": fleet.PASSWORD, "imei": imei(3)},
            pair=pair)
        bearer = ("Authorization", f"Bearer {answer['access_token']}")
        status, grant = ask(nginx, "GET", poll_of(3), [bearer], pair=pair)
        self.assertEqual(status, 200, grant)
        url = urllib.parse.urlsplit(grant["url"])
        self.assertEqual(url.port, nginx)
        for port in (nginx, haproxy):
            status, package = ask(port, "GET", url.path, pair=pair)
            self.assertEqual((status, len(package)), (200, grant["size"]))
        self.assertEqual(ask(nginx, "GET", url.path)[0], 403)
        status, answer = ask(haproxy, "POST", "/fota/v1/result", [bearer], {
            "imei": imei(3), "plan": grant["plan"],
            "attempt": grant["attempt"], "update_err": 0,
            "version": "1.1"}, pair=pair)
        self.assertEqual((status, answer), (200, {}))

    def test_a_cookie_is_secure_where_the_proxy_had_tls(self):
        local = fleet.Api(self.node)
        local.must("POST", "users", {"name": "eve", "role": "viewer",
                                     "password": fleet.PASSWORD})
        for fields, source, secure in (
                ([("X-Forwarded-Proto", "https")], PROXY, True),
                ([("X-Forwarded-Proto", "https")], STRANGER, False),
                ([("X-Forwarded-Proto", "http")], PROXY, False),
                ([], PROXY, False)):
            status, _ = ask(int(self.node.ports["api"]), "POST",
                            "/api/v1/session", fields,
                            {"name": "eve", "password": fleet.PASSWORD},
                            secure=False, source=source)
            self.assertEqual(status, 201)
            self.assertEqual("; Secure" in ask.headers["Set-Cookie"], secure)


class Options(unittest.TestCase):
    def test_what_is_no_proxy_is_said_at_the_start(self):
        for words, said in (
                (["--trusted-proxies", "10.0.0.1/8"], "neither an address"),
                (["--trusted-proxies", "lb.example"], "neither an address"),
                (["--trusted-proxies", "::/0"], "would trust everybody"),
                (["--proxy-certificate-header", "Host"], "of its own"),
                (["--proxy-certificate-header", "a b"], "of its own")):
            done = subprocess.run(
                [os.path.join(BIN, "dfotad"), "--check-config", *words],
                capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2)
            self.assertIn(said, done.stderr)
        done = subprocess.run(
            [os.path.join(BIN, "dfotad"), "--dump-config"], timeout=60,
            capture_output=True, text=True, check=True, env={
                **os.environ, "DFOTA_TRUSTED_PROXIES": "10.0.0.0/8,::1"})
        self.assertIn("10.0.0.0/8", done.stdout)

    def test_only_plain_http_needs_no_certificate_of_the_server(self):
        with tempfile.TemporaryDirectory(prefix="dfota-proxies-") as root:
            ca = Authority(root + "/one")
            pair = ca.issue("x")
            os.mkdir(root + "/packages")
            with open(root + "/packages/a.pkg", "wb") as f:
                f.write(b"a" * 100)
            server = subprocess.Popen(
                [os.path.join(BIN, "dfotad"), "--serve-dir",
                 root + "/packages", "--http", "127.0.0.1:0", "--client-ca",
                 ca.cert, "--client-crl", ca.crl, "--trusted-proxies",
                 "127.0.0.0/30", "--data", root + "/data",
                 "--proxy-certificate-header", "X-SSL"],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                port = int(server.stdout.readline().rpartition(":")[2])
                https = ("X-Forwarded-Proto", "https")
                for fields, wanted in (
                        ((https, ("x-ssl", escaped(pair))), 200),
                        ((https, ("X-Client-Cert", escaped(pair))), 403)):
                    self.assertEqual(ask(port, "GET", "/a.pkg", fields,
                                         secure=False)[0], wanted)
                ca.revoke(pair)
                server.send_signal(signal.SIGHUP)
                while "read again" not in (line := server.stderr.readline()):
                    self.assertTrue(line)
                self.assertEqual(
                    ask(port, "GET", "/a.pkg", [https, (
                        "x-ssl", escaped(pair))], secure=False)[0], 403)
            finally:
                server.terminate()
                said = server.communicate(timeout=60)[1]
            self.assertEqual((server.returncode, said), (0, ""))
            self.assertFalse(os.path.exists(root + "/data/tls-key.pem"))


if __name__ == "__main__":
    BIN, CLIENTS, EXAMPLES = (os.path.abspath(sys.argv.pop(1))
                              for _ in range(3))
    PROGRAMS = clients.Clients(CLIENTS)
    try:
        PROGRAMS.find("nginx")
        PROGRAMS.find("haproxy")
    except clients.Missing as missing:
        print(missing)
        sys.exit(77)
    unittest.main()
