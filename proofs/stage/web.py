"""A small web server: a folder of files and, on the same origin, a DICOMweb service behind it.

The headers of cross-origin isolation are set, so that a page may share memory between its workers.
"""

import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests

ISOLATION = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp",
             "Cross-Origin-Resource-Policy": "same-origin"}


class Site:
    """Serves `folder`; paths below /dicom-web go to `archive_url`; `replaced` maps a path to bytes served in its place."""

    def __init__(self, folder, archive_url, replaced):
        site = self
        self.folder, self.archive_url, self.replaced, self.session = Path(folder), archive_url, replaced, requests.Session()

        class Handler(SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __init__(self, *arguments, **options):
                super().__init__(*arguments, directory=str(site.folder), **options)

            def end_headers(self):
                for name, value in ISOLATION.items():
                    self.send_header(name, value)
                super().end_headers()

            def log_message(self, *_):
                pass

            def do_GET(self):
                path = self.path.split("?")[0]
                if path.startswith("/dicom-web"):
                    return self.pass_on()
                if path in site.replaced:
                    return self.answer(200, "text/javascript", site.replaced[path])
                if not (site.folder / path.lstrip("/")).is_file():
                    self.path = "/index.html"  # a route of the page itself
                return super().do_GET()

            def pass_on(self):
                accept = {"Accept": self.headers["Accept"]} if self.headers["Accept"] else {}
                answer = requests.get(site.archive_url + self.path, headers=accept, timeout=120)
                self.answer(answer.status_code, answer.headers.get("Content-Type", "application/octet-stream"), answer.content)

            def answer(self, status, kind, body):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
