"""The relay's faults: 4xx is tried again, 5xx is recorded and seen, a lost answer gives the same mail again."""
import configparser
import socket

import pytest
from inkantest import mails
from inkantest.instance import wait_for
from inkantest.rows import Row


def notice(instance, name, kind="issued"):
    found = instance.query("SELECT n.state, n.attempts, n.reply FROM notice n JOIN certificate c ON c.id = n.certificate"
                           " WHERE c.cn = %s AND n.kind = %s", name, kind)
    return found[0] if found else None


def test_451_is_tried_again(healthy):
    row = Row(mail="later@example.ac.jp")
    healthy.mail_faults("later@example.ac.jp 451\n")
    healthy.registrar.apply([row])
    wait_for(lambda: (notice(healthy, row.name) or (None, 0))[1] >= 2, "two attempts")
    assert notice(healthy, row.name)[0] == "queued"
    assert not mails.to(healthy, "later@example.ac.jp")
    healthy.mail_faults("")
    assert wait_for(lambda: mails.to(healthy, "later@example.ac.jp", row.name), "the mail")
    wait_for(lambda: notice(healthy, row.name)[0] == "sent", "the record")


def test_550_is_recorded(healthy):
    bad, good = Row(mail="never@example.ac.jp"), Row(mail="good@example.ac.jp")
    healthy.mail_faults("never@example.ac.jp 550\n")
    healthy.registrar.apply([bad, good])
    wait_for(lambda: notice(healthy, bad.name)[0] == "failed", "the refusal recorded")
    assert "550" in notice(healthy, bad.name)[2]
    assert wait_for(lambda: mails.to(healthy, "good@example.ac.jp", good.name), "the other mail")


@pytest.mark.parametrize("command", ["CONNECT", "MAIL"])
def test_550_about_the_relay_loses_no_mail(healthy, command):
    """A greeting or MAIL FROM that is refused says nothing about any one mail."""
    row = Row(mail="patient@example.ac.jp")
    healthy.mail_faults(f"{command} 550\n")
    healthy.registrar.apply([row])
    wait_for(lambda: (notice(healthy, row.name) or (None, 0))[1] >= 2, "two attempts")
    assert notice(healthy, row.name)[0] == "queued"
    healthy.mail_faults("")
    assert wait_for(lambda: mails.to(healthy, "patient@example.ac.jp", row.name), "the mail")


def test_lost_answer_gives_the_same_mail(healthy):
    row = Row(mail="twice@example.ac.jp")
    healthy.mail_faults("twice@example.ac.jp drop\n")
    healthy.registrar.apply([row])
    wait_for(lambda: len(mails.to(healthy, "twice@example.ac.jp", row.name)) >= 2, "the mail twice")
    healthy.mail_faults("")
    wait_for(lambda: notice(healthy, row.name)[0] == "sent", "the record")
    copies = mails.to(healthy, "twice@example.ac.jp", row.name)
    assert len({m.message_id for m in copies}) == 1
    assert len({m.date for m in copies}) == 1
    assert len({m.link() for m in copies}) == 1


def test_nothing_leaves_before_its_seal(healthy):
    """Every mail delivered so far was queued by a transaction that a seal covers."""
    unsealed = healthy.value("SELECT count(*) FROM notice WHERE state = 'sent' AND xid >= audit_sealed()")
    assert unsealed == 0


def test_hostile_names_stay_in_their_line(healthy):
    row = Row(mail="header@example.ac.jp", manager="名前")
    healthy.registrar.apply([row])
    (mail,) = wait_for(lambda: mails.to(healthy, "header@example.ac.jp", row.name), "the mail")
    head = mail.raw.split(b"\r\n\r\n", 1)[0]
    assert all(len(line) <= 998 for line in mail.raw.split(b"\r\n"))
    assert b"\n" not in mail.raw.replace(b"\r\n", b"")
    assert max(mail.raw) < 128
    assert head.lower().count(b"\nto:") == 1


def test_mails_go_over_tls_where_the_relay_offers_it(healthy):
    row = Row(mail="tls@example.ac.jp")
    healthy.registrar.apply([row])
    wait_for(lambda: mails.to(healthy, "tls@example.ac.jp", row.name), "the mail")
    kept = [line for line in (healthy.directory / "mailbox.log").read_text().splitlines() if line.startswith("kept")]
    assert kept and all(line.endswith("over TLS") for line in kept)


def converse(connection):
    """A relay that never answers DATA: what the client says after it, until it hangs up."""
    connection.settimeout(60)
    file = connection.makefile("rb")
    connection.sendall(b"220 slow.example ESMTP\r\n")
    for line in file:
        if line.strip().upper() == b"DATA":
            return file
        connection.sendall(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 ok\r\n")
    return None


def test_a_mail_given_up_in_the_middle_is_no_mail(healthy):
    """The job is another's by now: the connection ends without the final dot, which would make half a mail, or none, a whole one."""
    settings = {"smtp": None, "starttls": None}
    config = configparser.ConfigParser(interpolation=None)
    config.read(healthy.config_path().parent / "mailer.conf")
    settings = {name: config["mailer"][name] for name in settings}
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(60)
    row = Row(mail="half@example.ac.jp")
    try:
        healthy.reconfigure("mailer", "smtp", f"smtp://127.0.0.1:{server.getsockname()[1]}")
        healthy.reconfigure("mailer", "starttls", "opportunistic")
        healthy.kill("mailer")
        healthy.registrar.apply([row])
        said = None
        while said is None:
            connection, _ = server.accept()
            said = converse(connection)
        healthy.query("UPDATE job SET token = nextval('job_token') WHERE stage = 'send'")
        assert said.read() == b""
    finally:
        for name, value in settings.items():
            healthy.reconfigure("mailer", name, value)
        healthy.kill("mailer")
        server.close()
    healthy.alive()
    healthy.query("UPDATE job SET due = now() WHERE stage = 'send'")
    assert wait_for(lambda: mails.to(healthy, "half@example.ac.jp", row.name), "the mail")
