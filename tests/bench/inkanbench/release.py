"""The release build that is measured."""
import os
import pathlib
import subprocess

from inkantest.instance import TOP


def build():
    directory = os.environ.get("INKAN_BENCH_BUILD", f"/var/tmp/inkan-bench-{os.getuid()}")
    if not (pathlib.Path(directory) / "build.ninja").exists():
        subprocess.run(["meson", "setup", directory, str(TOP), "-Dbuildtype=debugoptimized"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", directory], check=True, stdout=subprocess.DEVNULL)
    return pathlib.Path(directory)
