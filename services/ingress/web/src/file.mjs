// A whole file: read, written, and checked across its rows.
import { columnOf, formats, formatOf, isRequest } from "./columns.mjs";
import { decode, encode } from "./cp932.mjs";
import { dnValue, parseDn } from "./dn.mjs";
import { checkRow, parseSerial } from "./row.mjs";
import { problem } from "./words.mjs";

const COLUMNS_OF_LISTS = 46; // serverAll.tsv, manual 5-7-1

// [[text, …], …]; blank lines are left out.
export function readTsv(bytes) {
  return decode(bytes)
    .split(/\r\n|\n/)
    .filter((line) => line !== "")
    .map((line) => line.split("\t"));
}

export const isList = (lines) => lines.length > 0 && lines[0].length >= COLUMNS_OF_LISTS;

// As many columns as the format has: what is missing is empty, and empty ones too many are dropped.
export function fitCells(cells, length) {
  const fitted = [...cells];
  while (fitted.length < length) fitted.push("");
  while (fitted.length > length && fitted.at(-1) === "") fitted.pop();
  return fitted;
}

// How well a row fits a kind: the part of the required columns that it has, nothing where one that must be empty is filled.
function fit(format, line) {
  const filled = (i) => (line[i] ?? "") !== "";
  if (format.columns.some(({ field }, i) => field === "RESERVED" && filled(i))) return 0;
  const required = format.columns.map((column, i) => ({ column, i })).filter(({ column }) => column.required);
  return required.filter(({ i }) => filled(i)).length / required.length;
}

// The kind of file that the rows fit best; the given one where none is better.
export function guessKind(lines, given) {
  const sum = (kind) => lines.reduce((total, line) => total + fit(formatOf(kind), line), 0);
  return formats.map((format) => format.kind).reduce((best, kind) => (sum(kind) > sum(best) ? kind : best), given);
}

// null where a character cannot be written.
export const writeTsv = (rows) => encode(rows.map((cells) => `${cells.join("\t")}\r\n`).join(""));

// The same field's text in another format.
export function convertCells(cells, from, to) {
  const next = formatOf(to).columns.map(() => "");
  formatOf(from).columns.forEach(({ field }, i) => {
    const column = field === "RESERVED" ? 0 : columnOf(formatOf(to), field);
    if (column) next[column - 1] = cells[i] ?? "";
  });
  return next;
}

// 925, 926, 936: each row is told of the first other one with its key, as common/store/decide_doubles.c does.
function addDoubles(found, rows, format, error, field, keyOf) {
  const groups = new Map();
  rows.forEach((row, i) => {
    const key = keyOf(row);
    if (key) groups.set(key, [...(groups.get(key) ?? []), i]);
  });
  for (const [first, second, ...others] of groups.values()) {
    if (second === undefined) continue;
    const add = (row, other) => found[row].push(problem(error, columnOf(format, field), other + 1));
    add(first, second);
    for (const row of [second, ...others]) add(row, first);
  }
}

// rows: [{cells, csr}]. A list of problems for each.
export function checkRows(kind, rows, policy) {
  const format = formatOf(kind);
  const found = rows.map(({ cells, csr }) => checkRow(format, cells, policy, csr));
  const text = (cells, field) => cells[columnOf(format, field) - 1] ?? "";
  if (isRequest(format)) {
    addDoubles(found, rows, format, "DOUBLE_DN", "DN", ({ cells }) =>
      dnValue(parseDn(text(cells, "DN")), "CN")?.toLowerCase(),
    );
    addDoubles(found, rows, format, "DOUBLE_KEY", "CSR", ({ csr }) => csr?.spki);
  }
  if (format.deed !== "ISSUE")
    addDoubles(found, rows, format, "DOUBLE_SERIAL", "SERIAL", ({ cells }) => parseSerial(text(cells, "SERIAL")));
  return found;
}
