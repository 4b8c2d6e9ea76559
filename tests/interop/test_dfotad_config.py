#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The configuration of dfotad: flags over environment over file, by one
table; what YAML could be read as and is not; the dump.

Usage: test_dfotad_config.py BIN [unittest arguments]
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BIN = None


class Configuration(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="dfotad-config-")
        self.path = os.path.join(self.root, "dfotad.yaml")

    def tearDown(self):
        shutil.rmtree(self.root)

    def run_with(self, text, *words, **environment):
        if text is not None:
            with open(self.path, "wb") as f:
                f.write(text if isinstance(text, bytes) else text.encode())
            words = ("--config", self.path, *words)
        return subprocess.run(
            [os.path.join(BIN, "dfotad"), *words], capture_output=True,
            text=True, timeout=60,
            env=dict({"PATH": os.environ["PATH"]}, **environment))

    def check(self, text, *words, **environment):
        return self.run_with(text, "--check-config", *words, **environment)

    def dump(self, text, *words, **environment):
        """{key: (value as it stands there, origin)}"""
        done = self.run_with(text, "--dump-config", *words, **environment)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return {key: (value, origin) for key, value, origin in re.findall(
            r"^([a-z0-9-]+): (.*) # (\w+)[^#\n]*$", done.stdout, re.M)}

    def refused(self, line, word, text, *words, **environment):
        """Status 2 and one line that names the file, the line, the word."""
        done = self.check(text, *words, **environment)
        self.assertEqual((done.returncode, done.stdout), (2, ""), text)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(word, done.stderr)
        if line:
            self.assertIn(f"{self.path}:{line}: ", done.stderr)


