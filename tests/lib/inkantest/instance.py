"""A running instance of the service (deploy/try), and the means to use it, look into it and break it."""
import configparser
import json
import os
import pathlib
import shlex
import signal
import subprocess
import time

import psycopg2
import requests

TOP = pathlib.Path(__file__).resolve().parents[3]
DAEMONS = ("ingress", "validator", "whois", "signer", "mailer")
SANITIZER_SIGNS = ("ERROR: AddressSanitizer", "WARNING: ThreadSanitizer", "ERROR: LeakSanitizer", "runtime error:", "BUG:")


def wait_for(condition, what, timeout=60.0, interval=0.05):
    """Polls condition until it gives something true, and gives that back."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        got = condition()
        if got:
            return got
        time.sleep(interval)
    raise AssertionError(f"{what}: not within {timeout} s")


class Registrar:
    """One registrar's view of the API."""

    def __init__(self, env, certificate, key):
        self.base = env["INKAN_URL"]
        self.session = requests.Session()
        self.session.cert = (certificate, key)
        self.session.verify = env["INKAN_TLS_CA"]
        self.session.trust_env = False

    def get(self, path, **kw):
        return self.session.get(self.base + path, timeout=90, **kw)

    def post(self, path, **kw):
        return self.session.post(self.base + path, timeout=90, **kw)

    def upload(self, tsv, on_error="abort", kind="server-issue", filename="test.tsv", confirmed="true", headers=None, **fields):
        """The response to an upload as a form."""
        data = {"kind": kind, "on_error": on_error, "confirmed": confirmed, **fields}
        return self.post("/api/v1/uploads", data={k: v for k, v in data.items() if v is not None},
                         files={"file": (filename, tsv, "application/force-download")}, headers=headers)

    def wait(self, upload_id, timeout=120):
        """The upload once it is in a final state, with all its rows."""
        deadline = time.monotonic() + timeout
        state = "checking"
        while time.monotonic() < deadline:
            answer = self.get(f"/api/v1/uploads/{upload_id}", params={"wait": "10", "state": state})
            assert answer.status_code == 200, answer.text
            found = answer.json()
            state = found["state"]
            if state in ("done", "rejected"):
                return self.with_all_rows(found)
        raise AssertionError(f"upload {upload_id} is still {state}")

    def with_all_rows(self, upload):
        rows, following = list(upload["rows"]), upload.get("next")
        while following:
            page = self.get(f"/api/v1/uploads/{upload['id']}", params={"cursor": following}).json()
            rows += page["rows"]
            following = page.get("next")
        upload["rows"] = rows
        return upload

    def apply(self, rows, on_error="abort", timeout=120, **kw):
        """Uploads rows (rows.Row) and gives the upload when it ended."""
        answer = self.upload(b"".join(row.line() for row in rows), on_error, **kw)
        assert answer.status_code == 202, answer.text
        return self.wait(answer.json()["id"], timeout)


