"""One instance for the whole suite; suites that break things beyond repair make their own."""
import contextlib

import pytest
from inkantest.instance import TOP, Instance


@pytest.fixture(scope="session")
def inkan(scratch):
    instance = Instance(scratch / "try", ["upload.rows_max=2000", "mailer.retry_min=1s", "mailer.retry_max=2s",
                                                "ingress.timestamp_url=https://tsa.example.ac.jp/stamp",
                                                "mailer.head_to=watch@example.ac.jp guard@example.org"]).start()
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


@pytest.fixture(scope="session")
def under_policy(inkan, tmp_path_factory):
    """with under_policy("upki-2021"): the shared instance under a shipped policy, "Media Center" on the list of OUs; then as before."""
    before = tmp_path_factory.mktemp("policy") / "before.conf"

    @contextlib.contextmanager
    def under(name):
        inkan.alive()
        before.write_text(inkan.ctl_json("policy", "show")["body"])
        inkan.ctl("ou", "add", "1", "Media Center")
        inkan.ctl("policy", "load", str(TOP / f"deploy/policy/{name}.conf"))
        try:
            yield inkan
        finally:
            inkan.ctl("policy", "load", str(before))
            inkan.ctl("ou", "remove", "1", "Media Center")
    return under
