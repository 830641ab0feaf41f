"""An upgrade with a new schema while work goes on, removal, installation again, and purge."""
import pytest
from inkantest.installation import SERVICES
from inkantest.instance import wait_for
from inkantest.rows import Row

KEPT = ("organisation", "registrar", "upload", "application", "certificate", "link", "notice", "audit_event", "audit_seal")


def counts(inkan):
    return [int(n) for n in inkan.query("SELECT " + ", ".join(f"(SELECT count(*) FROM {name})" for name in KEPT))[0]]


def files(machine):
    return machine.run("sh", "-c", "sha256sum /etc/inkan/inkan.conf /etc/inkan/*.pem /etc/inkan/*/*").stdout


def heads(machine):
    """The audit's heads that the mailer kept; it adds to them when one is due."""
    path = machine.path("/var/lib/inkan/mailer/audit-heads")
    return path.read_text(encoding="utf-8") if path.exists() else ""


@pytest.fixture(scope="module", name="upgraded")
def upgrade_in_the_middle(serving, next_package):
    """The next version, installed while an upload is in work; what there was before."""
    package, schema = next_package
    machine = serving.machine
    serving.wait_until_ready()
    machine.run("systemctl", "disable", "--now", "inkan-whois.service")
    machine.run("systemctl", "start", "inkan-whois.service")
    before = {"counts": counts(serving), "files": files(machine), "heads": heads(machine), "pids": {name: machine.main_pid(name) for name in SERVICES}}
    with machine.network():
        answer = serving.registrar().upload(b"".join(Row().line() for _ in range(400)))
    assert answer.status_code == 202, answer.text
    wait_for(lambda: int(serving.value("SELECT count(*) FROM certificate")) > before["counts"][4], "the first chunk", 120)
    before["output"] = serving.install(package).stdout
    before["upload"] = answer.json()["id"]
    return before | {"schema": schema}


def test_upgrade_brings_the_schema_up_to_date(serving, upgraded):
    assert int(serving.value("SELECT max(number) FROM schema_migration")) == upgraded["schema"]
    assert serving.value("SELECT count(*) FROM next_version") == "0"
    assert serving.machine.show("inkan-database.service", "ActiveState") == "active"


def test_upgrade_restarts_what_ran(serving, upgraded):
    """Each daemon runs the new program, also one that was started by hand; what was disabled stays so."""
    machine = serving.machine
    serving.wait_until_ready()
    for name in SERVICES:
        pid = machine.main_pid(name)
        assert pid not in (0, upgraded["pids"][name])
        assert "(deleted)" not in machine.run("readlink", f"/proc/{pid}/exe").stdout
    assert machine.run("systemctl", "is-enabled", "inkan-whois.service", check=False).stdout.strip() == "disabled"
    machine.run("systemctl", "enable", "inkan-whois.service")


def test_upgrade_keeps_everything(serving, upgraded):
    """The upload in work ends, every row once; settings, keys and what was there before are as they were, without a question."""
    with serving.machine.network():
        upload = serving.registrar().wait(upgraded["upload"], 180)
    assert (upload["state"], upload["rows_ok"]) == ("done", 400)
    assert int(serving.value("SELECT count(*) FROM certificate")) == upgraded["counts"][4] + 400
    assert all(now >= then for now, then in zip(counts(serving), upgraded["counts"], strict=True))
    assert files(serving.machine) == upgraded["files"]
    assert heads(serving.machine).startswith(upgraded["heads"])
    assert "next version" in serving.machine.path("/usr/share/inkan/inkan.conf").read_text(encoding="utf-8")
    wait_for(lambda: serving.ctl("audit", "verify", check=False).returncode == 0, "all is sealed", 30)


def test_main_job_after_the_upgrade(serving, upgraded):
    done = serving.tell_story()
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module", name="removed")
def removed_package(serving, upgraded):
    before = {"counts": counts(serving), "files": files(serving.machine), "heads": heads(serving.machine)}
    serving.machine.run("dpkg", "--remove", "inkan")
    return before


def test_removal_stops_and_leaves_data(serving, removed):
    machine = serving.machine
    assert machine.run("systemctl", "list-units", "--no-legend", "--state=active", "inkan*").stdout == ""
    assert not machine.path("/usr/bin/inkanctl").exists()
    assert all(now >= then for now, then in zip(counts(serving), removed["counts"], strict=True))
    assert files(machine) == removed["files"]
    assert heads(machine).startswith(removed["heads"])


def test_installed_again_it_goes_on(serving, removed, next_package):
    serving.install(next_package[0])
    assert serving.machine.show("inkan.target", "ActiveState") == "inactive"
    serving.machine.run("systemctl", "start", "inkan.target")
    serving.wait_until_ready()
    assert files(serving.machine) == removed["files"]
    assert heads(serving.machine).startswith(removed["heads"])


def test_purge_says_what_it_leaves(serving, removed):
    machine = serving.machine
    told = machine.run("dpkg", "--purge", "inkan").stderr
    for left in ("/etc/inkan/keys", "/etc/inkan/ingress", "/var/lib/inkan", "the database inkan"):
        assert f"inkan: {left}" in told
    assert machine.path("/etc/inkan/keys/issuing.key.pem").exists() and not machine.path("/etc/inkan/inkan.conf").exists()
    assert all(now >= then for now, then in zip(counts(serving), removed["counts"], strict=True))
    assert "inkan" not in machine.run("systemctl", "list-unit-files", "--no-legend").stdout
