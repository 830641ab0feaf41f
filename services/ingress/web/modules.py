#!/usr/bin/env python3
"""Installs the packages of a lock file beside STAMP: modules.py NPM STAMP package.json package-lock.json

Nothing is done when the lock file is the one installed. Scripts of packages do not run.
"""
import os
import pathlib
import shutil
import subprocess
import sys


def main(npm, stamp, *sources):
    stamp = pathlib.Path(stamp).resolve()
    here = stamp.parent
    wanted = b"".join(pathlib.Path(source).read_bytes() for source in sources)
    if not stamp.exists() or stamp.read_bytes() != wanted:
        stamp.unlink(missing_ok=True)
        for source in sources:
            shutil.copyfile(source, here / pathlib.Path(source).name)
        home = pathlib.Path.home()
        cache = {} if os.access(home, os.W_OK) else {"npm_config_cache": str(here / "npm-cache")}
        subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=here, check=True,
                       env={**os.environ, **cache}, stdout=subprocess.DEVNULL, timeout=600)
    stamp.write_bytes(wanted)


main(*sys.argv[1:])
