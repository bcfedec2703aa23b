"""The command behind `make docs`."""

from __future__ import annotations

import argparse
import http.server
import sys
import time
from functools import partial

from scripts.docs.building import SITE, build
from scripts.docs.checking import BuildFailed
from scripts.docs.places import ROOT


def main() -> int:
    """Build the site, and serve it if asked; return the exit code."""
    parser = argparse.ArgumentParser(prog="make docs", description="Build the site of the documentation.")
    parser.add_argument("--serve", action="store_true", help="then serve it on this machine, until Ctrl-C")
    parser.add_argument("--port", type=int, default=0, help="where; a free port by default")
    options = parser.parse_args()
    begun = time.monotonic()
    try:
        pages = build()
    except BuildFailed as failure:
        sys.stderr.write("\n".join([*failure.lines, "The site has problems; nothing was published."]) + "\n")
        return 1
    first = (SITE / "index.html").relative_to(ROOT)
    sys.stdout.write(f"{pages} pages in {time.monotonic() - begun:.1f} s: open {first}\n")
    if options.serve:
        _serve(options.port)
    return 0


def _serve(port: int) -> None:
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        sys.stdout.write(f"http://127.0.0.1:{server.server_port}/ until Ctrl-C\n")
        sys.stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.stdout.write("\n")


if __name__ == "__main__":
    sys.exit(main())
