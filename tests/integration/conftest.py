"""One instance for the whole suite; suites that break things beyond repair make their own."""
import os
import pathlib
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

from inkantest.instance import Instance  # noqa: E402


@pytest.fixture(scope="session")
def scratch():
    given = os.environ.get("INKAN_SCRATCH")
    if given:
        yield pathlib.Path(given)
    else:
        with tempfile.TemporaryDirectory(prefix="inkan-tests-", dir="/var/tmp") as made:
            yield pathlib.Path(made)


@pytest.fixture(scope="session")
def inkan(scratch):
    instance = Instance(scratch / "try", ["upload.rows_max=2000", "mailer.retry_min=1s", "mailer.retry_max=2s"]).start()
    yield instance
    reports = instance.sanitizer_reports()
    instance.stop()
    assert not reports, "\n".join(reports[:20])


@pytest.fixture
def healthy(inkan):
    """The shared instance with all daemons ready and no faults left over."""
    inkan.mail_faults("")
    inkan.alive()
    return inkan
