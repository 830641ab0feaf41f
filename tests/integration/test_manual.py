"""
The registrars' manual (サーバ証明書管理手順 V2.4), 1-1 to 1-4: each numbered step is the test named after it, in the manual's order, by
the means that its people have: openssl, a text editor, the API, the mailbox and the link. Steps build on those before them.
"""
import base64
import subprocess

import pytest
from cryptography import x509
from inkantest import mails
from inkantest.instance import Instance, Registrar, wait_for
from inkantest.rows import RUN

NAME = f"test1-{RUN}.example.ac.jp"
DN = f"CN={NAME},O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP"
MANAGER, REGISTRAR = f"kanri-{RUN}@example.ac.jp", "toroku.hanako@example.ac.jp"
DN_LINES = ["　CN=" + NAME, "　O=testkikan", "　L=Chiyoda-ku", "　ST=Tokyo", "　C=JP"]


class Story:
    """What the people of the manual hold in their hands between two steps."""

    def __init__(self, instance, desk):
        self.instance, self.desk, self.registrar = instance, desk, instance.registrar
        self.csr = self.tsv = self.old = self.new = self.attached = self.mail = None

    def make_key_and_csr(self, name):
        key, csr = self.desk / f"{name}.key", self.desk / f"{name}.csr"
        subprocess.run(["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-sha256", "-keyout", key, "-out", csr, "-utf8",
                        "-subj", f"/C=JP/ST=Tokyo/L=Chiyoda-ku/O=testkikan/CN={NAME}"], check=True, capture_output=True)
        lines = csr.read_text().splitlines()
        assert lines[0] == "-----BEGIN CERTIFICATE REQUEST-----"
        return "".join(lines[1:-1])

    def write_tsv(self, file, columns):
        """A file of one row, Shift_JIS; columns by number from 1."""
        path = self.desk / file
        path.write_bytes(("\t".join(columns.get(n, "") for n in range(1, 14)) + "\r\n").encode("cp932"))
        return path

    def request(self):
        return {1: DN, 2: "3", 7: self.csr, 8: "国立　太郎", 9: "情報基盤センター", 10: MANAGER, 11: NAME, 12: "apache2.4"}

    def upload(self, path, kind, **kw):
        answer = self.registrar.upload(path.read_bytes(), kind=kind, filename=path.name, **kw)
        assert answer.status_code == 202, answer.text
        return self.registrar.wait(answer.json()["id"])

    def wait_for_mail(self, to, subject, about):
        (mail,) = wait_for(lambda: [m for m in mails.to(self.instance, to, about) if m.subject == subject], subject)
        return mail

    def fetch(self, serial):
        """The manager's work between two steps of the registrar: the mail, the page, the certificate."""
        mail = self.wait_for_mail(MANAGER, "[UPKI] サーバ証明書発行受付通知", serial)
        assert self.instance.public.get(mail.link()).status_code == 200
        answer = self.instance.public.post(mail.link())
        assert answer.status_code == 200
        return x509.load_pem_x509_certificate(answer.content)

    def state(self, serial):
        return self.registrar.get(f"/api/v1/certificates/{serial}").json()["state"]

    def check_signed(self, mail):
        mails.verify(mail.raw, self.instance.env["INKAN_MAIL_CA"], self.desk)


@pytest.fixture(scope="module")
def story(scratch, tmp_path_factory):
    instance = Instance(scratch / "man").start()
    yield Story(instance, tmp_path_factory.mktemp("desk"))
    reports = instance.sanitizer_reports()
    instance.stop()
    assert not reports, "\n".join(reports[:20])


def dn_block(mail):
    """The lines between the two rules after 【…証明書DN】."""
    lines = mail.text.replace("\r", "").split("\n")
    start = next(i for i, line in enumerate(lines) if line.endswith("証明書DN】"))
    assert lines[start + 1].startswith("　-----") and lines[start + 7].startswith("　-----")
    return lines[start + 2:start + 7]


# ---- 1-1 サーバ証明書新規発行

def test_1_1_1_key_pair_and_csr_by_the_manager(story):
    """1-1-1. 利用管理者による鍵ペア・CSRの作成"""
    story.csr = story.make_key_and_csr("first")
    assert base64.b64decode(story.csr, validate=True)


def test_1_1_2_tsv_file_for_issuing_by_the_manager(story):
    """1-1-2. 利用管理者によるサーバ証明書新規発行申請TSVファイル作成"""
    story.tsv = story.write_tsv("issue.tsv", story.request())
    assert story.tsv.read_bytes().count(b"\t") == 12


def test_1_1_3_receipt_and_examination(story):
    """1-1-3. TSVファイルの受け取り及び審査: the registrar looks at the file before it is sent; nothing is registered by it."""
    found = story.upload(story.tsv, "server-issue", dry_run="true", confirmed="false")
    assert (found["state"], found["rows_ok"], found["rows_ng"]) == ("done", 1, 0)
    assert mails.to(story.instance, None, NAME) == []


