#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mutual TLS: who a client is by CN and by other names, who is revoked, and
a reload of all of it under running downloads.

Usage: test_dfotad_tls.py BIN [unittest arguments]
"""
import hashlib
import http.client
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

import fleet
from fleet import Api, Module, Node, imei

BIN = None
DOWNLOADS = 20
CA_CONFIG = """
[ca]
default_ca = it
[it]
database = {0}/index
crlnumber = {0}/number
default_md = sha256
default_crl_days = 30
"""


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Authority:
    """A certificate authority in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder)
        self.cert, self.key = folder + "/ca.pem", folder + "/ca.key"
        self.crl, self.config = folder + "/crl.pem", folder + "/ca.conf"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                f"/CN={os.path.basename(folder)}", "-out", self.cert,
                "-keyout", self.key)
        for name, text in (("index", ""), ("number", "01\n"),
                           ("ca.conf", CA_CONFIG.format(folder))):
            with open(f"{folder}/{name}", "w") as f:
                f.write(text)
        self.list()

    def list(self):
        openssl("ca", "-config", self.config, "-gencrl", "-cert", self.cert,
                "-keyfile", self.key, "-out", self.crl)

    def revoke(self, pair):
        openssl("ca", "-config", self.config, "-revoke", pair[0], "-cert",
                self.cert, "-keyfile", self.key)
        self.list()

    def issue(self, name, alt=None, purpose="clientAuth"):
        """(certificate, key) of a client."""
        stem = f"{self.folder}/{len(os.listdir(self.folder))}"
        with open(stem + ".ext", "w") as f:
            f.write(f"extendedKeyUsage={purpose}\n" +
                    (f"subjectAltName={alt}\n" if alt else ""))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-subj", f"/CN={name}", "-keyout", stem + ".key",
                "-out", stem + ".csr")
        openssl("x509", "-req", "-in", stem + ".csr", "-CA", self.cert,
                "-CAkey", self.key, "-CAcreateserial", "-days", "20",
                "-extfile", stem + ".ext", "-out", stem + ".pem")
        return stem + ".pem", stem + ".key"


def context_of(pair, version=ssl.TLSVersion.TLSv1_3):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    if pair:
        context.load_cert_chain(*pair)
    return context


class Clients(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="dfotad-tls-")
        self.ca = Authority(self.root + "/one")

    def tearDown(self):
        shutil.rmtree(self.root)

    def poll(self, node, token, pair, version=ssl.TLSVersion.TLSv1_3):
        """The code of a poll, or "refused"."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", int(node.ports["https"]), timeout=60,
            context=context_of(pair, version))
        try:
            connection.request(
                "GET", f"/fota/v1/plan?imei={imei(1)}&model=m1&version=1.0&"
                "battery=80&rssi=-70",
                headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            return fleet.json.loads(answer.read())["code"]
        except (OSError, http.client.HTTPException):
            return "refused"
        finally:
            connection.close()

    def test_a_client_is_who_its_names_say_until_it_is_revoked(self):
        node = Node(os.path.join(BIN, "dfotad"), self.root, "--client-ca",
                    self.ca.cert, "--client-crl", self.ca.crl,
                    "--device-api-plain")
        fleet.enrol(Api(node), [1])
        module = Module(node, imei(1), secure=False)
        module.log_in()
        me, other = imei(1), imei(2)
        later = self.ca.issue(me)
        rows = [(self.ca.issue(me), 802), (self.ca.issue(other), 815),
                (self.ca.issue("x", f"DNS:a,DNS:{me}"), 802),
                (self.ca.issue("x", f"URI:{me}"), 802),
                (self.ca.issue("x", f"DNS:{me}1,DNS:1{me}"), 815),
                (self.ca.issue("x", f"DNS:{me[:8]}"), 815),
                (self.ca.issue("x"), 815), (later, 802), (None, "refused"),
                (self.ca.issue(me, purpose="serverAuth"), "refused")]
        for pair, wanted in rows:
            self.assertEqual(self.poll(node, module.access, pair), wanted,
                             pair)
        self.ca.revoke(later)
        node.process.send_signal(signal.SIGHUP)
        fleet.until(lambda: "certificate read again" in node.said())
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for pair, wanted in ((later, "refused"), (rows[0][0], 802)):
                self.assertEqual(self.poll(node, module.access, pair, version),
                                 wanted)
        with open(self.ca.crl, "w") as f:
            f.write("nothing\n")
        node.process.send_signal(signal.SIGHUP)
        fleet.until(lambda: "stays as it was" in node.said())
        self.assertEqual(self.poll(node, module.access, later), "refused")
        self.assertEqual(node.stop(), 0)

    def test_all_of_it_changes_under_20_running_downloads(self):
        content = random.Random(5).randbytes(8_000_000)
        folder = self.root + "/packages"
        os.mkdir(folder)
        with open(folder + "/big.pkg", "wb") as f:
            f.write(content)
        trusted = self.root + "/trusted.pem"
        shutil.copy(self.ca.cert, trusted)
        with open(self.root + "/said.txt", "w+") as said:
            server = subprocess.Popen(
                [os.path.join(BIN, "dfotad"), "--serve-dir", folder, "--https",
                 "127.0.0.1:0", "--data", self.root + "/data", "--client-ca",
                 trusted, "--client-crl", self.ca.crl],
                stdout=subprocess.PIPE, stderr=said, text=True)
            self.port = int(server.stdout.readline().rpartition(":")[2])
            try:
                self.downloads(trusted, said.name,
                               hashlib.sha256(content).digest(), server)
            finally:
                server.terminate()
                self.assertEqual(server.wait(timeout=60), 0)
                server.stdout.close()
            said.seek(0)
            self.assertNotIn("Sanitizer", said.read())

    def begin(self, pair):
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        plain.settimeout(60)
        plain.connect(("127.0.0.1", self.port))
        s = context_of(pair).wrap_socket(plain)
        s.sendall(b"GET /big.pkg HTTP/1.1\r\nHost: a\r\n"
                  b"Connection: close\r\n\r\n")
        return s, s.recv(1000)

    def is_refused(self, pair):
        """TLS 1.3 says so with the first answer that does not come."""
        try:
            s, head = self.begin(pair)
            s.close()
            return not head
        except OSError:
            return True

    def downloads(self, trusted, said, digest, server):
        mine = self.ca.issue("mine")
        running = [self.begin(mine) for _ in range(DOWNLOADS)]
        self.assertTrue(all(b" 200 " in head for _, head in running))
        second = Authority(self.root + "/two")
        shutil.copy(second.cert, trusted)
        shutil.copy(second.crl, self.ca.crl)
        server.send_signal(signal.SIGHUP)

        def read_again():
            with open(said) as f:
                return "certificate read again" in f.read()
        fleet.until(read_again)
        theirs = second.issue("theirs")
        s, head = self.begin(theirs)
        s.close()
        self.assertIn(b" 200 ", head)
        self.assertTrue(self.is_refused(mine))
        for s, head in running:
            data = bytearray(head.partition(b"\r\n\r\n")[2])
            while part := s.recv(1 << 16):
                data += part
            s.close()
            self.assertEqual(hashlib.sha256(data).digest(), digest)


if __name__ == "__main__":
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
