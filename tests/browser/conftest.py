"""One instance and Playwright, driving Debian's Chromium."""
import os
import pathlib
import subprocess

import pytest
from inkantest.instance import Instance

HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def inkan(scratch):
    instance = Instance(scratch / "browser", []).start()
    yield instance
    reports = instance.sanitizer_reports()
    instance.stop()
    assert not reports, "\n".join(reports[:20])


@pytest.fixture(scope="session")
def playwright():
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=HERE, check=True, timeout=300)
    return ["node", str(HERE / "pages.mjs")]


@pytest.fixture
def browse(inkan, playwright, scratch):
    """Runs a scenario of pages.mjs; its screenshots are in scratch/screenshots."""
    def run(scenario, **variables):
        out = scratch / "screenshots" / scenario
        out.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([*playwright, scenario, str(out)], env={**os.environ, **inkan.env, **variables}, timeout=180,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return run
