#!/usr/bin/env python3
"""Writes a C file with the templates and the static files, so that the ingress needs no files of its own at run time.

embed.py OUT FILE…    a template is found by its name; a static file also by name.HASH.ext, so that it may be cached for ever;
YAML becomes JSON
"""
import hashlib
import json
import pathlib
import sys

import yaml

TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".json": "application/json", ".js": "text/javascript; charset=utf-8",
         ".html": None, ".txt": None}


def as_array(data):
    numbers = [str(byte) for byte in data + b"\0"]
    return ",\n    ".join(",".join(numbers[i:i + 32]) for i in range(0, len(numbers), 32))


def main(out, files):
    paths = sorted((pathlib.Path(f) for f in files), key=lambda p: p.name)
    text = '#include "services/ingress/pages/assets.h"\n\n#include <stddef.h>\n\n'
    rows = ""
    for i, path in enumerate(paths):
        data = path.read_bytes()
        if path.suffix == ".yaml":
            data = json.dumps(yaml.safe_load(data), ensure_ascii=False).encode()
            path = path.with_suffix(".json")
        text += f"static const unsigned char data_{i}[] = {{\n    {as_array(data)}}};\n"
        kind = TYPES[path.suffix]
        name = path.stem if kind is None else path.name
        address = f"{path.stem}.{hashlib.sha256(data).hexdigest()[:12]}{path.suffix}" if kind else ""
        kind_text = f'"{kind}"' if kind else "NULL"
        rows += f'    {{"{name}", "{address}", {kind_text}, (const char *) data_{i}, {len(data)}}},\n'
    text += f"\nconst struct asset assets[] = {{\n{rows}    {{NULL, NULL, NULL, NULL, 0}},\n}};\n"
    pathlib.Path(out).write_text(text, encoding="utf-8")


main(sys.argv[1], sys.argv[2:])
