// PEM, base64 and DER.
export const toBase64 = (bytes) => {
  let text = "";
  for (const byte of new Uint8Array(bytes)) text += String.fromCharCode(byte);
  return btoa(text);
};

// null for what is no base64.
export function fromBase64(text) {
  if (text === "" || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return null;
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

export const toPem = (label, base64) =>
  `-----BEGIN ${label}-----\n${base64.replace(/.{64}(?=.)/g, "$&\n")}\n-----END ${label}-----\n`;

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g;

// [{label, der}] of all blocks of a text; of a bare base64 body one without a label.
export function readPem(text) {
  const blocks = [...text.matchAll(BLOCK)].map(([, label, body]) => ({
    label,
    der: fromBase64(body.replace(/\s+/g, "")),
  }));
  if (blocks.length > 0 || text.includes("-----")) return blocks;
  const der = fromBase64(text.replace(/\s+/g, ""));
  return der ? [{ label: "", der }] : [];
}

// What a file holds: PEM text, or DER as it is.
export function readFile(bytes) {
  if (bytes[0] === 0x30) return [{ label: "", der: bytes }];
  return readPem(new TextDecoder("latin1").decode(bytes));
}