class Yaml(Configuration):
    def test_an_empty_file_is_the_defaults(self):
        unset = self.dump(None)
        for text in ("", "\n\n", "# nothing\n#data: x\n", "---\n", "---\n...\n",
                     "~\n", "\ufeff"):
            with self.subTest(text=text):
                done = self.check(text)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertEqual(self.dump(text), unset)

    def test_what_is_fine(self):
        for text in ("---\ndata: x\n", "data: x\n", "approve-self: false\n",
                     "tls-cert: [a, b]\ntls-key: [c, d]\n",
                     "tls-cert:\n- a\ntls-key:\n  - c\n", "node: '010'\n"):
            with self.subTest(text=text):
                done = self.check(text)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_words_may_have_underscores(self):
        self.assertEqual(self.dump("keep_audit: 90d")["keep-audit"],
                         ("90d", "file"))
        self.refused(2, "keep-audit is there twice",
                     "keep-audit: 90d\nkeep_audit: 90d\n")
        for word in ("keep_audi", "keep_auditt", "keep__audit", "_"):
            self.refused(1, f'unknown key "{word}"', f"{word}: 90d\n")

    def test_only_true_is_true_and_only_false_is_false(self):
        for word in ("flase", "maybe", "yes", "no", "on", "off", "True", "1",
                     "''"):
            with self.subTest(word=word):
                self.refused(1, word.strip("'"), f"approve-self: {word}\n")
        self.assertEqual(self.dump("approve-self: true")["approve-self"],
                         ("true", "file"))

    def test_whole_numbers_are_decimal_and_in_range(self):
        for word in ("1e3", "010", "0x1", "1_0", "+1", "-1", "0", "9", "1.0",
                     "99999999999999999999", "' 1'"):
            with self.subTest(word=word):
                self.refused(1, "from 1 to 8", f"workers: {word}\n")
        self.assertEqual(self.dump("workers: 8")["workers"], ("8", "file"))

    def test_durations_have_their_unit_and_a_range(self):
        for word in ("90", "1e3d", "010d", "90 d", "0d", "1s", "999999999d",
                     "for ever"):
            with self.subTest(word=word):
                self.refused(2, "keep-audit", f"#\nkeep-audit: {word}\n")
        for word, shown in (("90d", "90d"), ("48h", "2d"),
                            ("forever", "forever"), ("90000s", "90000s")):
            self.assertEqual(self.dump(f"keep-audit: {word}")["keep-audit"],
                             (shown, "file"))

    def test_a_second_document_is_refused(self):
        for text in ("data: x\n---\ndata: y\n", "data: x\n...\n---\n",
                     "---\ndata: x\n---\n"):
            with self.subTest(text=text):
                self.refused(text[:text.rindex("---")].count("\n") + 1,
                             "one YAML document", text)

    def test_aliases_anchors_and_tags_are_refused(self):
        for line, word, text in (
                (1, "an anchor", "node: &x 1\ndata: *x\n"),
                (2, "an alias", "node: x\ndata: *x\n"),
                (1, "", "&a {data: x}"), (1, "a tag", "data: !!str x\n"),
                (1, "", "!x {data: y}"), (1, "", "*x\n"),
                (1, "a list", "tls-cert: &l [a]\ntls-key: *l\n"),
                (1, "an anchor", "? &k data\n: x\n")):
            with self.subTest(text=text):
                self.refused(line, word, text)

    def test_keys_unknown_or_twice_are_named_with_their_line(self):
        self.refused(3, 'unknown key "dta"', "node: x\n# dta\ndta: x\n")
        self.refused(2, "data is there twice", "data: x\ndata: x\n")
        for name in ("config", "migrate-to", "restore", "help", "check-config"):
            self.refused(1, f'unknown key "{name}"', f"{name}: x\n")

    def test_other_shapes_are_refused(self):
        for line, word, text in (
                (1, "data: a text is wanted, not a list", "data: [1]"),
                (1, "data: a text is wanted, not a mapping", "data: {a: b}"),
                (1, "tls-cert: a list is wanted", "tls-cert: a"),
                (1, "not a list", "tls-cert: [[a]]"),
                (2, "not a mapping", "tls-cert:\n- a: b\n"),
                (1, "a key is wanted", "[a]: b"),
                (1, '"key: value"', "[]"), (1, '"key: value"', "data"),
                (1, "a value is missing", "data:\n"),
                (1, "a value is missing", "data: null\n"),
                (1, "a value is missing", "data: ~\n"),
                (2, "", "node: x\n\tdata: x"), (2, "", "data: 'x\n"),
                (1, "", b"data: \xff\n"), (1, "", b"data: \x00\n"),
                (1, "a NUL", 'data: "a\\0b"'),
                (1, "over 4096", "data: " + "x" * 5000),
                (1, "at most 4", "lwm2m: [a, b, c, d, e]")):
            with self.subTest(text=text):
                self.refused(line, word, text)

    def test_what_does_not_fit_together_is_refused(self):
        for word, text in (
                ("public address", "public-https: https://x/y"),
                ("--tls-key", "tls-cert: [a]"), ("--client-ca",
                                                 "client-crl: x"),
                ("needs --signing-key", "signing: key"),
                ("signing is external", "signing: external\nsigning-key: x"),
                ("none of external|key", "signing: keys"),
                ("--serve-dir only", "serve-dir: x\napi: y")):
            with self.subTest(text=text):
                self.refused(0, word, text)

    def test_a_file_that_cannot_be_read_is_named(self):
        done = self.run_with(None, "--check-config", "--config",
                             self.root + "/none")
        self.assertEqual(done.returncode, 2)
        self.assertIn(self.root + "/none: No such file", done.stderr)


