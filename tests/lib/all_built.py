#!/usr/bin/env python3
"""all_built.py BUILD: names the C files of the repository that no target of this build compiles (the fuzzers have a build of their own)."""
import json
import pathlib
import subprocess
import sys

build = pathlib.Path(sys.argv[1])
compiled = {(pathlib.Path(one["directory"]) / one["file"]).resolve() for one in json.loads((build / "compile_commands.json").read_text())}
tracked = subprocess.run(["git", "ls-files", "*.c"], capture_output=True, text=True, check=True).stdout.split()
forgotten = [path for path in tracked if not path.startswith("tests/fuzz/") and pathlib.Path(path).resolve() not in compiled]
sys.exit("\n".join(["compiled by nothing:", *forgotten]) if forgotten else 0)
