"""A random schedule of faults, the same for the same seed: what happens, to whom and for how long. When exactly it hits the daemons
differs from run to run, as it must."""
import os
import pathlib
import random
import signal
import subprocess
import threading
import time

import psycopg2

from .instance import DAEMONS

WORKERS = ("validator", "whois", "signer", "mailer")
WHOIS_FAULTS = ("#silent", "#slow 1", "#slow 5", "#reset", "#empty", "#garbage", "#endless", "#limit")
MAIL_FAULTS = ("* 451", "* drop", "CONNECT 451", "MAIL 451", "m* drop\n* 451", "new* 550")
DOMAINS = ("example.ac.jp", "example.jp", "other.ac.jp")
HINTS = ("lost", "doubled", "late", "mixed", "pass")


class Chaos:
    def __init__(self, instance, pair, hints, seed):
        self.instance, self.pair, self.hints = instance, pair, hints
        self.chance = random.Random(seed)
        self.log = open(instance.directory / "chaos.log", "w", encoding="utf-8")
        self.begin = time.monotonic()
        self.later = []  # (when, what, undo)
        self.seconds = {}  # second instances: daemon → process
        self.whois = {d: (pathlib.Path(instance.env["INKAN_WHOIS_DIR"]) / f"{d}.txt").read_bytes() for d in DOMAINS}
        self.done = {}
        self.actions = [(self.kill, 8), (self.kill_second, 3), (self.stop, 6), (self.kill_postgres, 2), (self.restart_postgres, 1),
                        (self.freeze_postgres, 1), (self.cut_connections, 2), (self.whois_fault, 3), (self.mail_fault, 3),
                        (self.hint_fault, 3), (self.disk_full, 1), (self.clock_step, 2), (self.fail_over, 1)]

    def say(self, text):
        self.log.write(f"{time.monotonic() - self.begin:7.2f} {text}\n")
        self.log.flush()

    def undo(self, seconds, what, action):
        self.later.append((time.monotonic() + seconds, what, action))

    # ---- the faults

    def kill(self):
        daemon = self.chance.choice(DAEMONS)
        self.say(f"kill -9 {daemon}")
        self.instance.kill(daemon)

    def kill_second(self):
        daemon = self.chance.choice(WORKERS)
        self.say(f"kill -9 {daemon}-2")
        if daemon in self.seconds:
            self.seconds[daemon].kill()

    def stop(self):
        daemon, seconds = self.chance.choice(DAEMONS), self.chance.choice((0.3, 1, 3, 8))
        self.say(f"SIGSTOP {daemon} for {seconds} s")
        try:
            pid = self.instance.pid(daemon)
        except (FileNotFoundError, ValueError):
            return
        send(pid, signal.SIGSTOP)
        self.undo(seconds, f"SIGCONT {daemon}", lambda: send(pid, signal.SIGCONT))

    def kill_postgres(self):
        self.say("kill -9 of the primary's postmaster")
        self.pair.primary.signal(signal.SIGKILL)

    def restart_postgres(self):
        how = self.chance.choice((signal.SIGINT, signal.SIGQUIT))
        self.say(f"restart of the primary by {how.name}")
        self.pair.primary.signal(how)

    def freeze_postgres(self):
        seconds = self.chance.choice((0.5, 2, 6))
        node = self.chance.choice((self.pair.primary, self.pair.standby))
        family = node.family()
        self.say(f"SIGSTOP of {'primary' if node is self.pair.primary else 'standby'} and its children for {seconds} s")
        for pid in family:
            send(pid, signal.SIGSTOP)
        self.undo(seconds, "SIGCONT of PostgreSQL", lambda: [send(pid, signal.SIGCONT) for pid in family])

    def cut_connections(self):
        self.say("all connections of the daemons are cut")
        self.pair.primary.answers("SELECT count(pg_terminate_backend(pid)) >= 0 FROM pg_stat_activity WHERE usename LIKE 'inkan%'"
                                  " AND pid <> pg_backend_pid()")

    def whois_fault(self):
        domain, fault, seconds = self.chance.choice(DOMAINS), self.chance.choice(WHOIS_FAULTS), self.chance.uniform(1, 5)
        self.say(f"WHOIS of {domain}: {fault} for {seconds:.1f} s")
        self.instance.whois(domain, fault.encode() + b"\n" + (self.whois[domain] if fault == "#reset" else b""))
        self.undo(seconds, f"WHOIS of {domain} well", lambda: self.instance.whois(domain, self.whois[domain]))

    def mail_fault(self):
        fault, seconds = self.chance.choice(MAIL_FAULTS), self.chance.uniform(1, 6)
        self.say(f"SMTP: {fault!r} for {seconds:.1f} s")
        self.instance.mail_faults(fault + "\n")
        self.undo(seconds, "SMTP well", lambda: self.instance.mail_faults(""))

    def hint_fault(self):
        self.hints.mode = self.chance.choice(HINTS)
        self.say(f"hints: {self.hints.mode}")

    def disk_full(self):
        seconds, node = self.chance.choice((0.5, 2, 4)), self.pair.primary
        self.say(f"the primary's disk is full for {seconds} s")
        node.fill()
        self.undo(seconds, "the disk has room again", node.empty)

    def clock_step(self):
        seconds = self.chance.choice((-3600, -60, -7, 7, 60, 3600))
        self.say(f"the database's clock is set to {seconds:+d} s")
        for node in (self.pair.primary, self.pair.standby):
            node.set_clock(seconds)
        self.undo(self.chance.uniform(1, 6), "the clock is right again", lambda: [n.set_clock(0) for n in (self.pair.primary, self.pair.standby)])

    def fail_over(self):
        if self.later and any("PostgreSQL" in what or "disk" in what for _, what, _ in self.later):
            return  # one disaster at a time: a standby that is stopped or a full disk leaves nothing to promote
        self.say("the primary is lost, the standby takes over")
        self.pair.fail_over()

    # ---- the schedule

    def start_seconds(self):
        """Two of each daemon: the second instances live and die like the first."""
        for daemon in WORKERS:
            process = self.seconds.get(daemon)
            if process is None or process.poll() is not None:
                words = [pathlib.Path(self.instance.env["INKAN_BIN_DIR"]) / f"inkan-{daemon}", "--config",
                         pathlib.Path(self.instance.env["INKAN_CONF_DIR"]) / f"{daemon}-2.conf", "--instance", f"{daemon}-2"]
                log = open(self.instance.directory / f"{daemon}-2.log", "ab")
                self.seconds[daemon] = subprocess.Popen(["setpriv", "--reuid", f"inkan-{daemon}", "--regid", "inkan", "--init-groups", "--",
                                                         *map(str, words)], stdout=log, stderr=log, cwd="/")
                log.close()

    def turn(self):
        now = time.monotonic()
        for entry in [e for e in self.later if e[0] <= now]:
            self.later.remove(entry)
            self.say(entry[1])
            entry[2]()
        self.pair.tick()
        self.start_seconds()

    def run(self, seconds):
        """Faults at random moments; each kind at least once."""
        first = [action for action, _ in self.actions]
        self.chance.shuffle(first)
        end = time.monotonic() + seconds
        while time.monotonic() < end or first:
            action = first.pop() if first and self.chance.random() < 0.5 else self.chance.choices(*zip(*self.actions))[0]
            try:
                action()
                self.done[action.__name__] = self.done.get(action.__name__, 0) + 1
            except psycopg2.Error as error:
                self.say(f"not possible now: {error}")
            pause = time.monotonic() + self.chance.uniform(0.1, 2)
            while time.monotonic() < pause:
                self.turn()
                time.sleep(0.05)

    def over(self):
        """Nothing is broken any more."""
        for _, what, action in self.later:
            self.say(what)
            action()
        self.later.clear()
        self.hints.mode = "pass"
        self.say(f"over: {self.done}, hints {self.hints.counts}")
        self.turn()

    def stop_seconds(self):
        for process in self.seconds.values():
            process.terminate()
        return [process.wait(30) for process in self.seconds.values()]


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class Keeper(threading.Thread):
    """Goes on keeping everything alive while the test waits for the end."""

    def __init__(self, chaos):
        super().__init__()
        self.chaos, self.stopping = chaos, threading.Event()

    def run(self):
        while not self.stopping.wait(0.1):
            self.chaos.turn()

    def close(self):
        self.stopping.set()
        self.join()
