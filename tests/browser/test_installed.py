"""The certificate that a browser fetched, served by nginx and by Apache as the link's page says, to a browser that trusts the root alone."""
import contextlib
import pwd
import shlex
import shutil
import socket
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from inkantest import mails
from inkantest.instance import wait_for
from inkantest.rows import Row, new_name

MODULES = "/usr/lib/apache2/modules"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def downloaded(inkan, scratch, browse):
    """(row, directory): the file and the hints as Chromium saved them, and a host's /etc/ssl with the key in its place."""
    row = Row(mail="installs@example.ac.jp", dns_names="dNSName=" + new_name("example.org"))
    inkan.registrar.apply([row])
    (mail,) = wait_for(lambda: mails.to(inkan, row.mail, row.name), "the issuance notice")
    saved = browse("install", BROWSER_LINK=mail.link(), BROWSER_NAME=row.name)
    host = scratch / "installed"
    for folder in ("ssl/certs", "ssl/private", "www", "run"):
        (host / folder).mkdir(parents=True)
    shutil.copy(saved / f"{row.name}-chain.cer", host / "ssl/certs")
    (host / f"ssl/private/{row.name}.key").write_bytes(row.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    (host / "www/index.html").write_text("it works")
    for name in ("match", "nginx", "apache"):
        # the one thing that is not as printed: this is not the host's own /etc
        (host / name).write_text((saved / name).read_text().replace("/etc/ssl/", f"{host}/ssl/"))
    subprocess.run(["chown", "-R", "nobody", str(host)], check=True)
    return row, host


@contextlib.contextmanager
def running(command, port):
    """An ordinary process of nobody's until it is no longer needed."""
    server = subprocess.Popen(command, user=pwd.getpwnam("nobody").pw_uid, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)

    def answers():
        assert server.poll() is None, server.stdout.read().decode()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False
    try:
        wait_for(answers, command[0], 20)
        yield
    finally:
        server.terminate()
        server.wait(20)


def nginx(host, port):
    hint = (host / "nginx").read_text()
    assert hint.count("listen 443 ssl;") == 1
    temporary = "".join(f"{kind}_temp_path {host}/run;\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (host / "nginx.conf").write_text(f"daemon off; pid {host}/run/nginx.pid; error_log stderr; events {{}}\n"
                                     f"http {{ access_log off; root {host}/www; {temporary}"
                                     + hint.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;") + "}\n")
    return running(["/usr/sbin/nginx", "-e", "stderr", "-c", str(host / "nginx.conf")], port)


def apache(host, port):
    hint = (host / "apache").read_text()
    assert hint.count("*:443") == 1
    modules = "".join(f"LoadModule {m}_module {MODULES}/mod_{m}.so\n" for m in ("mpm_event", "authz_core", "dir", "ssl"))
    (host / "apache.conf").write_text(f"ServerRoot {host}\nPidFile {host}/run/apache.pid\nDefaultRuntimeDir {host}/run\n{modules}"
                                      f"ErrorLog {host}/run/apache.log\nDocumentRoot {host}/www\nServerName localhost\n"
                                      f"Listen 127.0.0.1:{port}\n" + hint.replace("*:443", f"127.0.0.1:{port}"))
    return running(["/usr/sbin/apache2", "-f", str(host / "apache.conf"), "-DFOREGROUND"], port)


@pytest.fixture(scope="module")
def root(inkan, scratch):
    """The root alone: the server itself must send the issuing CA."""
    chain = open(inkan.env["INKAN_ISSUER_CHAIN"], encoding="ascii").read()
    path = scratch / "root.pem"
    path.write_text("-----BEGIN" + chain.rsplit("-----BEGIN", 1)[1])
    return path


def home_of_somebody(path, trusted=None):
    """A home directory whose Chromium trusts one CA more, or none."""
    database = path / ".pki/nssdb"
    database.mkdir(parents=True)
    subprocess.run(["certutil", "-d", f"sql:{database}", "-N", "--empty-password"], check=True)
    if trusted:
        subprocess.run(["certutil", "-d", f"sql:{database}", "-A", "-t", "C,,", "-n", "root", "-i", str(trusted)], check=True)
    return str(path)


def test_key_and_certificate_belong_together(downloaded):
    _, host = downloaded
    outputs = [subprocess.run(shlex.split(line), capture_output=True, check=True).stdout for line in (host / "match").read_text().splitlines()]
    assert len(outputs) == 2 and outputs[0] == outputs[1] and b"PUBLIC KEY" in outputs[0]


@pytest.mark.parametrize("server", [nginx, apache])
def test_served_as_the_page_says(downloaded, root, browse, tmp_path, server):
    row, host = downloaded
    port = free_port()
    with server(host, port):
        for name in (row.name, row.dns_names.removeprefix("dNSName=")):
            done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, "-verify_hostname", name,
                                   "-CAfile", str(root), "-verify_return_error"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  check=False, timeout=30)
            assert done.returncode == 0 and "Verify return code: 0 (ok)" in done.stdout, done.stdout + done.stderr
        rules = {"BROWSER_HOSTS": f"MAP {row.name} 127.0.0.1:{port}", "BROWSER_NAME": row.name}
        browse("visit", HOME=home_of_somebody(tmp_path / "trusts", root), **rules)
        browse("visit", HOME=home_of_somebody(tmp_path / "does-not"), BROWSER_TRUST="no", **rules)
