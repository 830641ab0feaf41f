"""The bus between daemons over tcp:// with CURVE: real daemons with keys of their own; strangers, forged and replayed frames."""
import pathlib
import shutil
import signal
import time

import pytest
import zmq
from inkantest.buses import SENDERS, STAGES, make_key, make_peers, settings_of, tcp_addresses
from inkantest.instance import DAEMONS, wait_for
from inkantest.rows import Row
from inkantest.settings import settings



def hint(stage, job=1):
    """A frame as proto/messages.def has it."""
    return b"IK\x01\x01" + job.to_bytes(8, "big") + len(stage).to_bytes(2, "big") + stage.encode()


@pytest.fixture(scope="module")
def curve(inkan):
    """The shared instance with all hints over tcp://; and a further sender among the peers, whose key the test has: a sibling that was
    broken into."""
    inkan.alive()
    directory, bound = pathlib.Path(inkan.config_path().parent) / "bus", tcp_addresses((*SENDERS, "evil"))
    make_peers(inkan, directory, (*DAEMONS, "evil"), bound)
    make_key(inkan, directory, "stranger")
    with settings(inkan, {name: {"bus": settings_of(directory, name, bound)} for name in DAEMONS}):
        yield inkan, directory, bound
    shutil.rmtree(directory)


def keys(directory, name):
    secret = (directory / name).read_text().strip().encode()
    return zmq.curve_public(secret), secret


def received(instance):
    return sum(instance.metric(d, "inkan_hints_received_total") for d in ("validator", "whois", "signer", "mailer"))


def test_hints_go_by_curve(curve):
    instance, _, _ = curve
    before = received(instance)
    upload = instance.registrar.apply([Row()])
    assert upload["state"] == "done"
    wait_for(lambda: received(instance) > before, "a hint")
    assert instance.metric("ingress", "inkan_bus_peers_refused_total") == 0


def test_strangers_get_nothing(curve):
    """Without a key, with an unknown one, and as a server that has not the sender's key."""
    instance, directory, addresses = curve
    base, port = addresses["ingress"].rsplit(":", 1)
    context = zmq.Context()
    server, _ = keys(directory, "ingress")
    sockets = []
    for with_key in (False, True):
        pull = context.socket(zmq.PULL)
        pull.linger = 0
        if with_key:
            pull.curve_publickey, pull.curve_secretkey = keys(directory, "stranger")
            pull.curve_serverkey = server
        for stage in range(STAGES):
            pull.connect(f"{base}:{int(port) + stage}")
        sockets.append(pull)
    wait_for(lambda: instance.metric("ingress", "inkan_bus_peers_refused_total") > 0, "the refusal")
    upload = instance.registrar.apply([Row()])
    assert upload["state"] == "done"
    for pull in sockets:
        assert pull.poll(200) == 0, "a stranger has a hint"
    assert "is none of our peers, refused" in instance.log("ingress")
    context.destroy(linger=0)


@pytest.mark.parametrize("who", ["evil", "stranger"])
def test_forged_and_replayed_frames_change_nothing(curve, who):
    """At an address that all workers connect to: floods of hints that are none, that are false, and that come again and again. With the
    key of that address, which a sibling has lost, and with another, which nobody believes."""
    instance, directory, addresses = curve
    base, port = addresses["evil"].rsplit(":", 1)
    context = zmq.Context()
    secret = keys(directory, who)
    frames = [b"", b"IK", b"\x00" * 10, b"x" * 100, hint("sign", 2**64 - 1), hint("decide", 0), hint("nonsense"), hint("check")[:-1],
              hint("check") + b"x", b"IK\x02\x01" + b"\0" * 10, b"IK\x01\x02" + b"\0" * 12, b"X" * 100000]
    facts = "SELECT (SELECT count(*) FROM upload), (SELECT count(*) FROM certificate), (SELECT count(*) FROM application)"
    before, refused, got = instance.query(facts), totals(instance, "refused"), received(instance)
    pushes = []
    for stage in range(STAGES):
        push = context.socket(zmq.PUSH)
        push.linger = 0
        push.curve_server, push.curve_publickey, push.curve_secretkey = True, *secret
        push.bind(f"{base}:{int(port) + stage}")
        pushes.append(push)
    sent = 0
    end = time.monotonic() + (6 if who == "evil" else 3)
    names = ["check", "ask", "decide", "sign", "send", "crl", "revoke", "remind", "ocsp", "head"]
    while time.monotonic() < end:
        for push in pushes:
            for frame in (*frames, *map(hint, names)):
                try:
                    push.send(frame, zmq.DONTWAIT)
                    sent += 1
                except zmq.Again:
                    time.sleep(0.001)
    upload = instance.registrar.apply([Row()])
    assert upload["state"] == "done", "work stood still"
    if who == "evil":
        assert sent > 0 and totals(instance, "refused") > refused and received(instance) > got
    else:
        assert totals(instance, "refused") == refused
    (uploads, certificates, applications), = before
    assert instance.query(facts) == [(uploads + 1, certificates + 1, applications + 1)]
    context.destroy(linger=0)
    instance.alive()
    assert not instance.sanitizer_reports()


def totals(instance, what):
    return sum(instance.metric(d, f"inkan_hints_{what}_total") for d in ("validator", "whois", "signer", "mailer"))


def test_a_lost_key_is_taken_off_the_list(curve):
    """SIGHUP reads the peers again: who is no longer there is refused at his next handshake."""
    instance, directory, addresses = curve
    base, port = addresses["ingress"].rsplit(":", 1)
    context = zmq.Context()

    def as_evil():
        pull = context.socket(zmq.PULL)
        pull.linger = 0
        pull.curve_publickey, pull.curve_secretkey = keys(directory, "evil")
        pull.curve_serverkey = keys(directory, "ingress")[0]
        monitor = pull.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
        pull.connect(f"{base}:{port}")
        assert monitor.poll(20000)
        event = int.from_bytes(monitor.recv_multipart()[0][:2], "little")
        pull.disable_monitor()
        pull.close()
        return event
    assert as_evil() == zmq.EVENT_HANDSHAKE_SUCCEEDED
    peers = directory / "peers"
    text = peers.read_text()
    peers.write_text("".join(line for line in text.splitlines(True) if not line.startswith("evil ")))
    instance.kill("ingress", signal.SIGHUP)
    wait_for(lambda: as_evil() == zmq.EVENT_HANDSHAKE_FAILED_AUTH, "the refusal")
    peers.write_text(text)
    instance.kill("ingress", signal.SIGHUP)
    context.destroy(linger=0)
