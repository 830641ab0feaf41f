"""What dpkg -i leaves on a Debian that runs PostgreSQL, and the package itself."""
import re
import stat
import subprocess

from inkantest.installation import DAEMONS, SERVICES, TOP

USERS = [*(f"inkan-{daemon}" for daemon in DAEMONS), "inkan-operator", "inkan-owner"]


def listed(package):
    text = subprocess.run(["dpkg-deb", "-c", package], check=True, capture_output=True, text=True).stdout
    return {line.split()[5].lstrip("."): line.split()[0] for line in text.splitlines()}


def test_contents(package):
    files = listed(package)
    wanted = [*(f"/usr/libexec/inkan/inkan-{daemon}" for daemon in DAEMONS), "/usr/bin/inkanctl", "/usr/share/inkan/inkan.conf",
              *(f"/lib/systemd/system/{path.name}" for path in (TOP / "deploy/systemd").iterdir()),
              *(f"/usr/share/inkan/{folder}/{path.name}" for folder in ("schema", "policy", "hsm", "postgresql")
                for path in (TOP / "deploy" / folder).iterdir()),
              "/usr/lib/sysusers.d/inkan.conf", "/usr/lib/tmpfiles.d/inkan.conf", "/usr/share/inkan/debian-weak-keys.txt",
              "/usr/share/doc/inkan/copyright", "/usr/share/doc/inkan/README.md", "/usr/share/doc/inkan/README.Debian"]
    assert not [name for name in wanted if name not in files]
    assert not [name for name, mode in files.items() if "s" in mode[1:] or mode[8] == "w"]


def test_build_packages():
    """What the package is built with is what the list of packages has."""
    control = (TOP / "deploy/debian/control").read_text()
    field = re.search(r"^Build-Depends:\n((?: .*\n)+)", control, re.M).group(1)
    named = {re.split(r"[ (<]", line.strip().rstrip(","))[0] for line in field.splitlines()}
    sections = re.split(r"^# section: (\w+)\n", (TOP / "deploy/packages").read_text(), flags=re.M)
    build = set(sections[sections.index("build") + 1].split())
    assert named - {"debhelper-compat"} == build - {"ca-certificates", "gcc", "libc6-dev"}


def test_nothing_runs(installed):
    machine = installed.machine
    assert machine.run("systemctl", "list-units", "--no-legend", "inkan*").stdout == ""
    assert machine.run("systemctl", "--failed", "--no-legend").stdout == ""
    for unit in SERVICES:
        assert machine.run("systemctl", "is-enabled", unit).stdout.strip() == "enabled"
    for unit in ("inkan.target", "inkan-database.service"):
        assert machine.run("systemctl", "is-enabled", unit, check=False).stdout.strip() == "disabled"


def test_database_is_left_alone(installed):
    found = installed.machine.run("psql", "-X", "-At", "-c", "SELECT datname FROM pg_database UNION SELECT rolname FROM pg_roles "
                                  "WHERE rolname !~ '^pg_'", user="postgres").stdout.split()
    assert sorted(found) == ["postgres", "template0", "template1"]
    assert "inkan" not in installed.machine.path("/etc/postgresql/15/main/pg_hba.conf").read_text()


def test_users_and_directories(installed):
    machine = installed.machine
    for user in USERS:
        fields = machine.run("getent", "passwd", user).stdout.strip().split(":")
        assert int(fields[2]) > 0 and fields[6].endswith("nologin")
        assert "inkan" in machine.run("id", "-Gn", user).stdout.split()
    for path, wanted in (("/etc/inkan", "750 root inkan"), ("/etc/inkan/inkan.conf", "640 root inkan"), ("/etc/inkan/keys", "700 root root"), ("/run/inkan", "2750 root inkan"),
                         ("/etc/inkan/ingress", "700 inkan-ingress inkan-ingress")):
        assert machine.run("stat", "-c", "%a %U %G", path).stdout.strip() == wanted
    assert stat.S_IMODE(machine.path("/usr/bin/inkanctl").stat().st_mode) == 0o755


def test_settings_file(installed):
    """Every setting is in the file; as delivered it lacks only what nobody else can know."""
    text = installed.machine.path("/etc/inkan/inkan.conf").read_text(encoding="utf-8")
    section, names = None, set()
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif match := re.match(r"#?(\w+) =", line):
            names.add(f"{section}.{match[1]}")
    missing = set()
    for daemon in DAEMONS:
        program = f"/usr/libexec/inkan/inkan-{daemon}"
        told = installed.machine.run(program, "--settings").stdout
        assert not [line for line in told.splitlines() if line.split("\t")[0] not in names]
        done = installed.machine.run(program, "--check", check=False)
        assert done.returncode == 78, done.stderr
        missing |= set(re.findall(r"([a-z]+\.[a-z_]+): must be given", done.stderr))
        assert "must be given" in done.stderr and "no such" not in done.stderr
    assert missing == {"pki.url", "public.url", "mailer.smtp", "mailer.from"}


def test_database_setup_can_be_run_again(serving):
    before = {name: serving.machine.path(f"/etc/postgresql/15/main/{name}").read_text() for name in ("pg_hba.conf", "pg_ident.conf")}
    serving.machine.run("/usr/share/inkan/postgresql/setup")
    for name, text in before.items():
        assert serving.machine.path(f"/etc/postgresql/15/main/{name}").read_text() == text
        assert text.count("# Inkan: ") == 1


def test_version():
    """The package's version is the program's."""
    log = (TOP / "deploy/debian/changelog").read_text()
    assert re.match(r"inkan \(([^)]+)\)", log)[1] == re.search(r"version: '([^']+)'", (TOP / "meson.build").read_text())[1]