def test_1_1_4_1_connecting(story):
    """手続き1: only with the registrar's certificate."""
    assert story.instance.public.get(story.instance.env["INKAN_URL"] + "/api/v1/uploads").status_code == 401
    assert story.registrar.get("/api/v1/uploads").status_code == 200


def test_1_1_4_4_one_bad_row_stops_all_or_itself(story):
    """手続き4: 全件処理を中断する, 入力値不備のないデータのみ登録する."""
    good = story.tsv.read_bytes()
    bad = story.write_tsv("bad.tsv", story.request() | {1: "CN=bad-" + DN[3:], 7: "", 11: "bad-" + NAME}).read_bytes()
    both = story.desk / "both.tsv"
    both.write_bytes(bad + good)
    stopped = story.upload(both, "server-issue", on_error="abort")
    assert stopped["state"] == "rejected" and [row["result"] for row in stopped["rows"]] == ["NG", "OK"]
    assert stopped["rows"][1]["serial"] is None
    tried = story.upload(both, "server-issue", on_error="skip", dry_run="true")
    assert [row["result"] for row in tried["rows"]] == ["NG", "OK"]


def test_1_1_4_5_review_items_must_be_confirmed(story):
    """手続き5: 審査項目 … [OK]."""
    answer = story.registrar.upload(story.tsv.read_bytes(), confirmed="false")
    assert answer.status_code == 400 and answer.json()["code"] == 965


SERVICE_DESK = "サービス窓口にお問い合わせください。"
MESSAGES = {
    "対象のドメインは許可されていないため発行できません。" + SERVICE_DESK: {"name": "www.shinsei-gakuen.ac.jp"},
    "機関の証明書発行有効期限が切れています。" + SERVICE_DESK: {"organisation": "Kigen University", "l": "Sakyo-ku", "st": "Kyoto",
                                                "name": "www.kigen.ac.jp"},
    "WHOISサーバへの接続に失敗しました。時間をおいて再度申請してください。再度申請しても接続に失敗するようでしたら、" + SERVICE_DESK:
        {"whois": "#reset"},
    "WHOISサーバに登録されている情報と一致しません。" + SERVICE_DESK:
        {"whois": lambda text: text.replace("申請大学", "学校法人申請学園 申請大学")},
    "主体者DNのLが登録された値と一致しません。": {"l": "Chiyoda"},
    "主体者DNのSTが登録された値と一致しません。": {"st": "tokyo"},
}


@pytest.mark.parametrize("message", MESSAGES)
def test_1_1_4_5_the_six_messages(story, message):
    """手続き5, the table エラーメッセージ・原因・対処方法, word for word."""
    case = {"name": NAME, "organisation": "testkikan", "l": "Chiyoda-ku", "st": "Tokyo", "whois": None, **MESSAGES[message]}
    registrar = story.registrar
    if case["organisation"] != "testkikan":
        env = story.instance.env
        registrar = Registrar(env, env["INKAN_REGISTRAR3_CERT"], env["INKAN_REGISTRAR3_KEY"])
    dn = f"CN={case['name']},O={case['organisation']},L={case['l']},ST={case['st']},C=JP"
    path = story.write_tsv("case.tsv", story.request() | {1: dn, 11: case["name"]})
    before = None
    if case["whois"]:
        before = story.instance.whois("example.ac.jp", None)
        text = case["whois"] if isinstance(case["whois"], str) else case["whois"](before.decode())
        story.instance.whois("example.ac.jp", text)
    try:
        answer = registrar.upload(path.read_bytes(), dry_run="true")
        (row,) = registrar.wait(answer.json()["id"])["rows"]
    finally:
        if before is not None:
            story.instance.whois("example.ac.jp", before)
    assert row["result"] == "NG" and message in [error["message"] for error in row["errors"]], row["errors"]


def test_1_1_4_6_upload(story):
    """手続き6: 発行・更新・失効申請完了画面."""
    found = story.upload(story.tsv, "server-issue")
    assert found["state"] == "done" and found["rows"][0]["result"] == "OK"
    story.old = found["rows"][0]["serial"]


def test_1_1_4_7_errors_name_row_column_and_reason(story):
    """手続き7: SEQ, 処理結果, エラー内容 241:1,主体者DN,主体者DNの機関名が申請者の所属機関名ではありません。"""
    path = story.write_tsv("other.tsv", story.request() | {1: DN.replace("testkikan", "Other University")})
    (row,) = story.upload(path, "server-issue")["rows"]
    error = next(e for e in row["errors"] if e["code"] == 241)
    assert (row["seq"], row["result"], error["column"], error["item"]) == (1, "NG", 1, "主体者DN")
    assert error["message"].startswith("主体者DNの機関名が申請者の所属機関名ではありません。")


