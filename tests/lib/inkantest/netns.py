"""Hosts of their own on one machine: network namespaces, each with a link to a router that can lose what it should carry."""
import contextlib
import os
import pathlib
import subprocess

HOSTS_MAX = 63


def ip(*words, check=True):
    return subprocess.run(["ip", *map(str, words)], check=check, capture_output=True, text=True).returncode == 0


class Host:
    def __init__(self, name, namespace, address, gateway):
        self.name, self.namespace, self.address, self.gateway = name, namespace, address, gateway

    def words(self, argv):
        """argv run on this host."""
        return [*(("nsenter", f"--net=/run/netns/{self.namespace}", "--") if self.namespace else ()), *map(str, argv)]


class Net:
    """198.18.N.0/24 (RFC 2544): a link of two addresses for each host. The first one named is this machine itself."""

    def __init__(self, names):
        assert len(names) <= HOSTS_MAX
        self.number = next(n for n in range(256) if ip("netns", "add", f"inkan-{n}-router", check=False))
        self.router = f"inkan-{self.number}-router"
        self.network = f"198.18.{self.number}.0/24"
        self.hosts, self.lost, self.downs = {}, set(), set()
        try:
            self.in_router("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
            for i, name in enumerate(names):
                self.hosts[name] = self.attach(name, i)
        except BaseException:
            self.close()
            raise

    def in_router(self, *argv):
        subprocess.run(["nsenter", f"--net=/run/netns/{self.router}", "--", *argv], check=True)

    def attach(self, name, i):
        near, far = (f"198.18.{self.number}.{4 * i + n}" for n in (2, 1))
        namespace = f"inkan-{self.number}-{name}" if i else None
        device, at = f"inkan-{self.number}", ()
        if namespace:
            ip("netns", "add", namespace)
            device, at = "eth0", ("-n", namespace)
            ip(*at, "link", "set", "dev", "lo", "up")
        ip(*at, "link", "add", "dev", device, "type", "veth", "peer", "name", name, "netns", self.router)
        for where, address, link in ((at, near, device), (("-n", self.router), far, name)):
            ip(*where, "address", "add", f"{address}/30", "dev", link)
            ip(*where, "link", "set", "dev", link, "up")
        ip(*at, "route", "add", self.network, "via", far)
        return Host(name, namespace, near, far)

    def lose(self, source, target):
        """Without a word, all that goes this way; True when it went before."""
        if (source, target) in self.lost:
            return False
        self.lost.add((source, target))
        ip("-n", self.router, "rule", "add", "from", self.hosts[source].address, "to", self.hosts[target].address, "blackhole")
        return True

    def carry(self, source, target):
        self.lost.discard((source, target))
        ip("-n", self.router, "rule", "del", "from", self.hosts[source].address, "to", self.hosts[target].address, "blackhole")

    def down(self, name):
        """The host's link as a whole, which the host can see; True when it was up."""
        if name in self.downs:
            return False
        self.downs.add(name)
        ip("-n", self.router, "link", "set", "dev", name, "down")
        return True

    def up(self, name):
        self.downs.discard(name)
        ip("-n", self.router, "link", "set", "dev", name, "up")

    def close(self):
        for host in self.hosts.values():
            if host.namespace:
                ip("netns", "delete", host.namespace, check=False)
        ip("link", "delete", f"inkan-{self.number}", check=False)
        ip("netns", "delete", self.router, check=False)


@contextlib.contextmanager
def net(names):
    made = Net(names)
    try:
        yield made
    finally:
        made.close()


def impossible():
    """Why there can be no hosts here; "" when there can."""
    if os.geteuid() != 0:
        return "only root can make network namespaces"
    try:
        with net(["a", "b"]) as tried:
            tried.lose("a", "b")
    except (OSError, subprocess.CalledProcessError, StopIteration) as error:
        return f"no network namespaces here: {error} {getattr(error, 'stderr', '')}"
    return ""
