"""inkanctl key: keys that others report as compromised."""
import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from inkantest.instance import wait_for
from inkantest.rows import Row
from inkantest.uploads import codes


def public_pem(row):
    return row.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def spki_hash(row):
    return hashlib.sha256(row.spki()).hexdigest()


def test_blocked_keys(healthy, tmp_path):
    """Keys reported by others: by PEM, by hash, by a list; nobody may bring them, and what they are in already is told."""
    leaked, listed, fine = Row(), Row(), Row()
    (tmp_path / "leaked.pem").write_bytes(public_pem(leaked))
    assert healthy.ctl("key", "show", "--key", str(tmp_path / "leaked.pem"), check=False).returncode == 3
    reason = ("--reason", "report 17")
    told = healthy.ctl_json("key", "block", "--key", str(tmp_path / "leaked.pem"), *reason)
    assert told == {"blocked": 1, "blocked_before": 0, "certificates": 0, "in_flight": 0}
    (tmp_path / "list").write_text(f"{spki_hash(leaked)}\r\n\n{spki_hash(listed).upper()}\n" + "0" * 64)
    told = healthy.ctl_json("key", "block", "--file", str(tmp_path / "list"), *reason)
    assert (told["blocked"], told["blocked_before"]) == (2, 1)
    upload = healthy.registrar.apply([leaked, listed, fine], on_error="skip")
    assert codes(upload) == [[(918, 7)], [(918, 7)], []]
    assert healthy.ctl_json("key", "show", "--spki", spki_hash(leaked))["blocked"] is True
    shown = healthy.ctl_json("key", "show", "--spki", spki_hash(fine))
    assert shown["blocked"] is False and shown["application"] and int(shown["certificate"], 16) == int(upload["rows"][2]["serial"])
    told = healthy.ctl_json("key", "block", "--spki", spki_hash(fine), *reason)
    assert (told["blocked"], told["certificates"]) == (1, 1)
    accepted = Row()
    healthy.ctl("halt", "--reason", "test")
    try:
        answer = healthy.registrar.upload(accepted.line())
        wait_for(lambda: healthy.registrar.get(f"/api/v1/uploads/{answer.json()['id']}").json()["state"] == "accepted", "accepted")
        told = healthy.ctl_json("key", "block", "--spki", spki_hash(accepted), *reason)
        assert (told["certificates"], told["in_flight"]) == (0, 1)
    finally:
        healthy.ctl("resume")
    assert codes(healthy.registrar.wait(answer.json()["id"])) == [[(945, 0)]]
    events = healthy.query("SELECT subject, detail->>'reason' FROM audit_event WHERE kind = 'key_blocked' AND subject = ANY (%s)",
                           [spki_hash(row) for row in (leaked, listed, fine)])
    assert len(events) == 3 and {r for _, r in events} == {"report 17"}


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "g" * 64, "0" * 64 + "\nx"])
def test_list_of_keys_that_is_none(healthy, tmp_path, text):
    (tmp_path / "list").write_text(text)
    before = healthy.value("SELECT count(*) FROM key_seen WHERE blocked")
    assert healthy.ctl("key", "block", "--file", str(tmp_path / "list"), "--reason", "x", check=False).returncode == 2
    assert healthy.value("SELECT count(*) FROM key_seen WHERE blocked") == before
