"""発行証明書統計照会: numbers by month and profile, as JSON, TSV and page."""
import datetime
import re
import xml.etree.ElementTree

import pytest
from inkantest.rows import Revocation, Row

JA = {"Accept": "text/html", "Accept-Language": "ja"}
JST = datetime.timezone(datetime.timedelta(hours=9))
# Of organisation 2, which the other tests leave alone as a rule; differences count all the same.
KINDS = ("issued", "renewed", "revoked")


def read(registrar, **parameters):
    answer = registrar.get("/api/v1/statistics", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def of(numbers, profile, month=None):
    rows = numbers["months"] if month else numbers["profiles"]
    found = [r for r in rows if r["profile"] == profile and (month is None or r["month"] == month)]
    return found[0] if found else {"issued": 0, "renewed": 0, "revoked": 0, "valid": 0}


@pytest.fixture(scope="module")
def made(inkan):
    """Three issued (one RSA), one renewed, one revoked, one expired; issued in months that this fixture chose."""
    organisation = {"O": "Other University", "L": "Suita", "ST": "Osaka", "C": "JP"}
    before = read(inkan.registrar2, **{"from": "2019-12", "to": "2026-12"})
    rows = [Row(f"s{i}-{datetime.datetime.now().timestamp():.0f}.other.ac.jp", profile=p, organisation=organisation)
            for i, p in enumerate(("11", "11", "3", "11"))]
    entries = inkan.registrar2.apply(rows)["rows"]
    inkan.registrar2.apply([Row(rows[0].name, entries[0]["serial"], organisation=organisation)], kind="server-renew")
    inkan.registrar2.apply([Revocation(rows[2].dn, entries[2]["serial"], "5")], kind="server-revoke")
    # the last moment of a month of Japan's, and the first of the next
    for entry, at in zip(entries, ("2020-01-31T14:59:59.9Z", "2020-01-31T15:00:00Z", "2020-02-29T14:59:59Z", "2020-01-01T00:00:00Z")):
        inkan.query("UPDATE certificate_facts f SET issued = %s FROM certificate c WHERE c.id = f.certificate AND c.application = %s",
                    at, entry["application"])
    inkan.query("UPDATE certificate SET not_after = now() - interval '1 day' WHERE application = %s", entries[3]["application"])
    return before, read(inkan.registrar2, **{"from": "2019-12", "to": "2026-12"})


def test_by_month_and_profile(made):
    before, after = made
    month = datetime.datetime.now(JST).strftime("%Y-%m")
    for profile, wanted in ((11, {"2020-01": (2, 0, 0), "2020-02": (1, 0, 0)}), (3, {"2020-01": (0, 0, 0), "2020-02": (1, 0, 0)})):
        for name, numbers in wanted.items():
            assert tuple(of(after, profile, name)[k] - of(before, profile, name)[k] for k in KINDS) == numbers, (profile, name)
    assert of(after, 11, month)["renewed"] - of(before, 11, month)["renewed"] == 1
    assert of(after, 3, month)["revoked"] - of(before, 3, month)["revoked"] == 1
    assert "2020-03" not in [r["month"] for r in after["months"]], "months without anything are left out"
    assert [r["month"] for r in after["months"]] == sorted(r["month"] for r in after["months"])


def test_totals_and_what_is_valid(made):
    before, after = made
    assert {k: after["total"][k] - before["total"][k] for k in after["total"]} == {"issued": 4, "renewed": 1, "revoked": 1, "valid": 3}
    assert of(after, 11)["valid"] - of(before, 11)["valid"] == 3, "neither the expired nor the revoked"
    assert of(after, 3)["valid"] == of(before, 3)["valid"]
    for k in KINDS:
        assert sum(r[k] for r in after["profiles"]) == sum(r[k] for r in after["months"]) == after["total"][k]


def test_valid_ones_do_not_depend_on_the_months(inkan, made):
    found = read(inkan.registrar2, **{"from": "2001-01", "to": "2001-02"})
    assert found["months"] == [] and found["total"]["valid"] == made[1]["total"]["valid"] and found["total"]["issued"] == 0


def test_an_organisation_counts_its_own(inkan, made):
    assert of(read(inkan.registrar, **{"from": "2020-01", "to": "2020-02"}), 11, "2020-01")["issued"] == 0


def test_twelve_months_by_default(inkan):
    now = datetime.datetime.now(JST)
    found = read(inkan.registrar2)
    assert found["to"] == now.strftime("%Y-%m")
    assert found["from"] == f"{now.year - (now.month < 12)}-{now.month % 12 + 1:02d}"


@pytest.mark.parametrize("bad", [{"from": "2026"}, {"from": "2026-13"}, {"from": "2026-00"}, {"to": "2026-1"}, {"to": "x"},
                                 {"from": "2026-02", "to": "2026-01"}, {"from": "2010-01", "to": "2020-01"}, {"from": "1999-01"},
                                 {"from": "+026-01"}, {"from": "2026-01-01"}])
def test_bad_months(inkan, bad):
    answer = inkan.registrar.get("/api/v1/statistics", params=bad)
    assert answer.status_code == 400 and answer.json()["code"] == 966
    assert inkan.registrar.get("/statistics", params=bad, headers=JA).status_code == 400
    assert inkan.registrar.get("/api/v1/statistics.tsv", params=bad).status_code == 400


def test_as_tsv(inkan, made):
    answer = inkan.registrar2.get("/api/v1/statistics.tsv", params={"from": "2020-01", "to": "2020-02"})
    assert answer.headers["Content-Type"] == "text/tab-separated-values; charset=Shift_JIS"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="statistics-2020-01-2020-02.tsv"'
    rows = [line.split("\t") for line in answer.content.decode("cp932").split("\r\n")]
    assert rows.pop() == [""]
    assert rows[0] == ["年月", "証明書種別", "証明書プロファイルID", "発行数", "更新数", "失効数", "有効数"]
    after = read(inkan.registrar2, **{"from": "2020-01", "to": "2020-02"})
    assert rows[1:] == [[r["month"], "サーバ証明書", str(r["profile"]), *(str(r[k]) for k in KINDS), ""] for r in after["months"]] + [
        ["合計", "サーバ証明書", str(r["profile"]), *(str(r[k]) for k in KINDS), str(r["valid"])] for r in after["profiles"]]


def test_page(inkan, made):
    answer = inkan.registrar2.get("/statistics", params={"from": "2020-01", "to": "2020-12"}, headers=JA)
    assert answer.status_code == 200 and "<script" not in answer.text and " style=" not in answer.text
    after = read(inkan.registrar2, **{"from": "2020-01", "to": "2020-12"})
    table = re.findall(r'<th scope="row">(2020-\d\d)</th><td class="number">(\d+)</td><td class="number">(\d+)</td><td class="number">(\d+)', answer.text)
    assert len(table) == 12 and {m: tuple(map(int, n)) for m, *n in table if any(map(int, n))} == {
        m: tuple(sum(r[k] for r in after["months"] if r["month"] == m) for k in KINDS) for m in {r["month"] for r in after["months"]}}
    charts = re.findall(r"<svg .*?</svg>", answer.text, re.S)
    assert len(charts) == 2
    for chart in charts:
        root = xml.etree.ElementTree.fromstring(chart)
        assert root.get("role") == "img" and root.find("title").text
    columns = xml.etree.ElementTree.fromstring(charts[0])
    titles = {e.text for e in columns.iter("title")}
    issued = sum(r["issued"] for r in after["months"] if r["month"] == "2020-01")
    assert f"2020-01 発行数: {issued}" in titles
    assert "発行証明書統計照会" in inkan.registrar2.get("/", headers=JA).text
    english = inkan.registrar2.get("/statistics", headers={**JA, "Accept-Language": "en"}).text
    assert "Issued" in english and "発行数" not in english
