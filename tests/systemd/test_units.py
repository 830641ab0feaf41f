"""The unit files: valid, sandboxed, and in agreement with the programs' own settings."""
import pathlib
import re
import shutil
import stat
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
SYSTEMD = TOP / "deploy/systemd"
SYSUSERS = TOP / "deploy/sysusers.d/inkan.conf"
TMPFILES = TOP / "deploy/tmpfiles.d/inkan.conf"
DAEMONS = ("ingress", "validator", "whois", "signer", "mailer")
WITHOUT_NETWORK = ("ingress", "validator", "signer")
LIBEXEC = "/usr/libexec/inkan/"


def run(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False,
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"})


class Unit(dict):
    """{(section, name): [values]}"""

    def __init__(self, path):
        super().__init__()
        section = None
        for line in path.read_text().splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif line and line[0] not in "#;":
                name, _, value = line.partition("=")
                self.setdefault((section, name), []).append(value)

    def one(self, section, name):
        values = self.get((section, name), [])
        assert len(values) == 1, f"[{section}] {name}= stands {len(values)} times"
        return values[0]


@pytest.fixture(scope="module", name="units")
def staged_units(tmp_path_factory):
    """The units with programs that exist, as they do once installed."""
    directory = tmp_path_factory.mktemp("units")
    for program in (*(f"inkan-{daemon}" for daemon in DAEMONS), "inkanctl"):
        (directory / program).symlink_to("/bin/true")
    for path in SYSTEMD.iterdir():
        text = path.read_text().replace(LIBEXEC, f"{directory}/").replace("/usr/bin/inkanctl", f"{directory}/inkanctl")
        (directory / path.name).write_text(text)
    return directory


def service(daemon):
    return Unit(SYSTEMD / f"inkan-{daemon}.service")


def test_all_units_are_there():
    assert {f"inkan-{daemon}.service" for daemon in DAEMONS} <= {path.name for path in SYSTEMD.iterdir()}


def test_verify(units):
    paths = [path for path in units.iterdir() if path.suffix in (".service", ".socket", ".target")]
    done = run("systemd-analyze", "verify", "--man=no", *sorted(paths))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_verify_notices_mistakes(units, tmp_path):
    """The tool itself: a misspelt name and a missing program do not pass."""
    text = (units / "inkan-signer.service").read_text()
    for wrong in (text.replace("NoNewPrivileges", "NoNewPriviledges"), text.replace("/inkan-signer\n", "/missing\n")):
        path = tmp_path / "inkan-signer.service"
        path.write_text(wrong)
        done = run("systemd-analyze", "verify", "--man=no", path)
        assert done.returncode != 0 or done.stderr


@pytest.mark.parametrize("daemon", (*DAEMONS, "database"))
def test_security(units, daemon):
    done = run("systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager",
               units / f"inkan-{daemon}.service")
    assert done.returncode == 0, done.stdout + done.stderr
    assert float(re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout).group(1)) <= 2.0


def test_security_threshold_can_fail(units, tmp_path):
    path = tmp_path / "inkan-signer.service"
    path.write_text(re.sub(r"^(Protect|Restrict|SystemCall|Capability)\S+=.*\n", "",
                           (units / "inkan-signer.service").read_text(), flags=re.M))
    assert run("systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager", path).returncode != 0


def test_drop_in_for_a_token(units, tmp_path):
    """As shipped, and with each line that is only proposed: valid, and no wider than a unit may be."""
    text = (TOP / "deploy/hsm/pkcs11.conf").read_text()
    for number, drop_in in enumerate((text, re.sub(r"^#(?=[A-Z]\w+=)", "", text, flags=re.M))):
        directory = tmp_path / str(number)
        shutil.copytree(units, directory, symlinks=True)
        for path in directory.glob("*.service"):
            path.write_text(path.read_text().replace(str(units), str(directory)))
        (directory / "inkan-signer.service.d").mkdir()
        (directory / "inkan-signer.service.d/pkcs11.conf").write_text(drop_in)
        done = run("systemd-analyze", "verify", "--man=no", *sorted(p for p in directory.glob("inkan-signer*") if p.is_file()
                                                                     and not p.is_symlink()))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        done = run("systemd-analyze", "security", "--offline=yes", "--threshold=30", "--no-pager", directory / "inkan-signer.service")
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("daemon", DAEMONS)
def test_life(daemon):
    unit = service(daemon)
    assert unit.one("Service", "Type") == "notify"
    assert unit.one("Service", "ExecStart") == f"{LIBEXEC}inkan-{daemon}"
    assert unit.one("Service", "User") == f"inkan-{daemon}"
    assert unit.one("Service", "Group") == "inkan"
    assert unit.one("Service", "UMask") == "0007"
    assert unit.one("Service", "RuntimeDirectory") == f"inkan/{daemon}"
    assert unit.one("Service", "Restart") == "always"
    assert unit.one("Service", "RestartSec") == "250ms"
    assert unit.one("Service", "RestartPreventExitStatus") == "78"
    assert unit.one("Unit", "StartLimitIntervalSec") == "0"
    assert unit.one("Service", "WatchdogSec")
    assert "HUP" in unit.one("Service", "ExecReload")


