"""The private PostgreSQL cluster: a unix socket and nothing else, each service user its own role."""
import pathlib
import shutil
import subprocess
import time

from command import as_user, environment, run
from failure import Failure
from instance import DAEMONS
from users import OPERATOR, user_of

OWNER = "inkan_owner"
START_SECONDS = 30
SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{socket}'
max_connections = 60
shared_buffers = 256MB
wal_compression = on
max_wal_size = 2GB
checkpoint_timeout = 15min
log_timezone = 'UTC'
timezone = 'UTC'
lc_messages = 'C'
log_line_prefix = '%m [%p] %u '
log_checkpoints = off
"""


def programs_directory():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if not found:
        raise Failure("no PostgreSQL server under /usr/lib/postgresql")
    return found[-1].parent


def ident_map():
    """Which OS user may be which role. Root is the operator of this demonstration and may be all of them."""
    roles = {user_of(daemon): [f"inkan_{daemon}"] for daemon in DAEMONS}
    roles[user_of("ingress")].append("inkan_public")
    roles[OPERATOR] = ["inkan_operator"]
    roles["root"] = [OWNER, *(role for some in roles.values() for role in some)]
    return "".join(f"inkan {user} {role}\n" for user, some in roles.items() for role in some)


def make_cluster(instance):
    data = instance.database_directory
    for path, mode in ((data, 0o700), (instance.database_socket, 0o755)):
        path.mkdir()
        shutil.chown(path, "postgres", "postgres")
        path.chmod(mode)
    run(as_user("postgres", [programs_directory() / "initdb", "-D", data, "-U", OWNER, "--auth=peer", "-E", "UTF8",
                             "--locale=C.UTF-8", "--no-sync", "-k"]), "initdb")
    (data / "postgresql.auto.conf").write_text(SETTINGS.format(socket=instance.database_socket))
    (data / "pg_hba.conf").write_text("local all all peer map=inkan\n")
    (data / "pg_ident.conf").write_text(ident_map())


def server_command(instance):
    return [str(programs_directory() / "postgres"), "-D", str(instance.database_directory)]


def clear_lock_files(instance):
    """A postmaster that is killed between making a lock file and writing it leaves it empty, and no other would start ever after.
    Nobody but us starts one here; and before it made the file, it had looked that nothing was left of the one before."""
    for path in (instance.database_directory / "postmaster.pid", instance.database_socket / ".s.PGSQL.5432.lock"):
        if path.exists() and path.stat().st_size == 0:
            path.unlink()


def psql(instance, sql, database="inkan"):
    """Runs statements as the owner; the rows come back as lines."""
    url = instance.database_url.replace("/inkan?", f"/{database}?")
    return run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql], "psql")


def wait_for_server(instance, alive):
    """Returns when the server answers; alive() says whether its process still runs."""
    end = time.monotonic() + START_SECONDS
    question = [str(programs_directory() / "pg_isready"), "-q", "-h", str(instance.database_socket)]
    while subprocess.run(question, env=environment(), check=False).returncode != 0:
        if not alive() or time.monotonic() > end:
            raise Failure("PostgreSQL does not start: see " + str(instance.log("postgres")))
        time.sleep(0.05)


def make_database(instance):
    psql(instance, "CREATE DATABASE inkan", database="postgres")

