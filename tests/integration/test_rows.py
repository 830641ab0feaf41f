"""Checks through the API: each error of the manual that a file can provoke, and both error modes."""
import base64

import pytest
from inkantest.rows import ORGANISATION, Row, make_csr, new_key, new_name


def codes(row):
    return [error["code"] for error in row["errors"]]


def columns(row):
    return [error["column"] for error in row["errors"]]


CASES = {
    "line too long": (lambda: Row(dns_names="x" * 20000), 907, 0),
    "required": (lambda: Row(columns={12: ""}), 201, 12),
    "too long": (lambda: Row(columns={8: "あ" * 65}), 202, 8),
    "not digits": (lambda: Row(columns={2: "x"}), 204, 2),
    "half-width kana": (lambda: Row(columns={8: "ｱｲｳ"}), 205, 8),
    "DN order": (lambda: Row(dn=f"O=testkikan,CN={new_name()},L=Chiyoda-ku,ST=Tokyo,C=JP"), 206, 1),
    "mail": (lambda: Row(mail="kanri.example.ac.jp"), 206, 10),
    "O of another": (lambda: Row(organisation={**ORGANISATION, "O": "Other University"}), 241, 1),
    "L": (lambda: Row(organisation={**ORGANISATION, "L": "Minato-ku"}), 905, 1),
    "ST": (lambda: Row(organisation={**ORGANISATION, "ST": "Osaka"}), 906, 1),
    "C": (lambda: Row(organisation={**ORGANISATION, "C": "US"}), 927, 1),
    "domain of another": (lambda: Row(new_name("other.ac.jp")), 901, 11),
    "domain not examined": (lambda: Row(new_name("shinsei-gakuen.ac.jp")), 901, 11),
    "name that only ends alike": (lambda: Row(new_name("notexample.ac.jp")), 901, 11),
    "reserved column": (lambda: Row(columns={4: "1"}), 912, 4),
    "profile": (lambda: Row(profile="7"), 913, 2),
    "no CSR": (lambda: Row(csr=base64.b64encode(b"nonsense").decode()), 914, 7),
    "RSA key for ECDSA profile": (lambda: Row(profile="11", key=new_key(3)), 916, 7),
    "CSR of another name": (lambda: Row(csr=base64.b64encode(make_csr(
        new_key(), [("CN", "elsewhere.example.ac.jp"), *ORGANISATION.items()][::-1])).decode()), 917, 7),
    "FQDN": (lambda: Row(fqdn="other-name.example.ac.jp"), 920, 11),
    "public suffix": (lambda: Row("ac.jp"), 929, 11),
    "internal name": (lambda: Row(dns_names="dNSName=printer.internal"), 929, 13),
    "underscore": (lambda: Row("a_b.example.ac.jp"), 921, 11),
    "dNSName form": (lambda: Row(dns_names="www.example.ac.jp"), 922, 13),
    "nine dNSNames": (lambda: Row(dns_names=",".join(f"dNSName=n{i}.example.ac.jp" for i in range(10))), 923, 13),
    "dNSName twice": (lambda: Row(dns_names="dNSName=a.example.ac.jp,dNSName=a.example.ac.jp"), 924, 13),
}


@pytest.mark.parametrize("case", CASES)
def test_error(healthy, case):
    make, code, column = CASES[case]
    upload = healthy.registrar.apply([make()])
    assert upload["state"] == "rejected"
    (row,) = upload["rows"]
    assert row["result"] == "NG"
    assert (code, column) in list(zip(codes(row), columns(row))), row["errors"]
    assert columns(row) == sorted(columns(row))
    for error in row["errors"]:
        assert error["message"] and error["message_en"] and error["remedy"]


DECEMBER_2025 = {
    "Tokyo, C=JP": 206,  # as it was: the form is "…,ST=Tokyo, C=JP,C=JP"
    '"Tokyo, C=JP"': 206,
    "Tokyo,C=JP": 206,
    "Tokyo; C=JP": 206,
    "Tokyo\\, C=JP": 206,
    "Tokyo+C=JP": 206,
    "Tokyo, JP": 906,
    "Tokyo,": 906,
}


