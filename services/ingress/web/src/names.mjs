// Host names and mail addresses: the part of common/name.c that needs no list of domains.
const NAME_MAX = 253;
const LABEL_MAX = 63;

function labelReason(label) {
  const wrong = [...label].find((c) => !/[A-Za-z0-9-]/.test(c));
  if (wrong) {
    const number = `U+${wrong.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    return wrong > " " ? `${wrong} ${number}` : number;
  }
  if (label === "") return "..";
  if (label.length > LABEL_MAX) return `${label.length} > ${LABEL_MAX}`;
  if (label.startsWith("-")) return "-…";
  if (label.endsWith("-")) return "…-";
  if (label.slice(2, 4) === "--" && !/^xn--/i.test(label)) return label.slice(0, 4);
  return "";
}

// "" when it is a host name of several labels.
export function hostReason(name) {
  if (name.length > NAME_MAX) return `${name.length} > ${NAME_MAX}`;
  if (name.startsWith(".")) return ".…";
  if (name.endsWith(".")) return "….";
  const labels = name.split(".");
  const reason = labels.map(labelReason).find((r) => r !== "");
  if (reason) return reason;
  if (/^[0-9]+$/.test(labels.at(-1))) return "IP";
  return labels.length < 2 ? "FQDN" : "";
}

export function isMail(text) {
  const at = text.indexOf("@");
  const local = text.slice(0, at);
  return (
    text.length <= 254 &&
    at >= 1 &&
    at <= 64 &&
    /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+$/.test(local) &&
    !/^\.|\.$|\.\./.test(local) &&
    hostReason(text.slice(at + 1)) === ""
  );
}

const PREFIX = "dNSName=";

// Of column dNSName: {names, formWrong}.
export function parseNames(text) {
  const parts = text === "" ? [] : text.split(",");
  const right = parts.filter((part) => part.startsWith(PREFIX) && part.length > PREFIX.length);
  return { names: right.map((part) => part.slice(PREFIX.length)), formWrong: right.length < parts.length };
}

// The FQDN is added by the service, so it is not listed.
export const formatNames = (names, cn) =>
  [...new Set(names.map((name) => name.toLowerCase()))]
    .filter((name) => name !== cn.toLowerCase())
    .map((name) => PREFIX + name)
    .join(",");

// Characters that the column takes once the FQDN has been added.
export const lengthWith = (text, names, cn) =>
  text.length + (cn && !names.includes(cn) ? 1 + PREFIX.length + cn.length : 0);
