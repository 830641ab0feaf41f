"""A private PostgreSQL with the schema and a CA, and single daemons run on it by hand: for what would disturb a whole instance."""
import os
import pathlib
import pwd
import shutil
import subprocess

import psycopg2

TOP = pathlib.Path(__file__).resolve().parents[3]
POSTGRES = next(iter(sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
PKI_URL = "http://pki.example.jp"


def as_user(name, command):
    """The command as another user, where we are root; daemons and PostgreSQL refuse root."""
    if os.geteuid() != 0:
        return [str(word) for word in command]
    user = pwd.getpwnam(name)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *map(str, command)]


def run(command, **kw):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=300, **kw)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Cluster:
    """All files lie in directory, which must be short: a unix socket's path holds 107 bytes."""

    def __init__(self, directory, build, ca_key="rsa:2048", shards=16):
        self.directory = pathlib.Path(directory)
        self.build = pathlib.Path(build)
        self.directory.mkdir(parents=True)
        self.directory.chmod(0o755)
        self.socket, self.ca = self.directory / "s", self.directory / "ca"
        self.start()
        self.uri = f"postgresql:///inkan?host={self.socket}"
        self.ctl("database", "migrate", TOP / "deploy/schema")
        self.ctl("ca", "init", "--directory", self.ca, "--name", "Test CA", "--key", ca_key, "--shards", shards)
        self.ctl("policy", "load", TOP / "deploy/policy/upki-2026.conf")

    @classmethod
    def empty(cls, directory, like):
        """An empty database in a cluster of its own, with the keys and the roles of another's."""
        made = cls.__new__(cls)
        made.directory, made.build, made.ca = pathlib.Path(directory), like.build, like.ca
        made.directory.mkdir(parents=True)
        made.directory.chmod(0o755)
        made.socket = made.directory / "s"
        made.start()
        made.uri = f"postgresql:///inkan?host={made.socket}"
        for (role,) in like.query("SELECT rolname FROM pg_roles WHERE rolname LIKE 'inkan%%' AND rolname <> 'inkan_owner'"):
            made.query(f"CREATE ROLE {role} LOGIN")
        return made

    def start(self):
        data = self.directory / "data"
        for path in (data, self.socket):
            path.mkdir()
            shutil.chown(path, *(("postgres", "postgres") if os.geteuid() == 0 else (os.geteuid(), os.getegid())))
        run(as_user("postgres", [POSTGRES / "initdb", "-D", data, "-U", "inkan_owner", "--auth-local=trust",
                                 "--auth-host=reject", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]), cwd="/")
        run(as_user("postgres", [POSTGRES / "pg_ctl", "-w", "-D", data, "-l", self.socket / "log", "-o",
                                 f"-c listen_addresses='' -c unix_socket_directories={self.socket}", "start"]), cwd="/")
        run([POSTGRES / "createdb", "-h", self.socket, "-U", "inkan_owner", "inkan"])

    def stop(self):
        run(as_user("postgres", [POSTGRES / "pg_ctl", "-D", self.directory / "data", "-m", "immediate", "stop"]), cwd="/")

    def ctl(self, *words):
        return run([self.build / "services/ctl/inkanctl", "--database", self.uri + "&user=inkan_owner", *words])

    # ---- looking

    def connect(self, role="inkan_owner", autocommit=True):
        connection = psycopg2.connect(self.uri, user=role)
        connection.autocommit = autocommit
        return connection

    def query(self, sql, *args):
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, args)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def value(self, sql, *args):
        return self.query(sql, *args)[0][0]

    # ---- daemons

    def command(self, daemon, settings, *words, instance=None):
        """The daemon's command line, as user nobody; settings: {section: {name: value}} beside those every daemon needs."""
        instance = instance or daemon
        bus = self.directory / f"bus-{instance}"
        bus.mkdir(exist_ok=True)
        self.give(bus)
        sections = {"database": {"uri": self.uri}, "bus": {"bind": f"ipc://{bus}", "senders": f"ipc://{bus}"},
                    "health": {daemon: ""}, "pki": {"url": PKI_URL}, "public": {"url": "https://upki.example.jp"}}
        for section, values in settings.items():
            sections.setdefault(section, {}).update(values)
        path = self.directory / f"{instance}.conf"
        path.write_text("".join(f"[{section}]\n" + "".join(f"{n} = {v}\n" for n, v in values.items())
                                for section, values in sections.items()))
        program = self.directory / f"inkan-{daemon}"
        if not program.exists():  # the build directory may be root's alone
            shutil.copy(self.build / f"services/{daemon}/inkan-{daemon}", program)
        return as_user("nobody", [program, "--config", path, "--instance", instance, *words])

    def give(self, path, mode=None):
        """Makes path a daemon's."""
        if os.geteuid() == 0:
            shutil.chown(path, "nobody", "nogroup")
        if mode is not None:
            path.chmod(mode)
