"""The service users: made by systemd-sysusers, which needs no running systemd."""
import os
import pwd
import shutil

from build import CHECKOUT
from command import run
from failure import Failure
from instance import DAEMONS, SENDERS

DEFINITION = CHECKOUT / "deploy/sysusers.d/inkan.conf"
OPERATOR = "inkan-operator"


def user_of(daemon):
    return f"inkan-{daemon}"


def missing_users():
    names = {entry.pw_name for entry in pwd.getpwall()}
    return [user for user in [*map(user_of, DAEMONS), OPERATOR] if user not in names]


def make_users():
    if missing_users():
        run(["systemd-sysusers", DEFINITION], "systemd-sysusers")
    if missing_users():
        raise Failure(f"{DEFINITION} does not make {', '.join(missing_users())}")


def make_directories(instance):
    """Keys and state for each daemon's eyes only; a directory of sockets for each sender, and for a second
    instance of it, reachable for all daemons."""
    for daemon in DAEMONS:
        for path in (instance.keys(daemon), instance.state(daemon)):
            path.mkdir(parents=True)
            shutil.chown(path, user_of(daemon), user_of(daemon))
            path.chmod(0o700)
    for sender in SENDERS:
        for path in (instance.bus(sender), instance.bus(sender + "-2")):
            path.mkdir(parents=True)
            shutil.chown(path, user_of(sender), "inkan")
            path.chmod(0o750)


def give(path, user, mode=0o600):
    """Hands a file to a user."""
    entry = pwd.getpwnam(user)
    os.chown(path, entry.pw_uid, entry.pw_gid)
    os.chmod(path, mode)
