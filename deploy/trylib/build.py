"""Building with Meson, once for all instances of a checkout, and staging the programs where service users can run them."""
import hashlib
import json
import os
import pathlib
import shutil

from command import run
from failure import Failure
from instance import lock

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


def build_directory():
    """One a user and checkout; outside the checkout, which may be read-only."""
    name = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:12]
    return pathlib.Path(f"/var/tmp/inkan-build-{os.geteuid()}-{name}")


def programs(directory):
    """Executables made of services/, as Meson knows them: {name: path}."""
    targets = json.loads(run(["meson", "introspect", "--targets", directory], "meson introspect"))
    services = str(CHECKOUT / "services") + "/"
    return {target["name"]: pathlib.Path(target["filename"][0]) for target in targets
            if target["type"] == "executable" and target["defined_in"].startswith(services)}


def build(given=None):
    """Builds what is not up to date and gives {program: path}; in a directory that was set up already, if one is given."""
    directory = pathlib.Path(given) if given else build_directory()
    directory.mkdir(mode=0o755, exist_ok=True)
    if directory.is_symlink() or directory.stat().st_uid != os.geteuid():
        raise Failure(f"{directory} belongs to somebody else")
    held = lock(directory / ".inkan-lock")
    try:
        if not (directory / "build.ninja").exists():
            wipe = ["--wipe"] if (directory / "meson-private").exists() else []
            run(["meson", "setup", *wipe, "-Dbuildtype=debugoptimized", directory, CHECKOUT], "meson setup")
        run(["ninja", "-C", directory, "build.ninja"], "meson")  # what introspection reads must not be older than the checkout
        made = programs(directory)
        run(["ninja", "-C", directory, *(path.relative_to(directory) for path in made.values())], "the build")
        return made
    finally:
        os.close(held)


def stage_programs(made, instance):
    """Copies, because the build may go on and the checkout may lie where only root can read."""
    instance.bin.mkdir()
    for name, path in made.items():
        shutil.copy(path, instance.bin / name)
        (instance.bin / name).chmod(0o755)