@pytest.mark.parametrize("on_error", ["abort", "skip"])
@pytest.mark.parametrize("value", DECEMBER_2025)
def test_december_2025(healthy, value, on_error):
    """For five weeks certificates had ST="Tokyo, C=JP": C hidden in the value of ST. In the DN, in the CSR, in both, and
    in each attribute that the register has; nothing of it passes, whatever else is in the file."""
    hidden = [Row(organisation={**ORGANISATION, name: value.replace("Tokyo", ORGANISATION[name])})
              for name in ("ST", "L", "O")]
    in_csr = Row()
    in_csr.csr = Row(in_csr.name, organisation={**ORGANISATION, "ST": value}).csr
    in_dn = Row()
    in_dn.dn = Row(in_dn.name, organisation={**ORGANISATION, "ST": value}, key=in_dn.key).dn
    good = Row()
    upload = healthy.registrar.apply([*hidden, in_csr, good, in_dn], on_error=on_error)
    results = [row["result"] for row in upload["rows"]]
    assert [results[i] for i in (0, 1, 2, 3, 5)] == ["NG"] * 5
    st, _, _, csr, _, dn = upload["rows"]
    assert DECEMBER_2025[value] in codes(st) and DECEMBER_2025[value] in codes(dn)
    assert codes(csr) == [917] and 917 in codes(dn)
    assert upload["state"] == ("rejected" if on_error == "abort" else "done")
    assert healthy.value("SELECT count(*) FROM certificate c JOIN application a ON a.id = c.application"
                          " WHERE a.upload = %s", upload["id"]) == (on_error == "skip")


def test_december_2025_in_the_register(healthy):
    """What the register has is what is certified: it takes no such value either."""
    before = healthy.ctl_json("organisation", "list")
    good = {"name-ja": "十二月大学", "name-en": "December University", "st": "Tokyo", "l": "Chiyoda-ku",
            "issue-until": "2099-12-31"}
    for name, value in [("st", "Tokyo, C=JP"), ("st", "Tokyo, JP"), ("l", "Chiyoda-ku, ST=Tokyo"), ("name-en", "X, C=JP"),
                        ("name-en", "X=Y"), ("st", "Some-State"), ("l", "-"), ("st", "東京"), ("name-en", "Un\u200biversity")]:
        words = [word for key, text in {**good, name: value}.items() for word in (f"--{key}", text)]
        assert healthy.ctl("organisation", "add", *words, check=False).returncode != 0, value
        assert healthy.ctl("organisation", "change", "testkikan", f"--{name}", value, check=False).returncode != 0, value
    assert healthy.ctl_json("organisation", "list") == before


@pytest.mark.parametrize("name", ["ac.jp", "kawasaki.jp", "intra.internal", "example.test", "2.0.192.in-addr.arpa", "a_b.jp"])
def test_register_takes_no_domain_that_nobody_owns(healthy, name):
    """By the function that judges the names of rows."""
    before = healthy.ctl_json("domain", "list")
    words = ["domain", "add", name, "--organisation", "testkikan", "--registrant-en", "Shinsei University"]
    assert healthy.ctl(*words, check=False).returncode != 0
    assert healthy.ctl_json("domain", "list") == before


def test_register_permits_no_suffix_but_suspends_one(healthy):
    """A domain that a newer list makes a suffix, entered under an older one."""
    healthy.query("INSERT INTO domain (organisation, name, state) SELECT id, 'toshima.tokyo.jp', 'pending' FROM organisation"
                  " WHERE name_en = 'testkikan'")
    change = ["domain", "change", "toshima.tokyo.jp"]
    try:
        done = healthy.ctl(*change, "--state", "permitted", "--registrant-en", "Shinsei University", check=False)
        assert done.returncode != 0 and "Public Suffix List" in done.stderr
        healthy.ctl(*change, "--state", "suspended")
        assert healthy.ctl_json("domain", "show", "toshima.tokyo.jp")["state"] == "suspended"
    finally:
        healthy.query("DELETE FROM domain WHERE name = 'toshima.tokyo.jp'")


def test_not_shift_jis(healthy):
    row = Row()
    line = row.line().decode("cp932").encode()
    answer = healthy.registrar.upload(line)
    upload = healthy.registrar.wait(answer.json()["id"])
    assert 910 in codes(upload["rows"][0])


def test_too_many_columns(healthy):
    answer = healthy.registrar.upload(Row().line(b"\t\tx\r\n"))
    upload = healthy.registrar.wait(answer.json()["id"])
    assert 911 in codes(upload["rows"][0])


def test_csr_signature(healthy):
    row = Row()
    der = bytearray(base64.b64decode(row.csr))
    der[-1] ^= 1
    row.csr = base64.b64encode(bytes(der)).decode()
    upload = healthy.registrar.apply([row])
    assert set(codes(upload["rows"][0])) & {914, 915}


def test_doubles_within_the_file(healthy):
    first = Row()
    same_name, same_key = Row(first.name), Row(key=first.key)
    upload = healthy.registrar.apply([first, same_name, same_key])
    found = set(codes(upload["rows"][0])) | set(codes(upload["rows"][1])) | set(codes(upload["rows"][2]))
    assert {925, 926} <= found


def test_name_and_key_used_before(healthy):
    first = Row()
    assert healthy.registrar.apply([first])["state"] == "done"
    again = healthy.registrar.apply([Row(first.name), Row(key=first.key)], on_error="skip")
    assert again["state"] == "rejected"
    assert codes(again["rows"][0]) == [212]
    assert codes(again["rows"][1]) == [918]


