"""The head of the audit leaves the house: a line in a file, a signed mail, and what `audit verify` finds by them."""
import configparser
import pathlib
import re

import pytest
from inkantest import mails
from inkantest.instance import wait_for
from inkantest.uploads import issue

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (\d+:[0-9a-f]{64})\n")
SUBJECT = "[Inkan] 監査記録の先頭"


def heads_file(instance):
    config = configparser.ConfigParser(interpolation=None)
    config.read(instance.config_path())
    return pathlib.Path(config["mailer"]["head_file"])


def heads(instance):
    path = heads_file(instance)
    return LINE.findall(path.read_text()) if path.exists() else []


def mailed(instance, head):
    return sorted(m.to for m in map(mails.Mail, instance.mails().values()) if m.subject == SUBJECT and head in m.text)


def next_day(instance):
    """What was kept so far is of another day."""
    path = heads_file(instance)
    wait_for(path.exists, "the first head")
    path.write_text(re.sub(r"(?m)^\d{4}-\d\d-\d\dT", "2026-01-01T", path.read_text()))


def keep(instance):
    """Makes the job due, and waits until it has come round: the newest head."""
    wait_for(lambda: instance.value("SELECT count(*) FROM job WHERE stage = 'head'") == 1, "the job")
    before = instance.value("SELECT count(*) FROM audit_event WHERE kind = 'head_kept'")
    instance.value("UPDATE job SET due = clock_timestamp(), worker = NULL WHERE stage = 'head' RETURNING 1")
    wait_for(lambda: instance.value("SELECT count(*) FROM audit_event WHERE kind = 'head_kept'") > before, "the head")
    return heads(instance)[-1]


def test_kept_and_mailed_once_a_day(healthy, tmp_path):
    issue(healthy)
    wait_for(lambda: healthy.value("SELECT count(*) FROM audit_event WHERE xid >= audit_sealed()") == 0, "the seals")
    next_day(healthy)
    head = keep(healthy)
    assert mailed(healthy, head) == ["guard@example.org", "watch@example.ac.jp"]
    (mail,) = [m for m in map(mails.Mail, healthy.mails().values()) if head in m.text and m.to == "watch@example.ac.jp"]
    mails.verify(mail.raw, healthy.env["INKAN_MAIL_CA"], tmp_path)
    assert heads_file(healthy).stat().st_mode & 0o777 == 0o640
    (detail,) = healthy.query("SELECT detail FROM audit_event WHERE kind = 'head_kept' ORDER BY id DESC LIMIT 1")[0]
    assert detail == {"head": head, "mailed": 2}
    due = healthy.value("SELECT mod(extract(epoch FROM due)::bigint, 86400) FROM job WHERE stage = 'head'")
    assert due < 2 or due >= 86399, "midnight, UTC"
    assert healthy.ctl("audit", "verify", "--heads", str(heads_file(healthy))).returncode == 0
    assert healthy.ctl("audit", "verify", "--head", head).returncode == 0


def test_again_is_the_same(healthy):
    """A mailer that died after the mail: one line a day, and the mail again with its Message-ID, whatever was sealed since."""
    next_day(healthy)
    head = keep(healthy)
    issue(healthy)
    assert keep(healthy) == head
    lines = heads(healthy)
    assert lines.count(head) == 1
    again = [m for m in map(mails.Mail, healthy.mails().values()) if head in m.text and m.to == "watch@example.ac.jp"]
    assert len(again) == 2 and len({m.message_id for m in again}) == 1
    assert len({m.raw for m in again}) == 1, "the same mail, Date and signature included"


def test_a_torn_line(healthy):
    """Half a line, of a process that died: the next one stands on its own."""
    keep(healthy)
    next_day(healthy)
    path = heads_file(healthy)
    with path.open("a") as file:
        file.write("2026-01-02T00:0")
    issue(healthy)
    wait_for(lambda: healthy.value("SELECT count(*) FROM audit_event WHERE xid >= audit_sealed()") == 0, "the seals")
    head = keep(healthy)
    assert path.read_text().endswith(f" {head}\n") and "2026-01-02T00:0\n" in path.read_text()
    path.write_text(path.read_text().replace("2026-01-02T00:0\n", ""))


def test_relay_away(healthy):
    """A recipient that is refused for now gets it when the relay takes it; it is one head all the time."""
    issue(healthy)
    healthy.mail_faults("guard@example.org 451\n")
    try:
        before = healthy.value("SELECT count(*) FROM audit_event WHERE kind = 'head_kept'")
        healthy.value("UPDATE job SET due = clock_timestamp(), worker = NULL WHERE stage = 'head' RETURNING 1")
        wait_for(lambda: healthy.value("SELECT attempt = 0 AND worker IS NULL AND due > clock_timestamp() FROM job WHERE stage = 'head'"),
                 "the job put off")
        assert healthy.value("SELECT count(*) FROM audit_event WHERE kind = 'head_kept'") == before
    finally:
        healthy.mail_faults("")
    wait_for(lambda: healthy.value("SELECT count(*) FROM audit_event WHERE kind = 'head_kept'") > before, "the head")
    assert "guard@example.org" in mailed(healthy, heads(healthy)[-1])


@pytest.mark.parametrize("change, said", [
    (lambda number, digest: f"{number}:{'0' * 64}", "is not the one that was known"),
    (lambda number, digest: f"{int(number) + 100000}:{digest}", "is missing with all after it"),
])
def test_what_the_kept_heads_tell(healthy, tmp_path, change, said):
    number, digest = keep(healthy).split(":")
    kept = tmp_path / "heads"
    kept.write_text(f"2026-01-01T00:00:00Z {number}:{digest}\n2026-01-02T00:00:00Z {change(number, digest)}\n")
    done = healthy.ctl("audit", "verify", "--heads", str(kept), check=False)
    assert done.returncode == 4 and said in done.stderr + done.stdout


@pytest.mark.parametrize("text", ["", "nonsense\n", "2026-01-01T00:00:00Z 1:00\n", "x:" + "0" * 64 + "\n"])
def test_files_that_are_none(healthy, tmp_path, text):
    kept = tmp_path / "heads"
    kept.write_text(text)
    assert healthy.ctl("audit", "verify", "--heads", str(kept), check=False).returncode == 4
