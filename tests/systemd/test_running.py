"""The five units on a running machine: start, stop, failures, and the main job."""
import contextlib
import time

import pytest
import requests
from inkantest.installation import DAEMONS, SERVICES
from inkantest.instance import wait_for
from inkantest.rows import Row

KILLS = 8  # systemd's own limit would be five starts in ten seconds


def unit(daemon):
    return f"inkan-{daemon}.service"


def microseconds(machine, name, what):
    return int(machine.show(name, what))


def test_boot_order(inkan):
    """After the boot of the fixture: PostgreSQL, the schema, the sockets, then the daemons, the target last."""
    machine = inkan.machine
    entered = {name: microseconds(machine, name, "ActiveEnterTimestampMonotonic")
               for name in ("postgresql@15-main.service", "inkan-database.service", "inkan.target", *SERVICES)}
    assert 0 < entered["postgresql@15-main.service"] < entered["inkan-database.service"]
    for name in SERVICES:
        assert entered["inkan-database.service"] < microseconds(machine, name, "ExecMainStartTimestampMonotonic")
        assert entered[name] < entered["inkan.target"]
        for socket in machine.show(name, "TriggeredBy").split():
            assert (microseconds(machine, socket, "ActiveEnterTimestampMonotonic")
                    < microseconds(machine, name, "ExecMainStartTimestampMonotonic"))
        assert microseconds(machine, name, "NRestarts") == 0
    assert machine.run("systemctl", "--failed", "--no-legend").stdout == ""


def test_main_job(inkan):
    """Upload, check, WHOIS, signature, mail, link, certificate: once, through the units."""
    done = inkan.tell_story()
    assert done.returncode == 0, done.stdout + done.stderr


def test_active_means_ready(inkan):
    """A daemon without its database is "activating", and becomes active when it can work."""
    machine = inkan.machine
    machine.run("systemctl", "stop", "postgresql@15-main.service")
    machine.run("systemctl", "restart", "--no-block", unit("validator"))
    wait_for(lambda: "cannot connect" in machine.journal(unit("validator")) or machine.main_pid(unit("validator")), "the start", 30)
    time.sleep(1)
    assert machine.show(unit("validator"), "ActiveState") in ("activating", "deactivating")
    machine.run("systemctl", "start", "postgresql@15-main.service")
    wait_for(lambda: machine.show(unit("validator"), "ActiveState") == "active", "active again", 60)
    inkan.wait_until_ready()


@pytest.mark.parametrize("daemon", ("ingress", "validator", "signer"))
def test_sockets_are_inherited(inkan, daemon):
    """Its own network has no listener and no way out, yet its addresses are answered."""
    machine = inkan.machine
    pid = machine.main_pid(unit(daemon))
    assert machine.run("readlink", f"/proc/{pid}/ns/net").stdout != machine.run("readlink", "/proc/1/ns/net").stdout
    own = machine.run("cat", f"/proc/{pid}/net/tcp", f"/proc/{pid}/net/tcp6").stdout.splitlines()
    assert not [line for line in own if " 0A " in line]
    assert [line.split(":")[0].strip() for line in machine.run("cat", f"/proc/{pid}/net/dev").stdout.splitlines()[2:]] == ["lo"]
    assert inkan.health(daemon) == 200
    if daemon == "ingress":
        with machine.network():
            assert requests.get("http://127.0.0.1/", timeout=10).status_code == 404


def wait_for_others(machine, before):
    """Until each unit has another process than before."""
    for name, pid in before.items():
        wait_for(lambda n=name, p=pid: machine.main_pid(n) not in (0, p), f"another {name}", 60)


def test_watchdog(inkan):
    """A daemon that stands still is killed and started again."""
    machine = inkan.machine
    with machine.drop_in("[Service]\nWatchdogSec=3s\n", *SERVICES):
        wait_for_others(machine, machine.kill("STOP", *SERVICES))
        for name in SERVICES:
            assert "Watchdog timeout" in machine.journal(name)