class Sources(Configuration):
    def test_flags_win_over_the_environment_and_that_over_the_file(self):
        text, value = "public-http: http://f:1\n", "public-http"
        env = {"DFOTA_PUBLIC_HTTP": "http://e:1"}
        flag = ("--public-http", "http://l:1")
        self.assertNotIn(value, self.dump(""))
        self.assertEqual(self.dump(text)[value], ('"http://f:1"', "file"))
        self.assertEqual(self.dump(text, **env)[value],
                         ('"http://e:1"', "environment"))
        self.assertEqual(self.dump(text, *flag, **env)[value],
                         ('"http://l:1"', "flag"))
        self.assertEqual(self.dump(None, *flag, **env)[value],
                         ('"http://l:1"', "flag"))
        self.assertEqual(self.dump("")["http"],
                         ('"127.0.0.1:8080"', "default"))

    def test_lists_are_replaced_as_a_whole(self):
        text = "tls-cert: [a, b]\ntls-key: [a, b]\n"
        self.assertEqual(self.dump(text)["tls-cert"], ('["a", "b"]', "file"))
        self.assertEqual(self.dump(
            text, DFOTA_TLS_CERT="c", DFOTA_TLS_KEY="d")["tls-key"],
            ('["d"]', "environment"))
        self.assertEqual(self.dump(
            text, "--tls-cert", "e", "--tls-key", "f", "--tls-cert", "g",
            "--tls-key", "h", DFOTA_TLS_CERT="c,d")["tls-cert"],
            ('["e", "g"]', "flag"))

    def test_flags_can_be_undone(self):
        text, env = "approve-self: true\n", {"DFOTA_APPROVE_SELF": "true"}
        self.assertEqual(self.dump(text, "--approve-self=false",
                                   **env)["approve-self"], ("false", "flag"))
        self.assertEqual(self.dump("", **env)["approve-self"],
                         ("true", "environment"))

    def test_every_source_is_read_by_the_same_rules(self):
        for word in ("flase", "yes"):
            self.refused(1, "neither true nor false", f"approve-self: {word}")
            self.refused(0, "DFOTA_APPROVE_SELF: ", "",
                         DFOTA_APPROVE_SELF=word)
            self.refused(0, "--approve-self: ", "", f"--approve-self={word}")
        self.refused(0, "DFOTA_WORKERS: ", "", DFOTA_WORKERS="1e3")
        self.refused(0, "--workers: ", "", "--workers", "010")
        self.refused(0, "DFOTA_TLS_CERT: ", "", DFOTA_TLS_CERT="a,,b")

    def test_the_file_may_be_named_by_the_environment(self):
        with open(self.path, "w") as f:
            f.write("node: here\n")
        self.assertEqual(self.dump(None, DFOTA_CONFIG=self.path)["node"],
                         ('"here"', "file"))

    def test_a_credential_of_systemd_is_the_signing_key(self):
        with open(os.path.join(self.root, "signing-key"), "w"):
            pass
        got = self.dump("signing: key\n", CREDENTIALS_DIRECTORY=self.root)
        self.assertEqual(got["signing-key"],
                         (f'"{self.root}/signing-key"', "default"))
        self.assertEqual(self.dump("")["signing"], ('"external"', "default"))


class Dump(Configuration):
    def test_it_is_a_file_that_gives_the_same_again(self):
        words = ("--node", 'a "quoted\\ one', "--tls-cert", "a", "--tls-key",
                 "b", "--device-api-plain", "--keep-results", "400d",
                 "--workers", "3", "--lwm2m", "coap://x:1")
        first = self.run_with(None, "--dump-config", *words)
        second = self.run_with(first.stdout, "--dump-config")
        self.assertEqual((second.returncode, second.stderr), (0, ""))
        self.assertEqual([line.rpartition(" # ")[0] for line in
                          first.stdout.splitlines()],
                         [line.rpartition(" # ")[0] for line in
                          second.stdout.splitlines()])
        self.assertIn(f"# file {self.path}", second.stdout)

    def test_it_names_every_word_of_the_file(self):
        helped = set(re.findall(r"^ +(?:-\w, )?--([a-z0-9-]+)",
                                self.run_with(None, "--help").stdout, re.M))
        told = set(re.findall(r"^(?:# )?([a-z0-9-]+): ", self.run_with(
            None, "--dump-config").stdout, re.M))
        self.assertEqual(helped - told, {
            "config", "check-config", "dump-config", "migrate-to", "restore",
            "help", "version"})

    def test_passwords_are_left_out_and_not_taken_for_real(self):
        for text, word in (
                ("database: postgresql://ada:secret@h:5/n?a=b\n", "ada"),
                ("database: postgresql://h/n?user=u&password=secret&x=y\n",
                 "x=y"),
                ("signing-key: pkcs11:token=t;pin-value=secret;object=o\n",
                 "object=o"),
                ("signing-key: pkcs11:token=t?pin-value=secret\n", "token=t")):
            with self.subTest(text=text):
                done = self.run_with(text, "--dump-config")
                self.assertEqual(done.returncode, 0)
                self.assertNotIn("secret", done.stdout)
                self.assertIn(word, done.stdout)
                self.refused(0, "left the password out", done.stdout)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
