"""Stands before a server, passes everything on, and keeps what went each way: the witness of what was asked and said."""

import http.client
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Recorder:
    """A server on a free port of this machine before the one at `upstream`."""

    def __init__(self, upstream):
        self.exchanges = []
        address = urllib.parse.urlsplit(upstream)
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self):
                sent = self.rfile.read(int(self.headers.get("content-length", 0)))
                server = http.client.HTTPConnection(address.hostname, address.port, timeout=600)
                headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
                server.request(self.command, self.path, sent, headers)
                answer = server.getresponse()
                came = answer.read()
                server.close()
                probe = self.headers.get("idempotency-key") == "probe"
                recorder.exchanges.append((self.command, self.path, probe, sent, answer.status, came))
                self.send_response(answer.status)
                self.send_header("content-type", answer.headers.get("content-type", "application/json"))
                self.send_header("content-length", str(len(came)))
                self.end_headers()
                self.wfile.write(came)

            do_GET = do_POST = pass_on

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def chats(self):
        """The chat calls that were answered, probes left out, each as its request and its reply, and forgets them."""
        kept, self.exchanges = self.exchanges, []
        return [
            (json.loads(sent), came)
            for method, path, probe, sent, status, came in kept
            if method == "POST" and path.endswith("/chat/completions") and not probe and status == 200
        ]
