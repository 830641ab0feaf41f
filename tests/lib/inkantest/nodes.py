"""PostgreSQL in place of an instance's own: two nodes, a primary and its synchronous standby, each on a small file system of its own
and with a clock that can be set. They are killed, stopped, filled up, set forward and back, and fail over."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

import psycopg2

from .cluster import POSTGRES, as_user, run
from .instance import DAEMONS, wait_for

FAKETIME = next(iter(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
DISK_BYTES = 700 << 20
SETTINGS = {"listen_addresses": "", "max_connections": "100", "shared_buffers": "32MB", "max_wal_size": "96MB", "min_wal_size": "32MB",
            "wal_sender_timeout": "5s", "wal_receiver_timeout": "5s", "wal_retrieve_retry_interval": "200ms", "timezone": "UTC",
            "log_timezone": "UTC", "lc_messages": "C", "log_line_prefix": "%m [%p] %u ", "synchronous_standby_names": ""}


class Node:
    """On this machine and by its unix socket, or on a host (netns) and by reach. disk_bytes: None: on the disk of the machine."""

    def __init__(self, directory, log, host=None, disk_bytes=DISK_BYTES):
        self.directory, self.log, self.host = pathlib.Path(directory), log, host
        self.data, self.socket, self.clock = self.directory / "d" / "pg", self.directory / "s", self.directory / "clock"
        self.process, self.wanted, self.settings, self.fixed = None, False, {}, {}
        self.reach, self.mounted = f"host={self.socket}", disk_bytes is not None
        for path in (self.directory, self.directory / "d", self.socket):
            path.mkdir()
            path.chmod(0o755)
        if self.mounted:
            run(["mount", "-t", "tmpfs", "-o", f"size={disk_bytes},mode=755", "inkan-faults", self.directory / "d"])
        shutil.chown(self.socket, "postgres", "postgres")
        self.set_clock(0)

    def set_clock(self, seconds):
        self.clock.write_text(f"{seconds:+d}s\n")
        self.clock.chmod(0o644)

    def clone(self, socket):
        shutil.rmtree(self.data, ignore_errors=True)
        run([POSTGRES / "pg_basebackup", "-h", socket, "-U", "inkan_owner", "-D", self.data, "-X", "stream", "-c", "fast"])
        run(["chown", "-R", "postgres:postgres", self.data])
        self.data.chmod(0o700)

    def configure(self, **settings):
        self.settings |= settings
        text = "".join(f"{n} = '{v}'\n" for n, v in (SETTINGS | {"unix_socket_directories": self.socket} | self.fixed | self.settings).items())
        (self.data / "postgresql.auto.conf").write_text(text)
        shutil.chown(self.data / "postgresql.auto.conf", "postgres", "postgres")
        if self.alive():
            os.kill(self.process.pid, signal.SIGHUP)

    def follow(self, primary):
        (self.data / "standby.signal").touch()
        self.configure(primary_conninfo=f"{primary.reach} user=inkan_owner application_name=standby connect_timeout=5")

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill_left_behind(self):
        """The processes of a postmaster that is dead, as systemd does (deploy/trylib/supervisor.py)."""
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (process / "cwd").resolve() == self.data:
                    os.kill(int(process.name), signal.SIGKILL)

    def start(self):
        """Also after a death that left an empty lock file (deploy/trylib/cluster.py)."""
        self.wanted = True
        self.kill_left_behind()
        for lock in (self.data / "postmaster.pid", self.socket / ".s.PGSQL.5432.lock"):
            if lock.exists() and lock.stat().st_size == 0:
                lock.unlink()
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self.clock),
                       "FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        with open(self.log, "ab") as log:
            words = ["env", "-i", *(f"{n}={v}" for n, v in environment.items()), str(POSTGRES / "postgres"), "-D", str(self.data)]
            words = as_user("postgres", words)
            self.process = subprocess.Popen(self.host.words(words) if self.host else words, stdout=log, stderr=log, cwd="/")

    def tick(self):
        """Starts again what died, as systemd would."""
        if self.wanted and not self.alive():
            self.start()

    def signal(self, number):
        if self.alive():
            os.kill(self.process.pid, number)

    def stop(self):
        self.wanted = False
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGQUIT)
        if self.process:
            self.process.wait(30)

    def family(self):
        """The postmaster and its children."""
        if not self.alive():
            return []
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True, check=False)
        return [self.process.pid, *map(int, found.stdout.split())]

    def fill(self):
        """Not a byte is left on its file system."""
        with open(self.directory / "d" / "ballast", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 20))
            except OSError:
                pass
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def empty(self):
        (self.directory / "d" / "ballast").unlink(missing_ok=True)

    def query(self, sql):
        connection = psycopg2.connect(f"postgresql:///inkan?host={self.socket}", user="inkan_owner", connect_timeout=5)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def answers(self, sql="SELECT true"):
        try:
            return self.query(sql)[0][0]
        except psycopg2.Error:
            return False

    def close(self):
        self.stop()
        if self.mounted:
            subprocess.run(["umount", "-l", self.directory / "d"], check=False)


class Pair:
    """Moves an instance to two nodes of ours."""

    def __init__(self, instance, hosts=(None, None), disk_bytes=DISK_BYTES):
        stage = pathlib.Path(instance.env["INKAN_BIN_DIR"]).parent
        self.instance = instance
        self.primary, self.standby = (Node(stage / name, instance.directory / f"postgres-{name}.log", host, disk_bytes)
                                      for name, host in zip("xy", hosts))

    def move(self, admitted=()):
        """The instance's database is here from now on; admitted: further lines of pg_hba.conf."""
        instance = self.instance
        data = pathlib.Path(instance.value("SHOW data_directory"))
        with open(data / "pg_hba.conf", "a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in ("local replication all peer map=inkan", *admitted))
        with open(data / "pg_ident.conf", "a", encoding="utf-8") as file:
            file.write("inkan postgres inkan_owner\n")
        instance.query("SELECT pg_reload_conf()")
        self.primary.clone(data.parent / "sql")
        self.primary.configure()
        self.primary.start()
        wait_for(lambda: self.primary.answers(), "the primary")
        self.attach()
        hosts = f"host={self.primary.socket},{self.standby.socket}&target_session_attrs=read-write"
        instance.env["INKAN_DATABASE_URL"] = f"postgresql://inkan_owner@/inkan?{hosts}&connect_timeout=5"
        instance.reconfigure("database", "uri", f"postgresql:///inkan?{hosts}")

    def take_over(self, senders):
        """The daemons' database is here from now on, and their hints come by senders (bus.senders)."""
        instance = self.instance
        self.move()
        instance.reconfigure("bus", "senders", senders)
        for daemon in DAEMONS:
            instance.kill(daemon)
        instance.alive(180)

    def attach(self):
        """The standby anew from the primary; from then on no commit without it."""
        self.standby.stop()
        self.standby.clone(self.primary.socket)
        self.standby.settings = {}
        self.standby.follow(self.primary)
        self.standby.start()
        wait_for(lambda: self.primary.answers("SELECT count(*) > 0 FROM pg_stat_replication WHERE state = 'streaming'"), "the standby", 120)
        self.primary.configure(synchronous_standby_names="*")

    def tick(self):
        self.primary.tick()
        self.standby.tick()

    def promote(self):
        """The standby is the primary from now on, alone; the former one lives on as it is, if it lives."""
        self.primary, self.standby = self.standby, self.primary
        self.primary.settings = {}
        self.primary.configure()
        wait_for(lambda: self.primary.answers("SELECT NOT pg_is_in_recovery() OR pg_promote()"), "the promotion", 120)

    def fail_over(self):
        """The primary is lost for good; what it had acknowledged must be on the standby."""
        lost = self.primary
        lost.wanted = False
        for pid in lost.family():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        lost.process.wait(30)
        lost.empty()
        self.promote()
        time.sleep(0.5)
        self.attach()

    def close(self):
        self.primary.close()
        self.standby.close()
