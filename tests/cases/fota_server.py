# SPDX-License-Identifier: Apache-2.0
"""A scripted FOTA server: token, plan and result as a polling module calls
them. It answers what a case told it to; loopback only."""

import http.server
import json
import threading


class FotaServer:
    """What it does: plan() offers a package, refuse() answers with a number,
    log() tells who called what."""

    def __init__(self, packages, package_url):
        self.packages, self.package_url = packages, package_url
        self.offer, self.refusals = None, {}
        self.calls, self.results, self.queries = [], [], []
        self.tokens, self.refresh_tokens = 0, set()
        self.lock = threading.Lock()
        handler = type("Handler", (Handler,), {"fota": self})
        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.httpd.daemon_threads = True
        self.port = self.httpd.server_port
        threading.Thread(target=self.httpd.serve_forever, args=(0.05,),
                         daemon=True).start()

    def stop(self):
        self.httpd.shutdown()
        self.httpd.server_close()

    def set(self, words):
        """plan NAME [KEY=VALUE..] | none | refuse CALL NUMBER [TIMES] |
        raw CALL TEXT"""
        if words[0] == "plan":
            self.offer = (words[1], dict(w.split("=", 1) for w in words[2:]))
        elif words[0] == "none":
            self.offer = None
        elif words[0] == "refuse":
            times = int(words[3]) if len(words) > 3 else 1000000
            self.refusals[words[1]] = [int(words[2]), times]
        elif words[0] == "raw":
            self.refusals[words[1]] = [" ".join(words[2:]), 1000000]
        else:
            raise ValueError(f"no such thing: fota {' '.join(words)}")

    def refusal(self, call):
        with self.lock:
            entry = self.refusals.get(call)
            if not entry or entry[1] == 0:
                return None
            entry[1] -= 1
            return entry[0]

    def token(self, body):
        call = "refresh" if "refresh_token" in body else "login"
        self.calls.append(call)
        refused = self.refusal(call)
        if refused is not None:
            return refused
        with self.lock:
            if (call == "refresh" and
                    body["refresh_token"] not in self.refresh_tokens):
                return 853
            self.tokens += 1
            number = self.tokens
            self.refresh_tokens.discard(body.get("refresh_token"))
            self.refresh_tokens.add(f"refresh-{number}")
        return {"access_token": f"access-{number}",
                "refresh_token": f"refresh-{number}", "expires_in": 3600}

    def authorized(self, headers):
        kind, _, number = headers.get("Authorization", "").partition("-")
        return (kind == "Bearer access" and number.isdigit() and
                0 < int(number) <= self.tokens)

    def plan(self, headers, query):
        self.calls.append("plan")
        self.queries.append(query)
        refused = self.refusal("plan")
        if refused is not None:
            return refused
        if not self.authorized(headers):
            return 811
        if self.offer is None:
            return 802
        import hashlib
        name, more = self.offer
        body = self.packages.get("/" + name, b"")
        answer = {"plan": "plan-1", "attempt": "attempt-1",
                  "url": self.package_url() + "/" + name, "size": len(body),
                  "sha256": hashlib.sha256(body).hexdigest(),
                  "version": "1.1.0"}
        answer.update(more)
        if "size" in more:
            answer["size"] = int(more["size"])
        return {k: v for k, v in answer.items() if v != "-"}

    def result(self, headers, body):
        self.calls.append("result")
        self.results.append(body)
        refused = self.refusal("result")
        if refused is not None:
            return refused
        return {} if self.authorized(headers) else 811


STATUS = {802: 404, 803: 404, 809: 404, 854: 404, 810: 401, 811: 401,
          812: 401, 852: 401, 853: 401, 813: 403, 815: 403, 814: 400,
          855: 400, 851: 429, 850: 500, 880: 503}


class Handler(http.server.BaseHTTPRequestHandler):
    fota = None
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, what):
        """To a module that may be dead by now."""
        try:
            self.tell(what)
        except OSError:
            self.close_connection = True

    def tell(self, what):
        status, text = 200, None
        if isinstance(what, int):
            status = STATUS.get(what, 409)
            what = {"code": what, "message": "as the case says"}
        elif isinstance(what, str):
            text = what
            if what == "endless":
                self.endless()
                return
        body = (json.dumps(what) if text is None else text).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def endless(self):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        while True:
            self.wfile.write(b" " * 65536)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path != "/fota/v1/plan":
            self.answer(880)
            return
        self.answer(self.fota.plan(self.headers, query))

    def do_POST(self):
        length = int(self.headers.get("Content-Length", "0"))
        body = json.loads(self.rfile.read(length))
        if self.path == "/fota/v1/token":
            self.answer(self.fota.token(body))
        elif self.path == "/fota/v1/result":
            self.answer(self.fota.result(self.headers, body))
        else:
            self.answer(880)
