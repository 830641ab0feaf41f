// The pages' modules that need no browser. What they say of rows is held against the service's verdicts in tests/browser/test_tool.py.
import assert from "node:assert/strict";
import test from "node:test";
import { checkColumn, formatOf } from "../../services/ingress/web/src/columns.mjs";
import { codeOf, decode, encode, kindOf } from "../../services/ingress/web/src/cp932.mjs";
import { dnDifference, formatDn, parseDn } from "../../services/ingress/web/src/dn.mjs";
import { checkRows, convertCells, fitCells, guessKind, isList, readTsv, writeTsv } from "../../services/ingress/web/src/file.mjs";
import { formatNames, hostReason, isMail, parseNames } from "../../services/ingress/web/src/names.mjs";
import { fromBase64, readFile, readPem, toBase64, toPem } from "../../services/ingress/web/src/pem.mjs";
import { parseSerial } from "../../services/ingress/web/src/row.mjs";
import { problem, problemCell, problemWords, useLanguage } from "../../services/ingress/web/src/words.mjs";

const policy = { profiles: [{ id: "11", key: "ec:secp384r1", label: "P-384" }], namesMax: 8, ou: "refuse", locality: true, stateOrProvince: true };

// Signs that several keyboards write for one character of Shift_JIS.
const ALIASES = new Map([["〜", "～"], ["−", "－"], ["‖", "∥"], ["¢", "￠"], ["£", "￡"], ["¬", "￢"], ["—", "―"], ["¦", "￤"]]);

test("CP932 gives back every character that it takes", () => {
  let full = 0;
  for (let point = 0x80; point < 0x10000; point++) {
    if (point >= 0xd800 && point < 0xe000) continue;
    const character = String.fromCharCode(point);
    if (codeOf(character) === null) continue;
    assert.equal(decode(encode(character)), ALIASES.get(character) ?? character, point.toString(16));
    full += kindOf(codeOf(character)) === "FULL";
  }
  assert.ok(full >= 6879, `JIS X 0208 has 6879 characters, found ${full}`);
});

test("CP932 knows what a TSV file may not hold", () => {
  assert.equal(kindOf(codeOf("髙")), "OTHER");
  assert.equal(kindOf(codeOf("①")), "OTHER");
  assert.equal(kindOf(codeOf("ｱ")), "OTHER");
  assert.equal(kindOf(codeOf("\u{1F600}")), "NONE");
  assert.equal(encode("a\u{1F600}"), null);
  assert.deepEqual([...encode("国A")], [0x8d, 0x91, 0x41]);
});

test("columns are checked by the rules of proto/tsv.def", () => {
  const issue = formatOf("server-issue");
  const errors = (column, text) => checkColumn(issue, column, text).found.map((p) => [p.error, ...p.args]);
  assert.deepEqual(errors(2, ""), [["REQUIRED", "証明書プロファイルID"]]);
  assert.deepEqual(errors(2, "x1"), [["NOT_DIGITS", "証明書プロファイルID", "x U+0078"]]);
  assert.deepEqual(errors(3, "x"), [["RESERVED_COLUMN", "3"]]);
  assert.deepEqual(errors(8, "あ".repeat(65)), [["TOO_LONG", "利用管理者氏名", "64"]]);
  assert.deepEqual(errors(8, "あ".repeat(64)), []);
  assert.deepEqual(errors(7, "a b"), [["BAD_CHARACTER", "CSR", "U+0020"]]);
});

test("errors are worded as the service words them", () => {
  const issue = formatOf("server-issue");
  const profile = problem("PROFILE_UNKNOWN", 2, "証明書プロファイルID", "7", "3, 11");
  assert.equal(problemCell(profile, issue), "913:2,証明書プロファイルID,証明書プロファイルIDの値「7」は使用できません。");
  useLanguage("en");
  assert.deepEqual(problemWords(profile, issue),
    { code: 913, message: 'Certificate profile ID "7" is not available.', remedy: "Available: 3, 11" });
  useLanguage("ja");
  assert.equal(problemWords(profile, issue).remedy, "使用できる値: 3, 11");
});

test("DNs are read, written and compared with the form of the policy", () => {
  const dn = "CN=www.example.ac.jp,O=a, b,L=Chiyoda-ku,ST=Tokyo,C=JP";
  assert.equal(formatDn(parseDn(dn).reverse()), dn);
  assert.equal(dnDifference(parseDn(dn), policy), "");
  assert.equal(dnDifference(parseDn("CN=a,OU=b,O=c,L=d,ST=e,C=JP"), policy), "CN,OU,O,L,ST,C");
  assert.equal(dnDifference(parseDn("CN=a,OU=b,OU=b,O=c,L=d,ST=e,C=JP"), { ...policy, ou: "listed" }), "");
  assert.equal(dnDifference(parseDn("CN=a,O=c,C=JP"), { ...policy, locality: false, stateOrProvince: false }), "");
  assert.equal(dnDifference(parseDn("CN=a,O=,L=d,ST=e=f,C=JP"), policy), "CN,O=,L,ST,C; ST=e=f");
});

