"""On what was measured, and how fast its disk makes something last."""
import os
import pathlib
import platform
import re
import subprocess
import time

from inkantest.cluster import POSTGRES
from inkantest.instance import TOP

BLOCK = 8192
PREALLOCATED = 16 << 20


def output(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def facts():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    git = ["git", "-c", f"safe.directory={TOP}", "-C", TOP]
    return {"cores": len(os.sched_getaffinity(0)), "processor": model[1] if model else platform.machine(),
            "memory_MiB": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20, "kernel": platform.release(),
            "system": platform.freedesktop_os_release()["PRETTY_NAME"], "postgresql": output(POSTGRES / "postgres", "--version"),
            "openssl": output("openssl", "version"), "commit": output(*git, "rev-parse", "HEAD"),
            "changed": bool(output(*git, "status", "--porcelain")), "load": os.getloadavg()[0],
            "begun": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


def fdatasync(directory, count):
    """Milliseconds of each fdatasync of 8 KiB written into a file that is there already, as PostgreSQL writes its log."""
    path = pathlib.Path(directory) / "fdatasync"
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        os.write(file, bytes(PREALLOCATED))
        os.fsync(file)
        times = []
        for i in range(count):
            os.pwrite(file, os.urandom(BLOCK), i * BLOCK % PREALLOCATED)
            begin = time.monotonic()
            os.fdatasync(file)
            times.append(1000 * (time.monotonic() - begin))
        return times
    finally:
        os.close(file)
        path.unlink()
