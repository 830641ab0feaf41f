"""What every suite of pytest has: our library on the path, and a place for files, of each process its own."""
import os
import pathlib
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))


@pytest.fixture(scope="session")
def scratch():
    given = os.environ.get("INKAN_SCRATCH")
    if given:
        mine = pathlib.Path(given) / os.environ.get("PYTEST_XDIST_WORKER", "")
        mine.mkdir(mode=0o755, exist_ok=True)
        yield mine
    else:
        with tempfile.TemporaryDirectory(prefix="inkan-tests-", dir="/var/tmp") as made:
            yield pathlib.Path(made)
