#!/usr/bin/env python3
"""Writes what the pages' modules know of proto/ and of the catalogue of words, as JSON: declared.py OUT COMPILER…"""
import json
import pathlib
import sys

TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "proto"))
sys.dont_write_bytecode = True
from declared import rows  # noqa: E402

WORDS = ("tool_",)


def formats(compiler):
    found = []
    for row in rows("proto/tsv.def", {"FORMAT": (("s", "k", "d", "ja", "en"), (1, 0, 1, 0, 0)),
                                      "COLUMN": (("f", "ja", "en", "n", "c", "m"), (1, 0, 0, 1, 1, 0)),
                                      "END": (("s",), (1,))}, compiler, ["proto/tsv.h"]):
        if row[0] == "FORMAT":
            _, _, kind, deed, ja, en = row
            found.append({"kind": kind, "deed": deed, "title": {"ja": ja, "en": en}, "columns": []})
        elif row[0] == "COLUMN":
            _, field, ja, en, need, characters, most = row
            found[-1]["columns"].append({"field": field, "item": {"ja": ja, "en": en}, "required": need == "REQUIRED",
                                         "class": characters, "max": most})
    return found


def classes(compiler):
    found = rows("proto/tsv_classes.def", {"CLASS": (("n", "h", "f", "ja", "en"), (1, 0, 1, 0, 0))}, compiler)
    return {name: {"half": half, "full": full == "true", "name": {"ja": ja, "en": en}} for _, name, half, full, ja, en in found}


def errors(compiler):
    found = rows("proto/errors.def", {"ERROR": (("s", "c", "ja", "en", "rja", "ren"), (1, 0, 0, 0, 0, 0))}, compiler)
    return {symbol: {"code": code, "message": {"ja": ja, "en": en}, "remedy": {"ja": rja, "en": ren}}
            for _, symbol, code, ja, en, rja, ren in found}


def reasons(compiler):
    found = rows("proto/reasons.def", {name: (("c", "ja", "en"), (0, 0, 0)) for name in ("REASON", "REASON_OPERATOR")}, compiler)
    return [{"code": str(code), "name": {"ja": ja, "en": en}} for name, code, ja, en in found if name == "REASON"]


def texts(compiler):
    found = rows("services/ingress/pages/texts.def", {"TEXT": (("id", "ja", "en"), (1, 0, 0))}, compiler)
    return {name: {"ja": ja, "en": en} for _, name, ja, en in found if name.startswith(WORDS)}


def main(out, *compiler):
    full = [row[1:] for row in rows("proto/cp932.def", {"FULL": (("f", "l"), (0, 0))}, compiler)]
    pathlib.Path(out).write_text(json.dumps({"formats": formats(compiler), "classes": classes(compiler), "full": full,
                                             "errors": errors(compiler), "reasons": reasons(compiler),
                                             "texts": texts(compiler)}, ensure_ascii=False, indent=1), encoding="utf-8")


main(*sys.argv[1:])
