"""What a registrar is told of an upload and takes from it: found and allowed values, the bad rows to mend, results as files."""
import html
import json

import psycopg2
import pytest
from inkantest.rows import Row
from test_api import Contract

TSV = "text/tab-separated-values; charset=Shift_JIS"
HEADS = ["SEQ", "処理結果", "主体者DN (CN)", "利用管理者", "シリアル番号", "エラーコード", "列", "項目名", "エラー内容", "対処方法"]


def tsv(registrar, upload, name="results.tsv", language="ja"):
    answer = registrar.get(f"/api/v1/uploads/{upload['id']}/{name}", params={"lang": language})
    assert answer.status_code == 200 and answer.headers["Content-Type"] == TSV
    lines = answer.content.decode("cp932").split("\r\n")
    assert lines.pop() == ""
    heads, *rows = (line.split("\t") for line in lines)
    assert {len(row) for row in rows} <= {len(heads)}
    return heads, rows


def page(registrar, path, language="ja"):
    return html.unescape(registrar.get(path, headers={"Accept": "text/html", "Accept-Language": language}).text)


def raw(registrar, lines, **kw):
    return registrar.wait(registrar.upload(b"".join(lines), **kw).json()["id"])


def test_bad_rows_byte_for_byte_to_mend_and_send_again(healthy):
    api = healthy.registrar
    good, missing, again = Row(), Row(columns={12: ""}), Row(columns={8: "髙橋"})
    lines = [good.line(), b"\r\n", missing.line(b"\n"), b"\xff\xfe bytes that are no text\t\x00\x1b\r\n", again.line(b"")]
    upload = raw(api, lines, on_error="skip")
    assert [row["seq"] for row in upload["rows"] if row["result"] == "NG"] == [3, 4, 5]
    answer = api.get(f"/api/v1/uploads/{upload['id']}/lines.tsv?result=NG")
    assert answer.headers["Content-Type"] == TSV
    assert answer.headers["Content-Disposition"] == f'attachment; filename="upload-{upload["id"]}-errors.tsv"'
    assert answer.content == b"".join(line.rstrip(b"\r\n") + b"\r\n" for line in (lines[2], lines[3], lines[4]))
    first, _, third, _ = answer.content.split(b"\r\n")
    fields = first.split(b"\t")
    fields[11] = b"nginx"
    mended = [b"\t".join(fields) + b"\r\n", third.replace("髙".encode("cp932"), "高".encode("cp932"))]
    assert raw(api, mended)["state"] == "done"
    whole = api.get(f"/api/v1/uploads/{upload['id']}/lines.tsv").content
    assert whole == b"".join(line.rstrip(b"\r\n") + b"\r\n" for line in lines if line.strip())


def test_files_of_another_organisation_are_unknown(healthy):
    upload = raw(healthy.registrar, [b"x\r\n"])
    for name in ("lines.tsv", "results.tsv", "results.json"):
        for path in (f"{upload['id']}/{name}", f"0/{name}", f"x/{name}", f"999999999999/{name}"):
            assert healthy.registrar2.get(f"/api/v1/uploads/{path}").status_code == 404, path
        refused = healthy.registrar.get(f"/api/v1/uploads/{upload['id']}/{name}?result=ng")
        assert refused.status_code == 400 and refused.json()["code"] == 966


def test_the_ingress_reads_lines_of_one_organisation_by_the_function_alone(healthy):
    upload = raw(healthy.registrar, [b"x\r\n"])
    connection = healthy.database("ingress")
    cursor = connection.cursor()
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("SELECT line FROM upload_line")
    for organisation, expected in ((1, b"x"), (2, None)):
        cursor.execute("SELECT set_config('inkan.organisation', %s, false)", (str(organisation),))
        cursor.execute("SELECT upload_line_of(%s, 1)", (upload["id"],))
        (line,) = cursor.fetchone()
        assert (bytes(line) if line else None) == expected
    connection.close()


def test_results_as_tsv(healthy):
    api = healthy.registrar
    good, bad = Row(columns={8: "=HYPERLINK(\"x\")"}), Row(columns={12: "", 10: "-no mail"})
    upload = raw(api, [good.line(), b"\r\n", bad.line()], on_error="skip")
    heads, rows = tsv(api, upload)
    assert heads == HEADS
    assert rows[0] == ["1", "OK", good.name, "'=HYPERLINK(\"x\")", upload["rows"][0]["serial"], "", "", "", "", ""]
    assert [row[:2] + row[5:8] for row in rows[1:]] == [["3", "NG", "206", "10", "利用管理者mail"],
                                                        ["3", "NG", "201", "12", "利用管理者ソフトウェア名・バージョン"]]
    assert "-no mail" in rows[1][8] and rows[2][9] == "この列に値を入力してください。"
    assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
    heads, rows = tsv(api, upload, language="en")
    assert heads[1] == "Result" and rows[2][8].endswith("is required.")


