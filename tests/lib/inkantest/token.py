"""A PKCS#11 token of SoftHSM, and p11-kit's server between it and its users, so that it can be taken away while they live."""
import contextlib
import os
import pathlib
import signal
import subprocess

from .cluster import as_user, run
from .instance import wait_for

SOFTHSM = pathlib.Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "correct-horse"


def module(name):
    return next(pathlib.Path("/usr/lib").glob(f"*/pkcs11/{name}.so"))


class Token:
    """Of the user the daemons run as. Sets SOFTHSM2_CONF and P11_KIT_SERVER_ADDRESS for everything started later."""

    def __init__(self, directory, cluster):
        self.directory, self.cluster = directory, cluster
        self.server = None
        self.calls = directory / "calls"
        self.socket = directory / "p11"
        for path in (directory, directory / "tokens"):
            path.mkdir()
            cluster.give(path)
        (directory / "softhsm2.conf").write_text(f"directories.tokendir = {directory / 'tokens'}\nobjectstore.backend = file\n"
                                                 "log.level = ERROR\n")
        os.environ.update({"SOFTHSM2_CONF": str(directory / "softhsm2.conf"), "P11_KIT_SERVER_ADDRESS": f"unix:path={self.socket}"})
        run(as_user("nobody", ["softhsm2-util", "--init-token", "--free", "--label", "ca", "--so-pin", "12345678", "--pin", PIN]))
        self.pin_file("pin", PIN)
        self.pin_file("wrong", "1111")

    def pin_file(self, name, pin):
        (self.directory / name).write_text(f"{pin}\n")
        self.cluster.give(self.directory / name, 0o600)

    def tool(self, *words):
        return run(as_user("nobody", ["pkcs11-tool", "--module", SOFTHSM, "--token-label", "ca", "--login", "--pin", PIN, *words]))

    def make_key(self, name, kind, number):
        self.tool("--keypairgen", "--key-type", kind, "--label", name, "--id", f"{number:02x}")

    def uri(self, name, by=SOFTHSM, pin="pin", more=""):
        return f"pkcs11:token=ca;object={name}{more}?module-path={by}&pin-source=file:{self.directory / pin}"

    # ---- behind a server

    def connect(self):
        self.socket.unlink(missing_ok=True)
        self.server = subprocess.Popen(as_user("nobody", ["p11-kit", "server", "-f", "-n", self.socket, "--provider", SOFTHSM,
                                                          "pkcs11:token=ca"]), stdout=subprocess.DEVNULL, start_new_session=True)
        wait_for(self.socket.exists, "the token's server listens")

    def cut(self):
        """The server and its child for each user, without a word."""
        if self.server:
            os.killpg(self.server.pid, signal.SIGKILL)
            self.server.wait()
            self.server = None

    def stop(self):
        os.killpg(self.server.pid, signal.SIGSTOP)

    def go_on(self):
        os.killpg(self.server.pid, signal.SIGCONT)

    # ---- what is asked of it

    @contextlib.contextmanager
    def listen(self, to):
        """The path of a module that writes down each call to the module `to`. It leaks itself when it is unloaded."""
        words = {"PKCS11SPY": str(to), "PKCS11SPY_OUTPUT": str(self.calls), "ASAN_OPTIONS": "detect_leaks=0"}
        before = {name: os.environ.get(name) for name in words}
        self.calls.unlink(missing_ok=True)
        os.environ.update(words)
        try:
            yield module("pkcs11-spy")
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def count(self, function):
        return self.calls.read_text(errors="replace").count(f": {function}\n") if self.calls.exists() else 0
