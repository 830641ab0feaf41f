"""The daemons of an instance on hosts of their own: to PostgreSQL over TCP, by certificates of theirs; to each other by CURVE."""
import pathlib
import shutil
import subprocess
import sys
import threading

from .buses import SENDERS, STAGES, make_key, make_peers, settings_of
from .cluster import as_user
from .instance import TOP, wait_for
from .settings import changed

sys.path.insert(0, str(TOP / "deploy/trylib"))
import pki  # noqa: E402  pylint: disable=wrong-import-position

BUS_PORT = 9100
POSTGRES = "postgres"


def daemon_of(name):
    return name.removesuffix("-2")


class Estate:
    """places: name of an instance of a daemon ("signer", "signer-2") → Host; the ingress is on the first one, where deploy/try started it.
    strangers: those of them whose keys no peer knows."""

    def __init__(self, instance, net, pair, places, strangers=()):
        self.instance, self.net, self.pair, self.places, self.strangers = instance, net, pair, places, strangers
        self.stage = pathlib.Path(instance.env["INKAN_BIN_DIR"]).parent
        self.conf = pathlib.Path(instance.env["INKAN_CONF_DIR"])
        self.processes, self.lock, self.closed = {}, threading.Lock(), False

    # ---- keys

    def make_certificates(self):
        self.tls = self.stage / "tls"
        self.tls.mkdir()
        self.tls.chmod(0o755)
        authority = pki.Authority("Inkan Test Database CA")
        pki.write(self.tls / "ca.pem", pki.pem(authority.certificate))
        users = {f"inkan-{daemon_of(name)}" for name in self.places} | {POSTGRES}
        for user in users:
            self.certify(authority, user, user, pki.ExtendedKeyUsageOID.CLIENT_AUTH, [pki.x509.DNSName(user)])
        for node in (self.pair.primary, self.pair.standby):
            address = pki.ipaddress.ip_address(node.host.address)
            self.certify(authority, node.host.name, POSTGRES, pki.ExtendedKeyUsageOID.SERVER_AUTH, [pki.x509.IPAddress(address)])

    def certify(self, authority, stem, user, usage, names):
        key, certificate = authority.issue(pki.name(stem), usage, names)
        pki.write(self.tls / f"{stem}.pem", pki.pem(certificate))
        pki.write(self.tls / f"{stem}.key", pki.key_pem(key), 0o600)
        shutil.chown(self.tls / f"{stem}.key", user)

    def tls_words(self, user):
        return f"sslmode=verify-full sslrootcert={self.tls}/ca.pem sslcert={self.tls}/{user}.pem sslkey={self.tls}/{user}.key"

    def make_bus_keys(self):
        self.bus = self.stage / "keys" / "bus"
        addresses = {name: f"tcp://{host.address}:{BUS_PORT + STAGES * i}" for i, (name, host) in enumerate(self.places.items())}
        self.binds = {name: {"bind": address} for name, address in addresses.items() if daemon_of(name) in SENDERS}
        self.known = {name: addresses[name] for name in self.binds if name not in self.strangers}
        make_peers(self.instance, self.bus, [name for name in self.places if name not in self.strangers], self.known)
        for name in self.strangers:
            make_key(self.instance, self.bus, name)

    # ---- PostgreSQL and the settings

    def move_database(self):
        for node in (self.pair.primary, self.pair.standby):
            node.fixed |= {"listen_addresses": node.host.address, "ssl": "on", "ssl_ca_file": self.tls / "ca.pem",
                           "ssl_cert_file": self.tls / f"{node.host.name}.pem", "ssl_key_file": self.tls / f"{node.host.name}.key"}
            node.reach = f"host={node.host.address} {self.tls_words(POSTGRES)}"
        self.pair.move([f"hostssl {what} all {self.net.network} cert map=inkan" for what in ("inkan", "replication")])

    def settings(self, name):
        addresses = ",".join(node.host.address for node in (self.pair.primary, self.pair.standby))
        uri = f"host={addresses} dbname=inkan target_session_attrs=read-write {self.tls_words('inkan-' + daemon_of(name))}"
        values = {"database": {"uri": uri.replace(" ", "\n  ")}, "bus": settings_of(self.bus, name, self.known) | self.binds.get(name, {})}
        if name != "ingress":
            values["health"] = {daemon_of(name): self.health_address(name)}
        return values

    def health_address(self, name):
        """Of a second instance ten ports further on: the first may be on the same host."""
        port = int(self.instance.env[f"INKAN_HEALTH_{daemon_of(name).upper()}"].rsplit(":", 1)[1])
        return f"{self.places[name].address}:{port + 10 * (name != daemon_of(name))}"

    def configure(self, name):
        path = self.conf / f"{name}.conf"
        text = path.read_text()
        for section, values in self.settings(name).items():
            for key, value in values.items():
                text = changed(text, section, key, value)
        path.write_text(text)

    # ---- life

    def start(self):
        self.make_certificates()
        self.move_database()
        self.make_bus_keys()
        for name in self.places:
            self.configure(name)
        for name in self.places:
            if name != "ingress":
                self.instance.env[f"INKAN_HEALTH_{name.upper()}"] = f"http://{self.health_address(name)}"
        before = self.instance.pid("ingress")
        self.instance.kill("ingress")
        wait_for(lambda: self.instance.pid("ingress") != before, "the ingress again")
        self.tick()
        self.keeper = threading.Thread(target=self.keep)
        self.keeper.start()
        self.instance.alive(180)
        return self

    def tick(self):
        """Starts what is not there, or died, as systemd would."""
        self.pair.tick()
        for name, host in self.places.items():
            if name != "ingress" and (name not in self.processes or self.processes[name].poll() is not None):
                daemon = daemon_of(name)
                words = as_user(f"inkan-{daemon}", [self.stage / f"bin/inkan-{daemon}", "--config", self.conf / f"{name}.conf", "--instance", name])
                with open(self.instance.directory / f"{name}.log", "ab") as log:
                    self.processes[name] = subprocess.Popen(host.words(words), stdout=log, stderr=log, cwd="/")
                (self.instance.directory / f"{name}.pid").write_text(f"{self.processes[name].pid}\n")

    def keep(self):
        while not self.closed:
            self.tick()
            threading.Event().wait(0.2)

    def close(self):
        self.closed = True
        if hasattr(self, "keeper"):
            self.keeper.join()
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