def test_results_of_a_file_that_was_refused_whole(healthy):
    upload = raw(healthy.registrar, [b"x\r\n"], filename="test.csv")
    _, rows = tsv(healthy.registrar, upload)
    assert [(row[0], row[5]) for row in rows] == [("", "209")]
    assert json.loads(healthy.registrar.get(f"/api/v1/uploads/{upload['id']}/results.json").content)["rows"] == []


def test_results_as_json_are_the_upload_with_all_rows(healthy):
    """More rows than a page of the API, or of the query, holds."""
    upload = raw(healthy.registrar, [b"x\r\n"] * 1201)
    answer = healthy.registrar.get(f"/api/v1/uploads/{upload['id']}/results.json")
    Contract(healthy).check(answer, "/api/v1/uploads/{id}/results.json")
    assert "attachment" in answer.headers["Content-Disposition"]
    told = answer.json()
    assert [row["seq"] for row in told["rows"]] == list(range(1, 1202))
    assert told["rows"] == upload["rows"] and told["state"] == "rejected" and "next" not in told
    _, rows = tsv(healthy.registrar, upload)
    assert len({row[0] for row in rows}) == 1201


# column, what was written, and what must be said of it: found and allowed, in both languages
FINDINGS = [
    (12, "x" * 129, ["202:12,", "128桁以内", "現在129桁"], ["128 characters", "129 characters now"]),
    (5, "<b>a", ["912:5,", "「<b>a」"], ["Column 5 must be empty", '"<b>a"']),
    (2, "99", ["913:2,", "「99」", "3, 11"], ['"99"', "Available: 3, 11"]),
    (8, "ｱ", ["205:8,", "ｱ U+FF71", "JIS X 0208"], ["U+FF71", "Allowed: ASCII, JIS X 0208"]),
    (10, "nobody", ["206:10,", "nobody", "name@example.ac.jp"], ["not a mail address (nobody)"]),
    (13, "a.example.ac.jp", ["922:13,", "「a.example.ac.jp」", "dNSName=名前"], ['"a.example.ac.jp"', "dNSName=name"]),
]


@pytest.fixture(scope="module")
def refused(inkan):
    rows = [Row(columns={column: text}) for column, text, _, _ in FINDINGS]
    return inkan.registrar.apply(rows)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_each_error_says_what_was_found_and_what_is_allowed(healthy, refused, language):
    text = page(healthy.registrar, f"/uploads/{refused['id']}", language)
    rows = text[text.index("<tbody>"):].split("<tr>")[1:]
    for row, (column, _, japanese, english) in zip(rows, FINDINGS):
        for said in (japanese if language == "ja" else english):
            assert said in row, f"column {column}: {said} in {row}"
    raw_text = healthy.registrar.get(f"/uploads/{refused['id']}", headers={"Accept": "text/html"}).text
    assert "<b>a" not in raw_text and "&lt;b&gt;a" in raw_text


def test_pages_lead_on(healthy, refused):
    """From an error to the files and the form; from a check without errors to its upload."""
    text = page(healthy.registrar, f"/uploads/{refused['id']}")
    for path in ("lines.tsv?result=NG", "lines.tsv", "results.tsv?lang=ja", "results.json"):
        assert f'href="/api/v1/uploads/{refused["id"]}/{path}"' in text, path
    assert "OKと表示された行も登録されていません" in text
    checked = healthy.registrar.apply([Row()], on_error="skip", dry_run="true", confirmed=None)
    text = page(healthy.registrar, f"/uploads/{checked['id']}")
    assert 'href="/uploads/new?kind=server-issue&on_error=skip">この申請をアップロードする' in text and "lines.tsv" not in text
    form = page(healthy.registrar, "/uploads/new?kind=server-issue&on_error=skip")
    assert 'value="skip" checked' in form
    bad = healthy.registrar.apply([Row(columns={12: ""})], dry_run="true", confirmed=None)
    text = page(healthy.registrar, f"/uploads/{bad['id']}")
    assert "この申請をアップロードする" not in text and "修正したファイルをアップロードする" in text and "lines.tsv?result=NG" in text
