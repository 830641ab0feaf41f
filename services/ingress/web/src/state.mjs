// What the page holds: the kind of file, its rows, and what is wrong with them.
import { columnOf, formatOf, isRequest } from "./columns.mjs";
import { dnValue, formatDn, parseDn } from "./dn.mjs";
import { checkRows, convertCells } from "./file.mjs";
import { formatNames } from "./names.mjs";
import { readCsr } from "./x509.mjs";

export class State {
  constructor(policy) {
    this.policy = policy;
    this.kind = "server-issue";
    this.rows = []; // {cells, csr, csrText, privateKey, keySaved}
    this.common = {}; // field: text, for every new row
  }

  get format() {
    return formatOf(this.kind);
  }

  text(row, field) {
    return row.cells[columnOf(this.format, field) - 1] ?? "";
  }

  // A field that the format does not have is passed over.
  set(row, field, text) {
    const column = columnOf(this.format, field);
    if (column) row.cells[column - 1] = text;
  }

  changeKind(kind) {
    for (const row of this.rows) row.cells = convertCells(row.cells, this.kind, kind);
    this.kind = kind;
  }

  newRow() {
    const row = { cells: this.format.columns.map(() => "") };
    for (const [field, text] of Object.entries(this.common)) this.set(row, field, text);
    this.rows.push(row);
    return row;
  }

  setCommon() {
    for (const row of this.rows)
      for (const [field, text] of Object.entries(this.common)) if (text) this.set(row, field, text);
  }

  cn(row) {
    return dnValue(parseDn(this.text(row, "DN")), "CN")?.toLowerCase();
  }

  // The row of this name that still lacks the field, or a new one.
  #rowFor(cn, field) {
    const waiting = this.rows.find((row) => cn && this.cn(row) === cn.toLowerCase() && !this.text(row, field));
    return waiting ?? this.newRow();
  }

  #fill(row, { subject, names, key }) {
    const cn = subject.find((element) => element.name === "CN")?.value ?? "";
    const fill = (field, text) => {
      if (!this.text(row, field)) this.set(row, field, text);
    };
    fill("DN", formatDn(subject));
    fill("PROFILE", this.policy.profiles.find((profile) => profile.key === key)?.id ?? "");
    if (isRequest(this.format)) fill("FQDN", cn);
    fill("DNSNAMES", formatNames(names, cn));
  }

  // block: of readBlock(). Whether it is of use for this kind of file.
  add(block) {
    const cn = block.subject.find((element) => element.name === "CN")?.value;
    const field = block.kind === "csr" ? "CSR" : "SERIAL";
    const wanted = block.kind === "csr" ? isRequest(this.format) : this.kind !== "server-issue";
    if (!wanted && block.kind === "csr") return null;
    const row = wanted ? this.#rowFor(cn, field) : this.newRow();
    if (block.kind === "csr") {
      this.set(row, "CSR", block.base64);
      row.csr = block;
      row.csrText = block.base64;
    } else {
      this.set(row, "SERIAL", block.serial);
    }
    this.#fill(row, block);
    return row;
  }

  // Reads CSRs that are new, and fills what is empty from them.
  async readCsrs() {
    for (const row of this.rows) {
      const text = this.text(row, "CSR");
      if (row.csrText === text) continue;
      row.csrText = text;
      row.csr = text ? await readCsr(text) : undefined;
      if (row.csr && !row.csr.broken) this.#fill(row, row.csr);
    }
  }

  problems() {
    return checkRows(this.kind, this.rows, this.policy);
  }
}