def test_killed_daemons_come_back_without_limit(inkan):
    machine = inkan.machine
    before = {name: microseconds(machine, name, "NRestarts") for name in SERVICES}
    for _ in range(KILLS):
        for name in SERVICES:
            wait_for(lambda n=name: machine.show(n, "ActiveState") == "active", f"{name} active", 60)
        wait_for_others(machine, machine.kill("KILL", *SERVICES))
    inkan.wait_until_ready()
    for name in SERVICES:
        assert microseconds(machine, name, "NRestarts") == before[name] + KILLS
        assert machine.show(name, "Result") == "success"
        assert machine.show(name, "RestartUSec") == "250ms"


def test_listeners_outlive_their_daemons(inkan):
    """They are systemd's: nobody is refused while a killed daemon starts again, and one that stopped leaves them as they were."""
    for daemon in DAEMONS:
        inkan.machine.kill("KILL", unit(daemon))
        assert inkan.health(daemon) == 200
    inkan.machine.run("systemctl", "restart", *SERVICES)
    for daemon in DAEMONS:
        assert inkan.health(daemon) == 200
    with inkan.machine.network():
        assert inkan.registrar().get("/api/v1/uploads").status_code == 200
        assert requests.get("http://127.0.0.1/", timeout=10).status_code == 404


@pytest.mark.parametrize("daemon", DAEMONS)
def test_wrong_settings_stop_it(inkan, daemon):
    """Exit 78 with every error in the journal, and no loop; mended, it runs."""
    machine = inkan.machine
    path = machine.path("/etc/inkan/inkan.conf")
    right = path.read_text(encoding="utf-8")
    path.write_text(right + "\n[log]\nlevel = many\n[upload]\nrows = 3\n", encoding="utf-8")
    done = machine.run("systemctl", "restart", unit(daemon), check=False)
    assert done.returncode != 0
    time.sleep(1)  # four times RestartSec
    assert [machine.show(unit(daemon), name) for name in ("ActiveState", "Result", "ExecMainStatus", "NRestarts")] == [
        "failed", "exit-code", "78", "0"]
    told = machine.journal(unit(daemon))
    assert "log.level: must be 3..7" in told and "upload.rows: no such setting" in told
    path.write_text(right, encoding="utf-8")
    machine.run("systemctl", "start", unit(daemon))
    assert machine.show(unit(daemon), "ActiveState") == "active"


@contextlib.contextmanager
def stopped(machine):
    """Whatever is found meanwhile, the tests that follow find a service that runs."""
    machine.run("systemctl", "stop", "inkan.target")
    try:
        yield
    finally:
        machine.run("systemctl", "start", "inkan.target")


def test_stop_with_work_in_hand(inkan):
    """All daemons end by themselves in the middle of an upload; started again, they end it, each row once."""
    machine = inkan.machine
    rows = [Row() for _ in range(2000)]  # eight chunks, of which two are signed at a time
    issued = "SELECT count(*) FROM certificate"
    before = int(inkan.value(issued))
    with machine.network():
        answer = inkan.registrar().upload(b"".join(row.line() for row in rows))
    assert answer.status_code == 202, answer.text
    number = answer.json()["id"]
    wait_for(lambda: int(inkan.value(issued)) > before, "the first chunk", 120)
    with stopped(machine):
        for name in SERVICES:
            wait_for(lambda n=name: machine.show(n, "ActiveState") != "deactivating", f"the end of {name}", 60)
            assert [machine.show(name, what) for what in ("ActiveState", "Result", "ExecMainCode", "ExecMainStatus")] == [
                "inactive", "success", "1", "0"], name
            assert "code=killed" not in machine.journal(name).rsplit("stopping", 1)[1]
        assert before < int(inkan.value(issued)) < before + len(rows), "not in the middle"
        assert int(inkan.value("SELECT count(*) FROM job WHERE worker IS NOT NULL")) == 0
        assert inkan.health("ingress") == 0
    inkan.wait_until_ready()
    with machine.network():
        upload = inkan.registrar().wait(number, 180)
    assert (upload["state"], upload["rows_ok"]) == ("done", len(rows))
    assert int(inkan.value(issued)) == before + len(rows)
    assert int(inkan.value("SELECT count(DISTINCT spki_hash) FROM certificate")) == before + len(rows)
    wait_for(lambda: inkan.ctl("audit", "verify", check=False).returncode == 0, "all is sealed", 30)