test("names", () => {
  assert.equal(hostReason("www.example.ac.jp"), "");
  assert.equal(hostReason("www"), "FQDN");
  assert.equal(hostReason("192.0.2.1"), "IP");
  assert.equal(hostReason("a_b.example.ac.jp"), "_ U+005F");
  assert.ok(isMail("kanri@example.ac.jp") && !isMail("a..b@example.ac.jp") && !isMail("@example.ac.jp") && !isMail("kanri"));
  assert.equal(formatNames(["WWW.example.ac.jp", "b.example.ac.jp", "b.example.ac.jp"], "www.example.ac.jp"), "dNSName=b.example.ac.jp");
  assert.deepEqual(parseNames("dNSName=a,b"), { names: ["a"], formWrong: true });
});

test("serial numbers", () => {
  assert.equal(parseSerial("0x1F"), 31n);
  assert.equal(parseSerial("31"), 31n);
  for (const wrong of ["", "1F", "0x", "-1", (1n << 128n).toString(), "1".repeat(51)]) assert.equal(parseSerial(wrong), null, wrong);
});

test("files are written as they were read", () => {
  const rows = [["CN=a", "3", "国立　太郎"], ["b", "", ""]];
  const bytes = writeTsv(rows);
  assert.deepEqual(readTsv(bytes), rows);
  assert.deepEqual([...bytes.slice(-2)], [13, 10]);
  assert.ok(isList([Array(46).fill("")]) && !isList([Array(13).fill("")]));
  assert.deepEqual(fitCells(["a"], 3), ["a", "", ""]);
  assert.deepEqual(fitCells(["a", "b", "", ""], 2), ["a", "b"]);
});

test("the kind of a file is seen in its rows, and fields go with a change of kind", () => {
  const line = (filled) => formatOf("server-issue").columns.map((_, i) => filled[i + 1] ?? "");
  assert.equal(guessKind([line({ 1: "d", 2: "3", 7: "csr" })], "server-revoke"), "server-issue");
  assert.equal(guessKind([line({ 1: "d", 2: "3", 4: "1", 7: "csr" })], "server-issue"), "server-renew");
  assert.equal(guessKind([line({ 1: "d", 4: "1", 5: "0" })], "server-issue"), "server-revoke");
  assert.equal(guessKind([line({ 1: "d", 4: "1", 10: "m" })], "server-issue"), "manager-update");
  assert.equal(guessKind([line({ 1: "d", 2: "3", 4: "1", 10: "m", 11: "f", 12: "s" })], "server-issue"), "server-renew", "its CSR is still to come");
  assert.equal(guessKind([line({})], "server-revoke"), "server-revoke");
  assert.deepEqual(convertCells(line({ 1: "d", 2: "3", 4: "1", 10: "m" }), "server-renew", "server-revoke"), line({ 1: "d", 4: "1", 10: "m" }));
});

test("rows of one file are held against each other", () => {
  const dn = "CN=www.example.ac.jp,O=o,L=l,ST=s,C=JP";
  const rows = [1, 2, 3].map(() => ({ cells: [dn, "", "", "9", "0"], csr: undefined }));
  const doubles = checkRows("server-revoke", rows, policy).map((found) => found.filter((p) => p.error === "DOUBLE_SERIAL").map((p) => p.args[0]));
  assert.deepEqual(doubles, [["2"], ["1"], ["1"]]);
});

test("PEM, base64 and DER", () => {
  const der = Uint8Array.from({ length: 100 }, (_, i) => i + 0x30);
  const pem = toPem("CERTIFICATE", toBase64(der));
  assert.deepEqual(readPem(`text\r\n${pem}${pem}`), [{ label: "CERTIFICATE", der }, { label: "CERTIFICATE", der }]);
  assert.deepEqual(readPem(toBase64(der)), [{ label: "", der }]);
  assert.deepEqual(readFile(der), [{ label: "", der }]);
  assert.deepEqual(readPem("no base64 at all!"), []);
  assert.equal(fromBase64("abc"), null);
  assert.equal(Math.max(...pem.split("\n").map((line) => line.length)), 64);
});
