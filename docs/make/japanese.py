"""The tables of the Japanese manual, from proto/."""
from make import markdown, sources

NOTE = "<!-- {} から docs/generate が作成します。変更は元のファイルで行ってください。 -->\n\n"
CLASSES = {"HALF": "半角", "FULL_HALF": "全角・半角", "DIGITS": "半角数字", "BASE64": "Base64", "EMPTY": "空欄"}


def errors():
    lines = [(code, ja.replace("{}", "…"), remedy.replace("{}", "…")) for _, code, ja, _, remedy, _ in markdown.error_rows()]
    return ("# エラー一覧\n\n" + NOTE.format("proto/errors.def") + "「…」には、項目名や入力された値が入ります。\n\n" +
            markdown.table(("コード", "メッセージ", "対処方法"), lines))


def files():
    text = ("# 申請ファイルの形式\n\n" + NOTE.format("proto/tsv.def と proto/reasons.def") +
            "1行に1件の申請を記載します。項目はタブで区切ります。文字コードは Shift_JIS (CP932)、拡張子は .tsv または .txt です。\n")
    for row in sources.rows("proto/tsv.def", {"FORMAT": (("s", "k", "d", "ja", "en"), (1, 0, 1, 0, 0)),
                                              "COLUMN": (("f", "ja", "en", "n", "c", "m"), (1, 0, 0, 1, 1, 0)),
                                              "END": (("s",), (1,))}, headers=["proto/tsv.h"]):
        if row[0] == "FORMAT":
            text += f"\n## {row[4]}\n\n"
            lines = []
        elif row[0] == "COLUMN":
            _, _, item, _, need, characters, most = row
            lines.append((len(lines) + 1, item, "必須" if need == "REQUIRED" else "-", CLASSES[characters], most or "-"))
        else:
            text += markdown.table(("列", "項目名", "必須", "文字", "最大文字数"), lines)
    reasons = [(code, ja) for macro, code, ja, _ in
               sources.rows("proto/reasons.def", {"REASON": (("c", "ja", "en"), (0, 0, 0)), "REASON_OPERATOR": (("c", "ja", "en"), (0, 0, 0))})
               if macro == "REASON"]
    return text + "\n## 失効理由\n\n" + markdown.table(("番号", "失効理由"), reasons)


def made():
    """Path under docs/ → text."""
    return {"ja/errors.md": errors(), "ja/files.md": files()}
