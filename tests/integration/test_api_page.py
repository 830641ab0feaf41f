"""docs/api.md: its examples run in one shell against an instance, and each answer has the shape that stands below it."""
import fnmatch
import json
import os
import subprocess

import pytest
from inkantest import documents

PAGE = "docs/api.md"
MARK = "---- end of the example ----"
UNDER_WAY = ("checking", "sent")


def steps():
    """(commands, language of the expectation or None, expectation) in the order of the page."""
    found = []
    for language, text in documents.blocks(PAGE):
        if language == "sh":
            found.append([text, None, None])
        elif language in ("json", "text"):
            assert found and found[-1][1] is None, text
            found[-1][1:] = [language, text]
    return found


def values(text):
    """JSON values that follow each other."""
    found, decoder, at = [], json.JSONDecoder(), 0
    while at < len(text.rstrip()):
        value, at = decoder.raw_decode(text, at + len(text[at:]) - len(text[at:].lstrip()))
        found.append(value)
    return found


def differs(want, got, place="answer"):
    """Where the shape is another, or None. null in the page stands for what may be absent, or any value that may be null."""
    if want is None or (got is None and isinstance(want, str | int) and not isinstance(want, bool)):
        return None
    if isinstance(want, bool) or isinstance(got, bool) or not isinstance(got, type(want)):
        return None if type(want) is type(got) else f"{place}: {got!r} is no {type(want).__name__}"
    if isinstance(want, dict):
        if set(want) != set(got):
            return f"{place}: {sorted(set(want) ^ set(got))} is in one of the two only"
        return next(filter(None, (differs(want[k], got[k], f"{place}.{k}") for k in want)), None)
    if isinstance(want, list) and want:
        return next(filter(None, (differs(want[0], item, f"{place}[]") for item in got)), None) if got else f"{place}: empty"
    return None


@pytest.fixture(scope="module")
def answers(inkan, tmp_path_factory):
    """What each example printed."""
    inkan.mail_faults("")
    inkan.alive()
    found = steps()
    script = "set -euo pipefail\n" + "".join(f"{commands}\necho\necho '{MARK}'\n" for commands, _, _ in found)
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path_factory.mktemp("api"), capture_output=True, text=True, timeout=180,
                          check=False, env={**os.environ, "LC_ALL": "C.UTF-8", "TRY_ENV": str(inkan.directory / "try.env")})
    assert done.returncode == 0, f"after {done.stdout.count(MARK)} examples:\n{done.stdout[-2000:]}\n{done.stderr}"
    return [part.strip("\n") for part in done.stdout.split(MARK)]


@pytest.mark.parametrize("number", range(len(steps())))
def test_example(answers, number):
    commands, language, wanted = steps()[number]
    if language == "json":
        want, got = values(wanted), values(answers[number])
        assert len(want) == len(got), commands
        assert [d for d in map(differs, want, got) if d] == [], commands
        # States of uploads, statuses and codes stand in the page as they are answered; 状態 and a link's state depend on how far the mails are.
        for w, g in zip(want, got):
            for name in ("state", "status", "code"):
                if isinstance(w, dict) and name in w and not (name == "state" and isinstance(w[name], int)) and w[name] not in UNDER_WAY:
                    assert g[name] == w[name], f"{commands}: {name} is {g[name]}"
    elif language == "text":
        want, got = wanted.strip("\n").split("\n"), answers[number].split("\n")
        assert len(got) >= len(want) - (want[-1] == "*"), commands
        for w, g in zip(want, got):
            assert fnmatch.fnmatchcase(g, w), f"{commands}: {g!r} is not {w!r}"