def test_file_errors(healthy):
    def code(answer):
        assert answer.status_code == 202, answer.text
        upload = answer.json()
        assert upload["state"] == "rejected"
        return [e["code"] for e in upload["errors"]]
    assert code(healthy.registrar.upload(Row().line(), filename="test.csv")) == [209]
    assert code(healthy.registrar.upload(b"")) == [213]
    assert code(healthy.registrar.upload(b"\r\n\r\n")) == [213]
    assert code(healthy.registrar.upload(b"x\n" * 2001)) == [214]


def test_issuing_limit_past(healthy):
    organisation = {"O": "Kigen University", "L": "Sakyo-ku", "ST": "Kyoto", "C": "JP"}
    from inkantest.instance import Registrar
    base = healthy.env["INKAN_REGISTRAR_CERT"].replace("registrar.", "registrar3.")
    key = healthy.env["INKAN_REGISTRAR_KEY"].replace("registrar.", "registrar3.")
    upload = Registrar(healthy.env, base, key).apply([Row(new_name("kigen.ac.jp"), organisation=organisation)])
    assert upload["state"] == "rejected"
    assert 902 in codes(upload["rows"][0])


def test_abort_registers_nothing(healthy):
    good, bad = Row(), Row(columns={12: ""})
    upload = healthy.registrar.apply([good, bad], on_error="abort")
    assert upload["state"] == "rejected"
    assert [row["result"] for row in upload["rows"]] == ["OK", "NG"]
    assert healthy.value("SELECT count(*) FROM dn_taken WHERE match_key = %s", good.name) == 0
    assert healthy.value("SELECT count(*) FROM certificate WHERE cn = %s", good.name) == 0
    corrected = healthy.registrar.apply([good])
    assert corrected["state"] == "done", "the corrected file may carry the same names and keys"


def test_skip_takes_the_good_rows(healthy):
    good, bad = Row(), Row(columns={12: ""})
    upload = healthy.registrar.apply([bad, good], on_error="skip")
    assert upload["state"] == "done"
    assert [row["result"] for row in upload["rows"]] == ["NG", "OK"]
    assert (upload["rows_total"], upload["rows_ok"], upload["rows_ng"]) == (2, 1, 1)
    assert upload["rows"][1]["serial"]
    assert not upload["rows"][0]["serial"]


def test_dry_run_registers_nothing(healthy):
    row = Row()
    upload = healthy.registrar.apply([row, Row(columns={12: ""})], dry_run="true", confirmed=None)
    assert upload["state"] == "done"
    assert [r["result"] for r in upload["rows"]] == ["OK", "NG"]
    assert healthy.value("SELECT count(*) FROM dn_taken WHERE match_key = %s", row.name) == 0
    assert healthy.registrar.apply([row])["state"] == "done"


def test_blank_lines_are_counted(healthy):
    row = Row()
    answer = healthy.registrar.upload(b"\r\n" + row.line(b"\n") + b"\n")
    upload = healthy.registrar.wait(answer.json()["id"])
    assert upload["state"] == "done"
    assert [r["seq"] for r in upload["rows"]] == [2]


def test_two_uploads_with_the_same_names_at_once(healthy):
    names = [new_name() for _ in range(30)]
    files = [[Row(name) for name in order] for order in (names, names[::-1])]
    ids = []
    for rows in files:
        answer = healthy.registrar.upload(b"".join(r.line() for r in rows), "skip")
        ids.append(answer.json()["id"])
    uploads = [healthy.registrar.wait(i) for i in ids]
    issued = [row for upload in uploads for row in upload["rows"] if row["result"] == "OK"]
    refused = [row for upload in uploads for row in upload["rows"] if row["result"] == "NG"]
    assert len(issued) == len(refused) == 30
    assert all(codes(row) == [212] for row in refused)
    assert healthy.value("SELECT count(*) FROM certificate WHERE cn = ANY(%s)", names) == 30


def test_cell_of_many_names_costs_no_time(healthy):
    """A list far beyond its bound is not taken apart."""
    names = ",".join(f"dNSName=n{i}.example.ac.jp" for i in range(500))
    (row,) = healthy.registrar.apply([Row(dns_names=names)])["rows"]
    assert [(e["code"], e["column"]) for e in row["errors"]] == [(202, 13)]


def test_long_file_names(healthy):
    for name, state in (("申請" * 60 + ".tsv", "done"), ("あ" * 300 + ".tsv", "done"), ("x" * 300 + ".csv", "rejected")):
        upload = healthy.registrar.apply([Row()], filename=name)
        assert upload["state"] == state, name
        assert upload["filename"].endswith(name[-4:])
