"""One instance and Playwright, driving Debian's Chromium."""
import contextlib
import hashlib
import os
import pathlib
import shutil
import subprocess

import pytest
from inkantest.instance import Instance

HERE = pathlib.Path(__file__).resolve().parent
# Kept when the run has ended, for people to look at.
CHECKOUT = hashlib.sha256(str(HERE.parents[1]).encode()).hexdigest()[:8]
SCREENSHOTS = pathlib.Path(os.environ.get("INKAN_TEST_ARTIFACTS", f"/var/tmp/inkan-test-artifacts-{CHECKOUT}")) / "screenshots"


@pytest.fixture(scope="session")
def inkan(scratch):
    instance = Instance(scratch / "browser", []).start()
    yield instance
    reports = instance.sanitizer_reports()
    instance.stop()
    assert not reports, "\n".join(reports[:20])


@pytest.fixture(scope="session")
def playwright():
    shutil.rmtree(SCREENSHOTS, ignore_errors=True)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=HERE, check=True, timeout=300)
    return ["node", str(HERE / "pages.mjs")]


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"screenshots: {SCREENSHOTS}")


@pytest.fixture(scope="session")
def browse(inkan, playwright):
    """Runs a scenario of pages.mjs; the directory with its screenshots, in SCREENSHOTS."""
    @contextlib.contextmanager
    def started(scenario, **variables):
        """The scenario while it runs: its lines of output."""
        out = SCREENSHOTS / scenario
        out.mkdir(parents=True, exist_ok=True)
        with open(out / "errors", "w+", encoding="utf-8") as errors, subprocess.Popen(
                [*playwright, scenario, str(out)], env={**os.environ, **inkan.env, **variables}, stdout=subprocess.PIPE, stderr=errors,
                text=True) as process:
            try:
                yield (line.rstrip("\n") for line in process.stdout)
                process.wait(400)
            finally:
                process.kill()
            errors.seek(0)
            assert process.returncode == 0, errors.read()

    def run(scenario, **variables):
        with started(scenario, **variables):
            pass
        return SCREENSHOTS / scenario
    run.started = started
    return run
