"""Starts the processes, starts again what dies, reaps every orphan, and ends everything in order.

One thread and one loop. It may be PID 1 or not: as a subreaper it inherits whatever its children leave behind, and kills it, as
systemd does with what is left of a unit. A killed postmaster is reaped and its lock file does not outlive it; nor does its startup
process, which may wait a minute for a checkpointer that is gone, and no other postmaster starts beside it.
"""
import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import time

from command import as_user, environment

RESTART_SECONDS = 0.25
STOP_SECONDS = 5.0
EXIT_CONFIG = 78
PR_SET_CHILD_SUBREAPER = 36
WAITED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


class Child:
    def __init__(self, name, argv, log, user=None, pid_file=None, restart=True, stop_signal=signal.SIGTERM, before=None):
        self.name, self.log, self.pid_file = name, log, pid_file
        self.restart, self.stop_signal = restart, stop_signal
        self.before = before  # called before each start
        word = signal.Signals(stop_signal).name.removeprefix("SIG")
        self.argv = as_user(user, argv, word) if user else ["setpriv", "--pdeathsig", word, "--", *argv]
        self.process = None
        self.start_at = None  # monotonic time of the next start
        self.exit_code = None
        self.restarts = 0

    def start(self):
        self.start_at, self.exit_code = None, None
        if self.before:
            self.before()
        log = open(self.log, "ab", buffering=0) if self.log else None
        try:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                            env=environment(), umask=0o007 if self.pid_file else 0o022,
                                            start_new_session=True, preexec_fn=unblock)
        finally:
            if log:
                log.close()
        if self.pid_file:
            self.write_pid()

    def write_pid(self):
        partial = self.pid_file.with_suffix(".pid.part")
        partial.write_text(f"{self.process.pid}\n")
        partial.rename(self.pid_file)

    @property
    def pid(self):
        return self.process.pid if self.process else None


def unblock():
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


class Supervisor:
    def __init__(self, say):
        self.say = say
        self.children = []
        self.stopping = False
        self.asked_to_stop = False
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    @staticmethod
    def take_signals():
        """From here on signals wait for the loop, and nobody but the loop waits for processes."""
        signal.pthread_sigmask(signal.SIG_BLOCK, WAITED)

    def add(self, child):
        self.children.append(child)
        child.start()
        return child

    def find(self, pid):
        return next((child for child in self.children if child.pid == pid), None)

    def reap(self):
        """Collects every process that has ended; whose they are is found afterwards."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self.find(pid)
            if child:
                self.kill_inherited()
                self.ended(child, os.waitstatus_to_exitcode(status))

    def kill_inherited(self):
        for pid in map(int, pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()):
            if not self.find(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def ended(self, child, code):
        child.process.returncode = code
        child.process, child.exit_code = None, code
        if self.stopping or not child.restart:
            return
        how = f"exit {code}" if code >= 0 else signal.Signals(-code).name
        if code == EXIT_CONFIG:
            self.say(f"{child.name} refuses its settings and stays down: see {child.log}")
            return
        child.restarts += 1
        self.say(f"{child.name} ended ({how}); starting it again")
        child.start_at = time.monotonic() + RESTART_SECONDS

    def start_due(self):
        now = time.monotonic()
        for child in self.children:
            if child.start_at is not None and child.start_at <= now:
                child.start()

    def turn(self, seconds):
        """One turn of the loop: waits for a signal at most so long, reaps, restarts."""
        due = [child.start_at for child in self.children if child.start_at is not None]
        if due:
            seconds = max(0.0, min([seconds, *(at - time.monotonic() for at in due)]))
        got = signal.sigtimedwait(WAITED, seconds)
        if got and got.si_signo != signal.SIGCHLD:
            self.asked_to_stop = True
        self.reap()
        self.start_due()

    def run_until(self, done):
        """Turns until done() is true or somebody asks to stop; True when done."""
        while not self.asked_to_stop:
            if done():
                return True
            self.turn(0.5)
        return False

    def stop(self, children):
        """Asks all of them at once, waits, and kills what does not listen."""
        self.stopping = True
        for child in children:
            child.start_at = None
            if child.process:
                os.kill(child.pid, child.stop_signal)
                os.kill(child.pid, signal.SIGCONT)
        end = time.monotonic() + STOP_SECONDS
        while any(child.process for child in children) and time.monotonic() < end:
            signal.sigtimedwait({signal.SIGCHLD}, 0.1)
            self.reap()
        for child in children:
            if child.process:
                self.say(f"{child.name} does not stop; killing it")
                os.kill(child.pid, signal.SIGKILL)
                os.waitpid(child.pid, 0)
                child.process = None
        for child in children:
            if child.pid_file:
                child.pid_file.unlink(missing_ok=True)

    def stop_all(self):
        """In reverse order of starting, the daemons together: postgres and the other first parts outlive them."""
        self.stop([child for child in self.children if child.name != "postgres"])
        self.stop([child for child in self.children if child.name == "postgres"])
