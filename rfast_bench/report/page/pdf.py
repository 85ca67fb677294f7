"""The page as PDF, printed by a Chromium that is on the PATH."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from rfast_bench.errors import UserError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 120.0
"""Seconds that the browser may take."""


def find_browser() -> str:
    """The first browser found. Raises UserError when there is none."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise UserError(
            f"--format pdf: no browser found; one of {', '.join(BROWSERS)} must be on the PATH "
            "(Debian: apt install chromium). --format html needs none, and any browser prints the page"
        )
    return found


def to_pdf(page: str) -> bytes:
    """A page of HTML text, printed. Raises UserError when there is no browser or it fails."""
    browser = find_browser()
    with tempfile.TemporaryDirectory(prefix="rfast-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        source, printed = folder / "report.html", folder / "report.pdf"
        source.write_text(page, encoding="utf-8")
        said = _print(browser, source, printed, folder / "profile")
        if not printed.exists():
            last = said.strip().splitlines()[-1:] or ["it said nothing"]
            raise UserError(f"--format pdf: {browser} printed nothing: {last[0]}")
        return printed.read_bytes()


def _print(browser: str, source: Path, printed: Path, profile: Path) -> str:
    """Run the browser; what it said. Raises UserError when it takes too long; leaves no process behind."""
    command = [browser, "--headless", "--disable-gpu", "--no-first-run", "--disable-extensions"]
    command += ["--no-sandbox"] if os.geteuid() == 0 else []  # the sandbox refuses to start for root
    command += ["--no-pdf-header-footer", f"--user-data-dir={profile}", f"--print-to-pdf={printed}"]
    command.append(source.as_uri())
    quiet, heard = subprocess.DEVNULL, subprocess.PIPE
    with subprocess.Popen(command, stdout=quiet, stderr=heard, text=True, start_new_session=True) as process:
        try:
            return process.communicate(timeout=PATIENCE)[1]
        except subprocess.TimeoutExpired as problem:
            raise UserError(f"--format pdf: {browser} took longer than {PATIENCE:g} s") from problem
        finally:
            _end(process.pid)


def _end(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
