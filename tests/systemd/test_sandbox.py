"""The sandbox in force: what a program can do in a daemon's place, and what the running daemons are."""
import pathlib
import re

import pytest
from inkantest.installation import DAEMONS, SERVICES

PROBE = pathlib.Path(__file__).with_name("probe.pl")
WITHOUT_NETWORK = ("ingress", "validator", "signer")
CREDENTIALS = {"signer": ["issuing.key", "audit.key"], "mailer": ["mail.key", "link.key"]}
KEYS = ["/etc/inkan/keys/issuing.key.pem", "/etc/inkan/keys/audit.key.pem", "/etc/inkan/keys/mail.key.pem",
        "/etc/inkan/keys/link.key", "/root/ca/root.key.pem", "/etc/shadow",
        *(f"/run/credentials/inkan-{daemon}.service/{key}" for daemon, keys in CREDENTIALS.items() for key in keys)]
TLS_KEY = "/etc/inkan/ingress/tls.key"
PLACES = ["/usr/libexec/inkan", "/etc/inkan", "/var/lib", "/var/lib/inkan", "/var/lib/inkan/ingress", "/var/lib/inkan/mailer", "/root",
          "/run/inkan", *(f"/run/inkan/{daemon}" for daemon in DAEMONS)]


@pytest.fixture(scope="module", name="probes")
def probe_in_each_place(serving):
    """What the probe says in the place of each daemon: its unit as installed, with another program and no sockets."""
    machine = serving.machine
    machine.write("/opt/probe.pl", PROBE.read_bytes())
    found = {}
    for daemon in DAEMONS:
        text = machine.path(f"/lib/systemd/system/inkan-{daemon}.service").read_text()
        text = re.sub(r"^(After|Requires|PartOf|Sockets|ExecReload|WatchdogSec|Restart\w*)=.*\n", "", text, flags=re.M)
        text = re.sub(r"^(RuntimeDirectory=inkan/)\w+", r"\1probe", text, flags=re.M)
        text = text.replace("Type=notify", "Type=oneshot")
        text = re.sub(r"^ExecStart=.*", lambda _: "\n".join((
            "ExecStart=/usr/bin/perl /opt/probe.pl", "StandardOutput=truncate:/run/probe.out", "StandardError=journal",
            f'Environment="PROBE_READ={" ".join([*KEYS, TLS_KEY, "/etc/inkan/inkan.conf"])}"',
            f'Environment="PROBE_WRITE={" ".join([*PLACES, "/run/inkan/probe"])}"', "Environment=PROBE_LIST=/etc/inkan/keys")), text,
            flags=re.M)
        machine.write("/run/systemd/system/inkan-probe.service", text)
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "start", "inkan-probe.service")
        lines = machine.path("/run/probe.out").read_text().splitlines()
        found[daemon] = dict(line.split(": ", 1) for line in lines)
    machine.run("rm", "/run/systemd/system/inkan-probe.service")
    machine.run("systemctl", "daemon-reload")
    return found


@pytest.mark.parametrize("daemon", DAEMONS)
def test_network(probes, daemon):
    """Without network not even a socket; with it, the kinds that it needs."""
    told = probes[daemon]
    assert told["socket unix"] == "ok"
    refused = ["socket netlink", "socket packet"]
    if daemon in WITHOUT_NETWORK:
        refused += ["socket inet", "socket inet6", "connect"]
    else:
        assert (told["socket inet"], told["socket inet6"], told["connect"]) == ("ok", "ok", "ok")
    assert {told[name] for name in refused} == {"Address family not supported by protocol"}


@pytest.mark.parametrize("daemon", DAEMONS)
def test_files(probes, daemon):
    """It reads the settings, no key of anybody else's, and writes where its own state is."""
    told = probes[daemon]
    assert told["read /etc/inkan/inkan.conf"] == "ok" and told["list /etc/inkan/keys"] == "Permission denied"
    assert {told[f"read {path}"] for path in KEYS} <= {"Permission denied", "No such file or directory"}
    assert told[f"read {TLS_KEY}"] == ("ok" if daemon == "ingress" else "Permission denied")
    own = {"/run/inkan/probe", f"/run/inkan/{daemon}", *({f"/var/lib/inkan/{daemon}"} if daemon in ("ingress", "mailer") else ())}
    assert {path for path in (*PLACES, "/run/inkan/probe") if told[f"write {path}"] == "ok"} == own


@pytest.mark.parametrize("daemon", DAEMONS)
def test_rights(probes, daemon):
    told = probes[daemon]
    for name in ("chroot", "setuid", "mount", "ptrace", "writable code"):
        assert told[name] != "ok", name
    assert told["see init"] != "ok"


@pytest.mark.parametrize("daemon", DAEMONS)
def test_running_daemon(serving, daemon):
    machine = serving.machine
    pid = machine.main_pid(f"inkan-{daemon}.service")
    status = dict(line.split(":\t", 1) for line in machine.run("cat", f"/proc/{pid}/status").stdout.splitlines() if ":\t" in line)
    assert (status["Seccomp"], status["NoNewPrivs"], int(status["CapEff"], 16), int(status["CapBnd"], 16)) == ("2", "1", 0, 0)
    user = machine.run("getent", "passwd", f"inkan-{daemon}").stdout.split(":")[2]
    assert set(status["Uid"].split()) == {user}


@pytest.mark.parametrize("daemon", ("signer", "mailer"))
def test_credentials(serving, daemon):
    """Whose keys they are can read them, nobody else can."""
    machine = serving.machine
    directory = f"/run/credentials/inkan-{daemon}.service"
    assert machine.run("stat", "-c", "%a %U", directory).stdout.strip() == f"500 inkan-{daemon}"
    assert sorted(machine.run("ls", directory).stdout.split()) == sorted(CREDENTIALS[daemon])


@pytest.mark.parametrize("name", (*SERVICES, "inkan-database.service"))
def test_security_as_systemd_sees_it(serving, name):
    done = serving.machine.run("systemd-analyze", "security", "--threshold=20", "--no-pager", name)
    assert float(re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout).group(1)) <= 2.0
