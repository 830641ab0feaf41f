"""What every suite of pytest has: our library on the path, and a place for files."""
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
        yield pathlib.Path(given)
    else:
        with tempfile.TemporaryDirectory(prefix="inkan-tests-", dir="/var/tmp") as made:
            yield pathlib.Path(made)
