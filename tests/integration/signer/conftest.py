"""Fixtures for tests of the signer by itself: a cluster and a signer for each file, as they were after each test."""
import os

import pytest
from inkantest.cluster import Cluster
from inkantest.signer import Signer, set_clock


@pytest.fixture(scope="module")
def cluster(scratch):
    made = Cluster(scratch / "sg", os.environ["INKAN_BUILD"])
    yield made
    made.stop()


@pytest.fixture(scope="module")
def signer(cluster):
    return Signer(cluster)


@pytest.fixture(autouse=True)
def as_it_was(request):
    yield
    if "signer" in request.fixturenames:
        cluster = request.getfixturevalue("cluster")
        request.getfixturevalue("signer").end()
        cluster.query("UPDATE service SET halted = false, policy = (SELECT hash FROM policy WHERE name = 'upki-2026')")
        cluster.query("UPDATE domain SET state = 'permitted'; UPDATE organisation SET state = 'active', l = 'Chiyoda-ku'")
        set_clock(cluster, "0")
