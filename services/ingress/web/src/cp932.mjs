// Shift_JIS as the service reads it (CP932).
import Encoding from "encoding-japanese";
import declared from "declared.json";

const codes = new Map();

function find(character) {
  const point = character.codePointAt(0);
  if (point < 0x80) return point;
  try {
    const bytes = Encoding.convert([...character].flatMap((c) => c.split("").map((u) => u.charCodeAt(0))), {
      to: "SJIS",
      from: "UNICODE",
      fallback: "error",
    });
    if (bytes.length === 1 && bytes[0] > 0xa0) return bytes[0];
    return bytes.length === 2 ? (bytes[0] << 8) | bytes[1] : null;
  } catch {
    return null;
  }
}

// The code of a character: one byte, or two as a number; null where CP932 has none.
export function codeOf(character) {
  if (!codes.has(character)) codes.set(character, find(character));
  return codes.get(character);
}

export function kindOf(code) {
  if (code === null) return "NONE";
  if (code < 0x80) return code < 0x20 || code === 0x7f ? "CONTROL" : "ASCII";
  return declared.full.some(([first, last]) => code >= first && code <= last) ? "FULL" : "OTHER";
}

// null where a character has no code.
export function encode(text) {
  const bytes = [];
  for (const character of text) {
    const code = codeOf(character);
    if (code === null) return null;
    if (code > 0xff) bytes.push(code >> 8);
    bytes.push(code & 0xff);
  }
  return new Uint8Array(bytes);
}

export function decode(bytes) {
  return new TextDecoder("shift_jis").decode(bytes);
}
