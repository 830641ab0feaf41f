// One column by its rule in proto/tsv.def: what services/validator/columns.c checks.
import declared from "declared.json";
import { codeOf, kindOf } from "./cp932.mjs";
import { problem } from "./words.mjs";

export const formats = declared.formats;
export const formatOf = (kind) => formats.find((format) => format.kind === kind);
export const isRequest = (format) => format.deed === "ISSUE" || format.deed === "RENEW";
// From 1; 0: the format has no such field.
export const columnOf = (format, field) => format.columns.findIndex((column) => column.field === field) + 1;

function isAllowed(rule, character) {
  const kind = kindOf(codeOf(character));
  return kind === "FULL" ? rule.full : kind === "ASCII" && rule.half.includes(character);
}

function shown(character) {
  const point = character.codePointAt(0);
  const number = `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
  return point <= 0x20 || point === 0x7f ? number : `${character} ${number}`;
}

export function checkColumn(format, column, text) {
  const { item, required, class: name, max } = format.columns[column - 1];
  const characters = [...text];
  const found = [];
  const wrong = name === "EMPTY" ? undefined : characters.find((c) => !isAllowed(declared.classes[name], c));
  if (wrong !== undefined)
    found.push(problem(name === "DIGITS" ? "NOT_DIGITS" : "BAD_CHARACTER", column, item.ja, shown(wrong)));
  if (required && characters.length === 0) found.push(problem("REQUIRED", column, item.ja));
  if (max && characters.length > max) found.push(problem("TOO_LONG", column, item.ja, max));
  if (name === "EMPTY" && characters.length > 0) found.push(problem("RESERVED_COLUMN", column, column));
  return { readable: wrong === undefined, found };
}
