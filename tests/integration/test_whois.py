"""Every fault word of the WHOIS server has its outcome; a changed holder is noticed; one silent server delays nobody else."""
import time

import pytest
from inkantest.rows import Row, new_name

UNREACHABLE, MISMATCH = 903, 904


@pytest.fixture
def answers(healthy):
    """Sets WHOIS answers and puts the old ones back."""
    before = {}

    def set_answer(domain, text):
        old = healthy.whois(domain, text)
        before.setdefault(domain, old)
    yield set_answer
    for domain, old in before.items():
        healthy.whois(domain, old)


def codes_for(instance, rows, **kw):
    upload = instance.registrar.apply(rows, **kw)
    return upload, [[e["code"] for e in row["errors"]] for row in upload["rows"]]


@pytest.mark.parametrize("word", ["#silent", "#reset", "#empty", "#garbage", "#limit", "#slow 10"])
def test_fault_word(healthy, answers, word):
    answers("example.ac.jp", word + "\n")
    upload, codes = codes_for(healthy, [Row()])
    assert upload["state"] == "rejected"
    assert codes == [[UNREACHABLE]]


def test_not_found(healthy, answers):
    answers("example.ac.jp", None)
    upload, codes = codes_for(healthy, [Row()])
    assert upload["state"] == "rejected" and codes == [[MISMATCH]]


def test_changed_holder(healthy, answers):
    """The manual's example: 申請大学 became 学校法人申請学園 申請大学."""
    path = healthy.env["INKAN_WHOIS_DIR"] + "/example.ac.jp.txt"
    text = open(path, "rb").read().decode()
    answers("example.ac.jp", text.replace("申請大学", "学校法人申請学園 申請大学"))
    upload, codes = codes_for(healthy, [Row()])
    assert upload["state"] == "rejected" and codes == [[MISMATCH]]
    assert "学校法人申請学園" in upload["rows"][0]["errors"][0]["remedy"]


@pytest.mark.parametrize("head", ["#charset iso-2022-jp\n", "#lf\n"])
def test_encodings_and_line_ends(healthy, answers, head):
    path = healthy.env["INKAN_WHOIS_DIR"] + "/example.ac.jp.txt"
    text = open(path, "rb").read().decode()
    answers("example.ac.jp", head + text)
    upload, _ = codes_for(healthy, [Row()])
    assert upload["state"] == "done"


@pytest.mark.parametrize("domain", ["example.ac.jp", "example.jp", "example.ne.jp", "example.org"])
def test_kinds_of_registries(healthy, domain):
    upload, codes = codes_for(healthy, [Row(new_name(domain))])
    assert upload["state"] == "done", codes


def test_skip_refuses_only_that_domains_rows(healthy, answers):
    answers("example.jp", "#reset\n")
    upload, codes = codes_for(healthy, [Row(), Row(new_name("example.jp")), Row(new_name("example.org"))], on_error="skip")
    assert upload["state"] == "done"
    assert codes == [[], [UNREACHABLE], []]


def test_dns_names_are_asked_too(healthy, answers):
    answers("example.org", "#reset\n")
    upload, codes = codes_for(healthy, [Row(dns_names="dNSName=" + new_name("example.org"))])
    assert codes == [[UNREACHABLE]]


def test_one_query_a_domain_and_upload(healthy):
    before = healthy.value("SELECT count(*) FROM whois_answer WHERE domain = 'example.ac.jp'")
    upload, _ = codes_for(healthy, [Row() for _ in range(40)])
    assert upload["state"] == "done"
    assert healthy.value("SELECT count(*) FROM whois_answer WHERE domain = 'example.ac.jp'") == before + 1


def test_silent_server_delays_nobody_else(healthy, answers):
    """The silent domain's upload waits for its limit (3 s); another one meanwhile goes through."""
    answers("example.org", "#silent\n")
    slow = healthy.registrar.upload(Row(new_name("example.org")).line()).json()["id"]
    quick = healthy.registrar.upload(Row(new_name("example.jp")).line()).json()["id"]
    order = []
    while len(order) < 2:
        for name, upload in (("quick", quick), ("slow", slow)):
            if name not in order and healthy.registrar.get(f"/api/v1/uploads/{upload}").json()["state"] in ("done", "rejected"):
                order.append(name)
        time.sleep(0.02)
    assert order == ["quick", "slow"]