class Instance:
    def __init__(self, directory, settings=(), options=()):
        self.directory = pathlib.Path(directory)
        self.settings = list(settings)
        self.options = list(options)
        self.process = None
        self.env = {}
        self.expected_signs = []

    def start(self, timeout=600):
        command = [str(TOP / "deploy" / "try"), "--dir", str(self.directory), *self.options]
        for setting in self.settings:
            command += ["--set", setting]
        self.directory.mkdir(parents=True, exist_ok=True)
        self.output = open(self.directory / "try.out", "wb")
        self.process = subprocess.Popen(command, stdout=self.output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        env_file = self.directory / "try.env"
        wait_for(lambda: self.process.poll() is not None or b"READY" in (self.directory / "try.out").read_bytes(),
                 "deploy/try", timeout)
        assert self.process.poll() is None, (self.directory / "try.out").read_text(errors="replace")[-6000:]
        for line in env_file.read_text().splitlines():
            name, _, value = line.removeprefix("export ").partition("=")
            self.env[name] = " ".join(shlex.split(value))
        self.registrar = Registrar(self.env, self.env["INKAN_REGISTRAR_CERT"], self.env["INKAN_REGISTRAR_KEY"])
        self.registrar2 = Registrar(self.env, self.env["INKAN_REGISTRAR2_CERT"], self.env["INKAN_REGISTRAR2_KEY"])
        self.public = requests.Session()
        self.public.verify = self.env["INKAN_TLS_CA"]
        self.public.trust_env = False
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    # ---- looking

    def database(self, role=None):
        """A connection as the owner, or with the rights of a daemon's role."""
        connection = psycopg2.connect(self.env["INKAN_DATABASE_URL"])
        connection.autocommit = True
        if role:
            connection.cursor().execute(f"SET ROLE inkan_{role}")
        return connection

    def query(self, sql, *args):
        with self.database() as connection, connection.cursor() as cursor:
            cursor.execute(sql, args)
            found = cursor.fetchall() if cursor.description else []
        connection.close()
        return found

    def value(self, sql, *args):
        return self.query(sql, *args)[0][0]

    def mails(self):
        """Every delivered mail, oldest first, as bytes by path."""
        paths = sorted(pathlib.Path(self.env["INKAN_MAIL_DIR"]).glob("*.eml"), key=lambda p: (p.stat().st_mtime_ns, p.name))
        return {path: path.read_bytes() for path in paths}

    def log(self, daemon):
        return (pathlib.Path(self.env["INKAN_RUN_DIR"]) / f"{daemon}.log").read_text(errors="replace")

    def health(self, daemon, path):
        return requests.get(self.env[f"INKAN_HEALTH_{daemon.upper()}"] + path, timeout=10)

    def metric(self, daemon, name):
        """Sum of a metric's series; name may carry labels."""
        total = 0.0
        for line in self.health(daemon, "/metrics").text.splitlines():
            if not line.startswith("#") and (line.startswith(name + "{") or line.startswith(name + " ")):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def ctl(self, *args, check=True):
        """inkanctl; the finished process, its output as text."""
        done = subprocess.run([*shlex.split(self.env["INKAN_CTL"]), *args], capture_output=True, text=True, timeout=120,
                              check=False)
        assert not check or done.returncode == 0, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def ctl_json(self, *args):
        return json.loads(self.ctl(*args, "--json").stdout)

    def sanitizer_reports(self):
        found = []
        for path in pathlib.Path(self.env["INKAN_RUN_DIR"]).glob("*.log"):
            for line in path.read_text(errors="replace").splitlines():
                if any(sign in line for sign in SANITIZER_SIGNS):
                    found.append(f"{path.name}: {line}")
        return found

    def make_due(self, stage):
        """The periodic job of a stage now. One that is in work may have looked before what was changed: the next one is waited for."""
        wait_for(lambda: self.query("UPDATE job SET due = clock_timestamp() WHERE stage = %s AND worker IS NULL RETURNING id", stage),
                 f"a job of {stage} that nobody has")

    # ---- breaking

    def pid(self, daemon):
        return int((pathlib.Path(self.env["INKAN_RUN_DIR"]) / f"{daemon}.pid").read_text())

    def kill(self, daemon, signal_number=signal.SIGKILL):
        """Sends a signal; False when the daemon was dead already."""
        try:
            os.kill(self.pid(daemon), signal_number)
            return True
        except (ProcessLookupError, FileNotFoundError, ValueError):
            return False

    def unready(self, daemon):
        """Why a daemon is not ready, as it says itself; "" when it is."""
        try:
            answer = self.health(daemon, "/readyz")
            return "" if answer.status_code == 200 else "; ".join(answer.json()["reasons"])
        except (requests.RequestException, ValueError, KeyError) as error:
            return f"no answer: {error}"

    def alive(self, timeout=60):
        """Waits until all daemons say that they are ready; says why they are not, and what they logged last."""
        deadline = time.monotonic() + timeout
        while reasons := {d: why for d in DAEMONS if (why := self.unready(d))}:
            if time.monotonic() > deadline:
                logs = [f"--- {name}.log\n" + "\n".join(self.log(name).splitlines()[-15:]) for name in [*reasons, "postgres"]]
                out = (self.directory / "try.out").read_text(errors="replace").splitlines()[-15:]
                raise AssertionError(f"not ready within {timeout} s: {reasons}\n" + "\n".join([*logs, "--- try.out", *out]))
            time.sleep(0.05)

    def whois(self, domain, text):
        """Sets what the WHOIS server answers for domain; returns what it was."""
        path = pathlib.Path(self.env["INKAN_WHOIS_DIR"]) / f"{domain}.txt"
        before = path.read_bytes() if path.exists() else None
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return before

    def mail_faults(self, text):
        pathlib.Path(self.env["INKAN_MAIL_FAULTS"]).write_text(text)

    def reconfigure(self, section, name, value):
        """Sets a value in every daemon's file; a daemon reads it when it starts."""
        for path in pathlib.Path(self.env["INKAN_CONF_DIR"]).glob("*.conf"):
            config = configparser.ConfigParser(interpolation=None)
            config.optionxform = str
            config.read(path)
            if path.name != "policy.conf" and config.has_section(section):
                config[section][name] = value
                with path.open("w") as file:
                    config.write(file)

    def config_path(self):
        """The configuration file that the daemons were started with."""
        words = shlex.split(self.env["INKAN_CTL"])
        return pathlib.Path(words[words.index("--config") + 1])


def second_worker(instance, daemon, settings=None, number=2):
    """Another instance of a daemon, of the same user, by another name; settings: {section: {name: value}} in place of its own."""
    name, process = f"{daemon}-{number}", pathlib.Path(f"/proc/{instance.pid(daemon)}")
    config = configparser.ConfigParser(interpolation=None)
    config.read(pathlib.Path(instance.env["INKAN_CONF_DIR"]) / f"{daemon}-2.conf", encoding="utf-8")
    config.read_dict(settings or {})
    path = instance.directory / f"{name}.conf"
    with open(path, "w", encoding="utf-8") as text, open(instance.directory / f"{name}.log", "wb") as log:
        config.write(text)
        text.close()
        return subprocess.Popen([os.path.realpath(process / "exe"), "--config", path, "--instance", name], stdout=log,
                                stderr=log, user=process.stat().st_uid, group=process.stat().st_gid)