@pytest.mark.parametrize("daemon", DAEMONS)
def test_network(daemon):
    unit = service(daemon)
    families = unit.one("Service", "RestrictAddressFamilies").split()
    if daemon in WITHOUT_NETWORK:
        assert unit.one("Service", "PrivateNetwork") == "yes" and families == ["AF_UNIX"]
    else:
        assert ("Service", "PrivateNetwork") not in unit and set(families) == {"AF_UNIX", "AF_INET", "AF_INET6"}


def default_settings():
    """section.name → default, as the program's source says."""
    text = (TOP / "common/service_options.c").read_text()
    return {f"{section}.{name}": value
            for section, name, value in re.findall(r'\{"(\w+)", "(\w+)", SETTING_\w+, "([^"]*)"', text)}


@pytest.mark.parametrize("daemon", DAEMONS)
def test_health_socket(daemon):
    socket = Unit(SYSTEMD / f"inkan-{daemon}-health.socket")
    assert socket.one("Socket", "FileDescriptorName") == "health"
    assert socket.one("Socket", "ListenStream") == default_settings()[f"health.{daemon}"]
    assert socket.one("Socket", "Service") == f"inkan-{daemon}.service"


@pytest.mark.parametrize("daemon", DAEMONS)
def test_sockets_belong_to_their_service(daemon):
    """Each socket is handed over, waited for, and goes away when the daemon is stopped."""
    mine = {path.name for path in SYSTEMD.glob("*.socket") if Unit(path).one("Socket", "Service") == f"inkan-{daemon}.service"}
    unit = service(daemon)
    assert mine == set(unit.one("Service", "Sockets").split()) == set(unit.one("Unit", "Requires").split())
    assert mine <= set(unit.one("Unit", "After").split())
    for name in mine:
        assert Unit(SYSTEMD / name).one("Unit", "StopWhenUnneeded") == "yes"


def test_ingress_listeners():
    names = {Unit(path).one("Socket", "FileDescriptorName") for path in SYSTEMD.glob("inkan-ingress-*.socket")}
    assert names == {"health", "registrar", "public", "pki"}


@pytest.fixture(scope="module", name="root")
def fake_root(tmp_path_factory):
    """A root directory with the users and directories made."""
    root = tmp_path_factory.mktemp("root")
    (root / "etc").mkdir()
    done = run("systemd-sysusers", f"--root={root}", SYSUSERS)
    assert done.returncode == 0, done.stderr
    if shutil.which("systemd-tmpfiles"):
        done = run("systemd-tmpfiles", f"--root={root}", "--create", TMPFILES)
        assert done.returncode == 0 and done.stderr == "", done.stderr
    return root


def entries(path):
    return {line.split(":")[0]: line.split(":") for line in path.read_text().splitlines()}


def test_sysusers_dry_run():
    done = run("systemd-sysusers", "--dry-run", SYSUSERS)
    assert done.returncode == 0, done.stderr


def test_users(root):
    users, groups = entries(root / "etc/passwd"), entries(root / "etc/group")
    wanted = [f"inkan-{name}" for name in (*DAEMONS, "operator", "owner")]
    assert set(wanted) <= set(users)
    assert set(wanted) == set(groups["inkan"][3].split(","))
    for name in wanted:
        assert users[name][6].endswith("nologin") and users[name][2] != "0"


def test_directories(root):
    users, groups = entries(root / "etc/passwd"), entries(root / "etc/group")
    for name, mode, owner, group in (("run/inkan", 0o2750, "root", "inkan"), ("etc/inkan", 0o750, "root", "inkan"),
                                     ("etc/inkan/keys", 0o700, "root", "root"),
                                     ("etc/inkan/ingress", 0o700, "inkan-ingress", "inkan-ingress")):
        state = (root / name).stat()
        assert stat.S_IMODE(state.st_mode) == mode, name
        assert state.st_uid == (0 if owner == "root" else int(users[owner][2])), name
        assert state.st_gid == (0 if group == "root" else int(groups[group][2])), name


def test_schema_version():
    """The version that the programs want is the newest migration's number."""
    wanted = int(re.search(r"#define SCHEMA_VERSION (\d+)", (TOP / "common/store/schema.h").read_text()).group(1))
    assert wanted == max(int(path.name[:4]) for path in (TOP / "deploy/schema").glob("[0-9]*.sql"))
