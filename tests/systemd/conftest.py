"""One Debian machine with the package installed, booted once for all; where systemd-nspawn does not run, the suite fails."""
import shutil

import pytest
from inkantest import installation, machine


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    return installation.build_package(installation.TOP, tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="session")
def next_package(package, tmp_path_factory):
    """The package of the version that comes next, and the number of its schema."""
    checkout = tmp_path_factory.mktemp("next")
    number = installation.next_version(checkout)
    return installation.build_package(checkout, tmp_path_factory.mktemp("next-package")), number


@pytest.fixture(scope="session")
def installed(package, scratch):
    """Right after dpkg -i on a Debian with PostgreSQL."""
    root = machine.debian(["systemd-sysv", "postgresql-15", *installation.depends(package)])
    directory = scratch / "machine"
    directory.mkdir()
    host = machine.Machine(root, directory)
    try:
        host.start()
        found = installation.Installation(host, directory)
        found.install(package)
        yield found
    finally:
        host.stop()
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def serving(installed):
    """Set up as docs/operating.md says, and booted again: everything came up by itself."""
    installed.set_up()
    installed.machine.reboot()
    installed.start_fakes()
    installed.wait_until_ready()
    return installed


@pytest.fixture
def inkan(serving):
    """The service with all daemons ready."""
    serving.wait_until_ready()
    return serving
