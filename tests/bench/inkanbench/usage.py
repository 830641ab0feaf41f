"""What daemons and PostgreSQL take: processor, memory, bytes in the database and in its log."""
import os
import pathlib

from inkantest.instance import DAEMONS

TICKS = os.sysconf("SC_CLK_TCK")
SIDES = {"public": "ingress"}  # roles of a daemon that are not called as it is


def status_mib(pid, name):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def pss_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu(pid, children=False):
    """Processor seconds of a process; of the children that it has reaped too."""
    try:
        times = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, times if children else times[:2])) / TICKS


def peak_memory_mib(instance):
    return {d: round(status_mib(instance.pid(d), "VmHWM"), 1) for d in DAEMONS}


def idle_memory_mib(instance):
    return {d: round(pss_mib(instance.pid(d)), 1) for d in DAEMONS}


def cpu_seconds(instance):
    """By daemon, by the backends that work for it ("of ingress"), and all of PostgreSQL's other processes ("postgres")."""
    found = {d: cpu(instance.pid(d)) for d in DAEMONS} | {f"of {d}": 0.0 for d in DAEMONS}
    postmaster = instance.pid("postgres")
    own = cpu(postmaster, children=True)
    for pid, role in instance.query("SELECT pid, COALESCE(usename, '') FROM pg_stat_activity WHERE pid <> pg_backend_pid()"):
        name = role.removeprefix("inkan_")
        side = f"of {SIDES.get(name, name)}"
        if side in found:
            found[side] += cpu(pid)
        else:
            own += cpu(pid)
    return found | {"postgres": own}


class Usage:
    """From its making on: seconds of processor, bytes written, and the greatest memory of each daemon."""

    def __init__(self, instance):
        self.instance = instance
        for daemon in DAEMONS:
            pathlib.Path(f"/proc/{instance.pid(daemon)}/clear_refs").write_text("5")  # the peak begins anew
        self.before = self.counters()

    def counters(self):
        database, log = self.instance.query("SELECT pg_database_size('inkan'), pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")[0]
        return {"cpu": cpu_seconds(self.instance), "database_bytes": database, "wal_bytes": int(log)}

    def taken(self):
        after = self.counters()
        return {"cpu": {name: round(after["cpu"][name] - self.before["cpu"][name], 2) for name in after["cpu"]},
                "peak_MiB": peak_memory_mib(self.instance),
                **{name: after[name] - self.before[name] for name in ("database_bytes", "wal_bytes")}}
