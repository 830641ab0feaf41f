"""A Debian machine in a container: systemd as its first process, its own users, network and packages (systemd-nspawn).

The root is a real Debian, made once by mmdebstrap from the packages asked for and kept in /var/tmp; each machine gets an overlay
of its own over it, in a mount namespace that goes away with it.
"""
import contextlib
import ctypes
import fcntl
import hashlib
import os
import pathlib
import secrets
import shlex
import shutil
import subprocess

from inkantest.instance import wait_for

SUITE = "bookworm"
CLONE_NEWNET = 0x40000000
EXIT_REBOOT = 133
HIERARCHIES = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup")
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": "",
               "DEBIAN_FRONTEND": "noninteractive"}
libc = ctypes.CDLL(None, use_errno=True)


def debian(packages):
    """The directory of a root with these packages and what they need, made when there is none yet."""
    name = hashlib.sha256(" ".join([SUITE, *sorted(packages)]).encode()).hexdigest()[:12]
    root = pathlib.Path(f"/var/tmp/inkan-debian-{os.geteuid()}-{name}")
    with open(f"{root}.lock", "w", encoding="ascii") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not root.exists():
            part = pathlib.Path(f"{root}.part")
            shutil.rmtree(part, ignore_errors=True)
            done = subprocess.run(
                ["mmdebstrap", "--variant=minbase", "--format=directory", "--dpkgopt=force-unsafe-io",
                 *(f"--dpkgopt=path-exclude=/usr/share/{unread}/*" for unread in ("doc", "locale", "man")),
                 '--customize-hook=rm "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap; : >"$1"/etc/machine-id',
                 f"--include={','.join(packages)}", SUITE, str(part)], capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"mmdebstrap: {done.stderr[-4000:]}"
            part.rename(root)
    return root


def remove_cgroup(path):
    """True when the group and those below are gone: those whose processes have ended."""
    try:
        for directory in sorted((found for found in path.rglob("*") if found.is_dir()), reverse=True):
            directory.rmdir()
        path.rmdir()
    except OSError:
        return False
    return True


class Machine:
    def __init__(self, root, directory):
        self.base, self.directory = root, pathlib.Path(directory)
        self.name = f"inkan-{secrets.token_hex(4)}"
        self.fakes = []
        self.cgroups = []
        self.process = None

    # ---- life

    def start(self):
        for part in ("upper", "work", "merged"):
            (self.directory / part).mkdir(parents=True)
        self.cgroups = [pathlib.Path(path) / self.name for path in HIERARCHIES if os.path.exists(f"{path}/cgroup.procs")]
        for path in self.cgroups:
            path.mkdir()
        self.boot()
        return self

    def boot(self):
        mount = f"lowerdir={self.base},upperdir={self.directory}/upper,workdir={self.directory}/work"
        nspawn = ["systemd-nspawn", "--quiet", f"--machine={self.name}", "-D", str(self.directory / "merged"), "--register=no",
                  "--keep-unit", "--private-network", "--boot", "--console=pipe"]
        script = f"mount -t overlay overlay -o {shlex.quote(mount)} merged && exec {shlex.join(nspawn)}"
        with open(self.directory / "console", "ab") as console:
            self.process = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
                                            cwd=self.directory, stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                                            env=ENVIRONMENT | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                                            start_new_session=True, preexec_fn=self.enter_cgroups)
        self.wait_until_up()

    def enter_cgroups(self):
        """One of its own, so that machines side by side do not share theirs."""
        for path in self.cgroups:
            (path / "cgroup.procs").write_text("0")

    def wait_until_up(self):
        def up():
            assert self.process.poll() is None, f"systemd-nspawn ended: {self.console()}"
            return self.leader() and self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded")
        wait_for(up, "the machine is up", 120)

    def console(self):
        return (self.directory / "console").read_text(errors="replace")[-4000:]

    def leader(self):
        """The process number of the machine's systemd, seen from here."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        found = [pid for pid in children if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "systemd"]
        return int(found[0]) if found else None

    def reboot(self):
        """systemd-nspawn leaves it to its caller to boot again."""
        self.stop_fakes()
        self.run("systemctl", "reboot")
        assert self.process.wait(120) == EXIT_REBOOT, self.console()
        self.boot()

    def stop(self):
        self.stop_fakes()
        if self.process and self.process.poll() is None:
            with contextlib.suppress(subprocess.SubprocessError, TypeError):
                self.run("systemctl", "poweroff", "--force", check=False, timeout=10)
                self.process.wait(30)
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        for path in self.cgroups:
            if (path / "cgroup.kill").exists():
                (path / "cgroup.kill").write_text("1")
            wait_for(lambda p=path: remove_cgroup(p), f"the end of {path}", 30)
        self.cgroups = []
        for part in ("upper", "work"):
            shutil.rmtree(self.directory / part, ignore_errors=True)

    # ---- inside

    def run(self, *words, check=True, user=None, stdin="", timeout=120):
        """Runs a program inside; the finished process, its output as text."""
        words = [str(word) for word in words]
        if user:
            words = ["runuser", "-u", user, "--", *words]
        done = subprocess.run(["nsenter", "-t", str(self.leader()), "--all", "--root", "--wd=/", *words], input=stdin,
                              capture_output=True, text=True, errors="replace", check=False, timeout=timeout, env=ENVIRONMENT)
        assert not check or done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def path(self, inside):
        """A file of the machine's, as it is reached from here."""
        return pathlib.Path(f"/proc/{self.leader()}/root") / str(inside).lstrip("/")

    def write(self, inside, content, mode=0o644, owner="root"):
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        self.run("chown", owner, inside)

    @contextlib.contextmanager
    def network(self):
        """This thread is in the machine's network, where its loopback addresses are."""
        with open("/proc/thread-self/ns/net", "rb") as own, open(f"/proc/{self.leader()}/ns/net", "rb") as inside:
            assert libc.setns(inside.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            try:
                yield
            finally:
                assert libc.setns(own.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())

    def start_fake(self, log, *words):
        """A program of this checkout, in the machine's network."""
        with open(log, "ab") as output, self.network():
            self.fakes.append(subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=output,
                                               stderr=output, env=ENVIRONMENT))

    def stop_fakes(self):
        for fake in self.fakes:
            fake.kill()
            fake.wait()
        self.fakes = []

    # ---- units

    def show(self, unit, name):
        """A property of a unit, as systemctl show has it."""
        return self.run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()

    def main_pid(self, unit):
        """The number of a unit's process as it is seen inside."""
        return int(self.show(unit, "MainPID"))

    def kill(self, signal_name, *units):
        """Sends a signal to the units' own processes; gives the numbers that these had, as seen inside."""
        before = {unit: self.main_pid(unit) for unit in units}
        self.run("systemctl", "kill", "--kill-whom=main", f"--signal={signal_name}", *units)
        return before

    @contextlib.contextmanager
    def drop_in(self, text, *units):
        """The units run with this drop-in, and as before afterwards."""
        paths = [f"/run/systemd/system/{unit}.d/test.conf" for unit in units]
        try:
            for path in paths:
                self.write(path, text)
            self.run("systemctl", "daemon-reload")
            self.run("systemctl", "restart", *units)
            yield
        finally:
            self.run("rm", "-f", *paths)
            self.run("systemctl", "daemon-reload")
            self.run("systemctl", "restart", *units)

    def journal(self, unit):
        return self.run("journalctl", "--quiet", "-o", "cat", "-u", unit).stdout