def test_1_1_the_manager_fetches_the_certificate(story):
    """【利用管理者作業】 between 4 and 5: the mail, the address, the download."""
    certificate = story.fetch(story.old)
    assert str(certificate.serial_number) == story.old


def test_1_1_5_notice_of_the_download(story):
    """1-1-5. ダウンロード完了通知メール受信"""
    mail = story.wait_for_mail(REGISTRAR, "サーバ証明書取得通知", story.old)
    story.check_signed(mail)
    assert "貴機関利用管理者の方がサーバ用証明書の取得を完了致しましたので、" in mail.text
    assert dn_block(mail) == DN_LINES
    assert f"【対象証明書シリアル番号】\n　{story.old}" in mail.text.replace("\r", "")


# ---- 1-2 サーバ証明書更新発行

def test_1_2_1_key_pair_and_csr_by_the_manager(story):
    """1-2-1. 利用管理者による鍵ペア・CSRの作成: a new pair; the old one is refused."""
    path = story.write_tsv("same.tsv", story.request() | {4: story.old})
    (row,) = story.upload(path, "server-renew", dry_run="true")["rows"]
    assert [e["code"] for e in row["errors"]] == [918]
    story.csr = story.make_key_and_csr("second")


def test_1_2_2_tsv_file_for_renewing_by_the_manager(story):
    """1-2-2. 利用管理者によるサーバ証明書更新申請TSVファイル作成: with 失効対象証明書シリアル番号."""
    story.tsv = story.write_tsv("renew.tsv", story.request() | {4: story.old})


def test_1_2_3_receipt_and_examination(story):
    """1-2-3. TSVファイルの受け取り及び審査: the serial number is looked up as 1-4 says."""
    assert story.tsv.read_bytes().decode("cp932").split("\t")[3] == server_all(story)[-1]["発行・更新申請-シリアル番号"]


def test_1_2_4_upload(story):
    """1-2-4. サーバ証明書更新申請TSVファイルのアップロード: [サーバ証明書 更新]."""
    found = story.upload(story.tsv, "server-renew")
    assert found["state"] == "done" and found["rows"][0]["result"] == "OK"
    story.new = found["rows"][0]["serial"]
    assert story.new != story.old


def test_1_2_5_notice_of_the_download(story):
    """1-2-5. ダウンロード完了通知メール受信: the old certificate's revocation TSV is attached."""
    story.fetch(story.new)
    mail = story.wait_for_mail(REGISTRAR, "[UPKI] Webサーバ用証明書更新通知", story.new)
    story.check_signed(mail)
    assert dn_block(mail) == DN_LINES
    text = mail.text.replace("\r", "")
    assert f"【新証明書シリアル番号】\n　{story.new}\n【旧証明書のシリアル番号】\n　{story.old}\n" in text
    assert "登録担当者は、利用管理者から更新証明書への置き換え完了の報告を受けた後に、" in text
    (part,) = [p for p in mail.message.walk() if p.get_content_type() == "text/tab-separated-values"]
    assert part.get_filename() == f"{story.old}-{NAME}.tsv"
    story.attached = story.desk / part.get_filename()
    story.attached.write_bytes(part.get_payload(decode=True))
    columns = story.attached.read_bytes().decode("cp932").split("\t")
    assert (columns[0], columns[3]) == (DN, story.old)


def test_1_2_6_the_new_certificate_is_in_use(story):
    """1-2-6. 新サーバ証明書への置き換え完了通知: until then the new one is 新証明書への置き換え待ち and the old one stays valid."""
    wait_for(lambda: story.state(story.new) == 8, "状態 8")
    assert story.state(story.old) == 5


def test_1_2_9_reminder_after_two_weeks(story):
    """1-2-9. 旧証明書失効依頼再通知について: the old one is still valid two weeks later; once, nothing attached."""
    instance, subject = story.instance, "[UPKI] Webサーバ用証明書失効依頼再通知"
    clock = "CREATE OR REPLACE FUNCTION inkan_now() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT now() + interval '{}' $$"

    def look():
        """The mailer's next look at what is due, a moment from now instead of half a minute."""
        instance.make_due("remind")
        return [m for m in mails.to(instance, REGISTRAR, story.new) if m.subject == subject]

    try:
        instance.query(clock.format("13 days 23 hours 55 minutes"))
        look()
        wait_for(lambda: instance.value("SELECT due > now() FROM job WHERE stage = 'remind'"), "a look")
        assert look() == []
        instance.query(clock.format("14 days 1 minute"))
        (mail,) = wait_for(look, "the reminder")
    finally:
        instance.query(clock.format("0"))
    story.check_signed(mail)
    assert dn_block(mail) == DN_LINES and story.old in mail.text
    assert not [p for p in mail.message.walk() if p.get_content_type() == "text/tab-separated-values"]
    assert "本メールにはTSVファイルは添付されておりません。" in mail.text
    assert len(look()) == 1


