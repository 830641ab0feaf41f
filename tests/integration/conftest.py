"""One instance for the whole suite; suites that break things beyond repair make their own."""
import pytest
from inkantest.instance import Instance


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
