"""Running programs: as which user, with which environment, and what to show when they fail."""
import os
import pwd
import shlex
import subprocess

from failure import Failure

TAIL_LINES = 25


def environment():
    """A small one, so that nothing of the caller's shell reaches a daemon; sanitizers keep their options."""
    kept = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
    return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/",
            "TZ": "UTC"} | kept


def as_user(user, argv, signal_with_parent=None):
    """argv run as user, without any capability; signal_with_parent ("TERM") reaches it when its parent dies."""
    group = "inkan" if user.startswith("inkan-") else str(pwd.getpwnam(user).pw_gid)
    counts = os.environ.get("INKAN_COVERAGE")  # tests/analysis/coverage
    words = ["env", f"GCOV_PREFIX={counts}/{user}"] if counts else []
    words += ["setpriv", "--reuid", user, "--regid", group, "--init-groups", "--inh-caps", "-all"]
    if signal_with_parent:
        words += ["--pdeathsig", signal_with_parent]
    return [*words, "--no-new-privs", "--", *argv]


def run(argv, what, **more):
    """Runs to the end and gives its standard output; Failure with the end of its messages otherwise."""
    argv = [str(word) for word in argv]
    result = subprocess.run(argv, env=environment(), stdin=more.pop("stdin", subprocess.DEVNULL),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", cwd="/",
                            check=False, **more)
    if result.returncode != 0:
        said = (result.stdout + result.stderr).strip().splitlines()[-TAIL_LINES:]
        raise Failure(f"{what} failed (exit {result.returncode}): {shlex.join(argv)}\n" + "\n".join(said))
    return result.stdout


def tail(path, lines=TAIL_LINES):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:]).rstrip()
    except FileNotFoundError:
        return ""
