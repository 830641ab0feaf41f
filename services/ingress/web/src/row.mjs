// A row and what can be said about it here: services/validator/row.c without what only the service knows (its register,
// the certificates, earlier keys).
import { columnOf, checkColumn, isRequest } from "./columns.mjs";
import declared from "declared.json";
import { ATTRIBUTES, dnDifference, dnValue, parseDn } from "./dn.mjs";
import { hostReason, isMail, lengthWith, parseNames } from "./names.mjs";
import { problem } from "./words.mjs";

const CN_MAX = 64;
const SERIAL_BITS_MAX = 128;

// What the checks of a row share: its format, the policy, the texts of its fields, what is wrong.
class Reading {
  constructor(format, cells, policy) {
    this.format = format;
    this.cells = cells;
    this.policy = policy;
    this.found = [];
    this.readable = format.columns.map((_, i) => {
      const checked = checkColumn(format, i + 1, cells[i] ?? "");
      this.found.push(...checked.found);
      return checked.readable;
    });
  }

  column(field) {
    return columnOf(this.format, field);
  }

  // "" where it is empty or cannot be read.
  text(field) {
    const column = this.column(field);
    return column && this.readable[column - 1] ? (this.cells[column - 1] ?? "") : "";
  }

  add(error, field, ...args) {
    const column = this.column(field);
    this.found.push(problem(error, column, this.format.columns[column - 1].item.ja, ...args));
  }
}

function checkHost(row, name, field) {
  const reason = hostReason(name);
  if (reason) row.add("NAME_FORMAT", field, name, reason);
  return reason === "";
}

function checkDn(row) {
  const column = row.column("DN");
  const elements = parseDn(row.cells[column - 1] ?? "");
  if (elements.length === 0) return elements;
  const difference = dnDifference(elements, row.policy);
  if (difference) row.add("DN_FORMAT", "DN", difference);
  const country = dnValue(elements, "C");
  if (country !== undefined && country !== "JP") row.found.push(problem("COUNTRY", column, country));
  const cn = dnValue(elements, "CN");
  // CN and FQDN are one name in two columns, and one error is enough.
  const field = row.text("FQDN") === cn ? "FQDN" : "DN";
  if (cn && checkHost(row, cn, field) && cn.length > CN_MAX)
    row.add("NAME_FORMAT", field, cn, `${cn.length} > ${CN_MAX}`);
  return elements;
}

function checkProfile(row) {
  const id = row.text("PROFILE");
  const profile = row.policy.profiles.find((p) => p.id === id);
  if (id && !profile) row.add("PROFILE_UNKNOWN", "PROFILE", id, row.policy.profiles.map((p) => p.id).join(", "));
  return profile;
}

// As services/validator/csr_subject.c says it.
function subjectDifference(subject, elements) {
  const left = [...subject];
  const said = [];
  const quoted = (entry) => (entry ? `"${entry.value}"` : "-");
  for (const { name, value } of elements.filter((e) => ATTRIBUTES.includes(e.name))) {
    const same = left.filter((entry) => entry.name === name);
    const entry = same.find((e) => e.value === value) ?? same[0];
    if (entry?.value !== value) said.push(`${name}: ${quoted(entry)} ≠ "${value}"`);
    if (entry) left.splice(left.indexOf(entry), 1);
  }
  return [...said, ...left.map((entry) => `${entry.name}: ${quoted(entry)} ≠ -`)].join(", ");
}

function checkCsr(row, elements, profile, csr) {
  if (!row.text("CSR") || !csr) return;
  if (csr.broken) {
    row.add("CSR_FORMAT", "CSR", csr.broken);
    return;
  }
  if (profile && csr.key !== profile.key) row.add("CSR_KEY", "CSR", csr.keyLabel, profile.label);
  if (!csr.verified) row.add("CSR_SIGNATURE", "CSR");
  const difference = elements.length > 0 ? subjectDifference(csr.subject, elements) : "";
  if (difference) row.add("CSR_SUBJECT", "CSR", difference);
}

function checkFqdn(row, cn) {
  const fqdn = row.text("FQDN");
  if (!fqdn || fqdn === cn) return;
  checkHost(row, fqdn, "FQDN");
  if (cn !== undefined) row.add("FQDN_NOT_CN", "FQDN", fqdn, cn);
}

function checkNames(row, cn) {
  const column = row.column("DNSNAMES");
  const { max } = row.format.columns[column - 1];
  const text = row.text("DNSNAMES");
  if (!text || text.length > max) return;
  const { names, formWrong } = parseNames(text);
  const good = names.filter((name) => checkHost(row, name, "DNSNAMES")).map((name) => name.toLowerCase());
  const seen = new Set();
  for (const name of good) {
    if (seen.has(name)) row.add("DNSNAME_DOUBLE", "DNSNAMES", name);
    seen.add(name);
  }
  if (formWrong) row.add("DNSNAME_FORM", "DNSNAMES");
  if (names.length > row.policy.namesMax)
    row.add("DNSNAME_COUNT", "DNSNAMES", row.policy.namesMax, names.length);
  const known = cn && hostReason(cn) === "" && cn.length <= CN_MAX ? cn.toLowerCase() : "";
  if (lengthWith(text, good, known) > max) row.add("TOO_LONG", "DNSNAMES", max);
}

// As text_parse_serial(): decimal, or hexadecimal with 0x, of at most 128 bits. null when it is none.
export function parseSerial(text) {
  if (!/^(0[xX][0-9A-Fa-f]{1,50}|[0-9]{1,50})$/.test(text)) return null;
  const number = BigInt(text);
  return number < 1n << BigInt(SERIAL_BITS_MAX) ? number : null;
}

function checkTarget(row) {
  const serial = row.text("SERIAL");
  if (serial && parseSerial(serial) === null) row.add("SERIAL_FORMAT", "SERIAL", serial);
  const reason = row.text("REASON");
  const codes = declared.reasons.map((r) => r.code);
  if (reason && !codes.includes(reason)) row.add("REASON_UNKNOWN", "REASON", reason, codes.join(", "));
}

// csr: what readCsr() found in the row's CSR, undefined while it is not known. The problems in the order of columns.
export function checkRow(format, cells, policy, csr) {
  const row = new Reading(format, cells, policy);
  const { length } = format.columns;
  if (cells.length > length) row.found.push(problem("COLUMN_COUNT", 0, cells.length, length));
  if (format.deed !== "ISSUE") checkTarget(row);
  let cn;
  if (isRequest(format)) {
    const elements = checkDn(row);
    cn = dnValue(elements, "CN");
    checkCsr(row, elements, checkProfile(row), csr);
    checkFqdn(row, cn);
    checkNames(row, cn);
  } else if (format.deed === "MANAGER") {
    checkFqdn(row, dnValue(parseDn(row.text("DN")), "CN"));
  }
  const mail = row.text("MANAGER_MAIL");
  if (mail && !isMail(mail)) row.add("MAIL_FORMAT", "MANAGER_MAIL", mail);
  return row.found.sort((a, b) => a.column - b.column);
}
