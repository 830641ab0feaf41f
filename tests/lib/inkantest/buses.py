"""Hints over tcp:// with CURVE, on this machine: addresses, keys and the file of peers."""
import contextlib
import shutil
import socket

from .instance import DAEMONS

SENDERS = DAEMONS[:-1]
STAGES = 10  # ports that a sender may take, more than proto/stages.def has
PORTS = range(21000, 60000, STAGES)


def is_free(port):
    with socket.socket() as sock, contextlib.suppress(OSError):
        sock.bind(("127.0.0.1", port))
        return True
    return False


def tcp_addresses(names):
    """{name: tcp://…}: each with as many free ports as it may take."""
    free = (base for base in PORTS if all(is_free(port) for port in range(base, base + STAGES)))
    return {name: f"tcp://127.0.0.1:{next(free)}" for name in names}


def make_key(instance, directory, name):
    """A daemon's key in directory/name, of an instance of it (validator-2) too; returns its public half."""
    path = directory / name
    made = instance.ctl_json("bus", "key", str(path))
    daemon = name.partition("-")[0]
    if daemon in DAEMONS:
        shutil.chown(path, f"inkan-{daemon}", f"inkan-{daemon}")
    return made["public_key"]


def make_peers(instance, directory, names, bound):
    """Keys of all names in directory, which is made, and the file of peers beside them."""
    directory.mkdir()
    directory.chmod(0o755)
    lines = [f"{name} {make_key(instance, directory, name)} {bound.get(name, '')}".strip() for name in names]
    (directory / "peers").write_text("# who may talk\n" + "\n".join(lines) + "\n")


def settings_of(directory, name, bound):
    """Of [bus], for one of the names."""
    return {"key": directory / name, "peers": directory / "peers", "bind": bound.get(name), "senders": "\n  ".join(bound.values())}
