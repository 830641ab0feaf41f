"""One instance of the service: where its files are, which ports it has, and the locks that keep instances apart.

DIR (--dir) holds what people and tests look at: try.env, logs, pid files, mails, WHOIS answers, registrars' certificates.
The stage (/var/tmp/inkan.XXXXXXXX) holds what the service users must reach: programs, the database, sockets, keys. It
has a short path, because a unix socket's path holds 107 bytes and a line of inkan.conf 199, and it goes away with the
instance.
"""
import errno
import fcntl
import os
import pathlib
import shutil
import socket
import tempfile

from failure import Failure

DAEMONS = ("ingress", "validator", "whois", "signer", "mailer")
LOOPBACK = "127.0.0.1"
SENDERS = ("ingress", "validator", "whois", "signer")
STAGE_PREFIX = "inkan."
STAGE_PARENT = pathlib.Path("/var/tmp")
PORT_LOCKS = pathlib.Path("/run/inkan-try-ports")
PORTS = ("registrar", "public", "pki", "mail_page", "smtp", "whois_server", "whois_registrar",
         *(f"health_{name}" for name in DAEMONS))
BLOCK = 20
PORT_LAST = 65535


def lock(path, wait=True):
    """An open file holding an exclusive lock on path, or None when another holds it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def port_free(host, port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((host, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


class Instance:
    def __init__(self, directory, host, first_port):
        self.host = host
        self.directory = pathlib.Path(directory).absolute()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.lock = lock(self.directory / ".lock", wait=False)
        if self.lock is None:
            raise Failure(f"{self.directory} is in use by another deploy/try; give this one another --dir")
        remove_stale_stages()
        self.ports = self.take_ports(first_port)
        self.stage = pathlib.Path(tempfile.mkdtemp(prefix=STAGE_PREFIX, dir=STAGE_PARENT))
        self.stage_lock = lock(self.stage / ".lock")
        self.stage.chmod(0o755)
        self.clear_directory()

    def take_ports(self, first):
        PORT_LOCKS.mkdir(mode=0o700, exist_ok=True)
        while first + len(PORTS) <= PORT_LAST:
            self.port_lock = lock(PORT_LOCKS / str(first), wait=False)
            if self.port_lock is not None:
                if all(port_free(self.host, first + i) for i in range(len(PORTS))):
                    return {name: first + i for i, name in enumerate(PORTS)}
                os.close(self.port_lock)
            first += BLOCK
        raise Failure("no free block of ports")

    def clear_directory(self):
        """Takes away what an earlier instance left, and nothing else that may lie there."""
        for name in ("mail", "whois", "pki", "sample"):
            shutil.rmtree(self.directory / name, ignore_errors=True)
            (self.directory / name).mkdir()
        for pattern in ("*.pid", "*.log", "try.env", "mail-faults"):
            for path in self.directory.glob(pattern):
                path.unlink()
        (self.directory / "mail-faults").touch()

    def remove_stage(self):
        shutil.rmtree(self.stage, ignore_errors=True)

    def address(self, name):
        return f"{self.host}:{self.ports[name]}"

    # What lies where.

    @property
    def bin(self):
        return self.stage / "bin"

    @property
    def conf(self):
        return self.stage / "conf"

    @property
    def database_directory(self):
        return self.stage / "pg"

    @property
    def database_socket(self):
        return self.stage / "sql"

    def keys(self, daemon):
        return self.stage / "keys" / daemon

    def state(self, daemon):
        return self.stage / "state" / daemon

    def bus(self, sender):
        return self.stage / "b" / sender

    def pki(self, name):
        return self.directory / "pki" / name

    def log(self, name):
        return self.directory / f"{name}.log"

    def pid(self, name):
        return self.directory / f"{name}.pid"

    @property
    def database_url(self):
        """For the owner of the cluster."""
        return f"postgresql://inkan_owner@/inkan?host={self.database_socket}"

    @property
    def database_uri(self):
        """For the daemons, which add their role."""
        return f"postgresql:///inkan?host={self.database_socket}"


def remove_stale_stages():
    """Takes away the stages of instances that were killed: those whose lock nobody holds."""
    for path in STAGE_PARENT.glob(STAGE_PREFIX + "*"):
        try:
            if path.is_symlink() or path.stat().st_uid != os.geteuid() or not (path / ".lock").exists():
                continue
            held = lock(path / ".lock", wait=False)
        except FileNotFoundError:
            continue
        if held is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(held)