def test_1_2_7_upload_of_the_attached_file(story):
    """1-2-7. 旧サーバ証明書失効TSVファイルのアップロード: as it came."""
    found = story.upload(story.attached, "server-revoke")
    assert found["state"] == "done" and found["rows"][0]["result"] == "OK"


def test_1_2_8_notice_of_the_revocation(story):
    """1-2-8. 旧サーバ証明書失効完了通知メール受信: to registrar and manager."""
    for address in (REGISTRAR, MANAGER):
        mail = story.wait_for_mail(address, "サーバ証明書失効完了通知", story.old)
        story.check_signed(mail)
        text = mail.text.replace("\r", "")
        assert "下記サーバ証明書の失効が完了致しましたので、" in text
        assert dn_block(mail) == DN_LINES and f"【失効証明書シリアル番号】\n　{story.old}\n【失効理由】\n" in text
    wait_for(lambda: (story.state(story.old), story.state(story.new)) == (7, 6), "状態 7 and 6")


# ---- 1-3 サーバ証明書失効

def test_1_3_1_tsv_file_for_revoking_by_the_manager(story):
    """1-3-1. 利用管理者によるサーバ証明書失効TSVファイルの作成"""
    story.tsv = story.write_tsv("revoke.tsv", {1: DN, 4: story.new, 5: "0", 6: "サーバの廃止"})


def test_1_3_2_receipt_and_examination(story):
    """1-3-2. TSVファイルの受け取り及び審査"""
    found = story.upload(story.tsv, "server-revoke", dry_run="true", confirmed="false")
    assert (found["state"], found["rows_ok"]) == ("done", 1)
    assert story.state(story.new) == 6  # as before


def test_1_3_3_upload(story):
    """1-3-3. サーバ証明書失効申請TSVファイルのアップロード: [サーバ証明書 失効]."""
    found = story.upload(story.tsv, "server-revoke")
    assert found["state"] == "done" and found["rows"][0]["result"] == "OK"


def test_1_3_4_notice_of_the_revocation(story):
    """1-3-4. サーバ証明書失効完了メール受信: 【失効理由】その他."""
    for address in (REGISTRAR, MANAGER):
        mail = story.wait_for_mail(address, "サーバ証明書失効完了通知", story.new)
        story.check_signed(mail)
        assert dn_block(mail) == DN_LINES and "【失効理由】\n　その他" in mail.text.replace("\r", "")


# ---- 1-4 サーバ証明書情報取得

def server_all(story):
    """The rows of 証明書情報一括ダウンロード about our server, by heading."""
    answer = story.registrar.get("/api/v1/certificates.tsv")
    assert answer.status_code == 200 and 'filename="serverAll.tsv"' in answer.headers["Content-Disposition"]
    heading, *rows = [line.split("\t") for line in answer.content.decode("cp932").split("\r\n")[:-1]]
    found = [dict(zip(heading, row)) for row in rows]
    return [row for row in found if row["利用管理者FQDN"] == NAME]


def test_1_4_1_history_and_states(story):
    """1-4-1, 主な利用用途 1: 過去に申請したサーバ証明書発行・失効・更新履歴や処理状況."""
    wait_for(lambda: [row["状態"] for row in server_all(story)] == ["7", "7"], "状態 of both")
    first, second = server_all(story)
    assert (first["申請種別"], second["申請種別"], second["旧証明書シリアル番号"]) == ("1", "2", story.old)


def test_1_4_1_serial_numbers(story):
    """主な利用用途 2: 旧サーバ証明書のシリアル番号."""
    assert [row["発行・更新申請-シリアル番号"] for row in server_all(story)] == [story.old, story.new]


def test_1_4_1_csrs_and_certificates(story):
    """主な利用用途 3: 過去に申請したCSR一式、あるいは過去に発行されたサーバ証明書一式."""
    for row, serial in zip(server_all(story), (story.old, story.new)):
        certificate = x509.load_der_x509_certificate(base64.b64decode(row["発行・更新申請-証明書"]))
        assert str(certificate.serial_number) == serial
    assert server_all(story)[1]["CSR"] == story.csr


def test_1_4_1_managers(story):
    """主な利用用途 4: 各サーバ証明書の利用管理者情報."""
    for row in server_all(story):
        assert (row["利用管理者氏名"], row["利用管理者所属"], row["利用管理者mail"], row["利用管理者FQDN"]) == (
            "国立　太郎", "情報基盤センター", MANAGER, NAME)
