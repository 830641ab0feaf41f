// The subject DN of a row, "CN=…,O=…,L=…,ST=…,C=JP": what services/validator/dn.c reads.
export const ATTRIBUTES = ["CN", "OU", "O", "L", "ST", "C"];

// [{name, value}]; a value ends where a comma is followed by a name and "=".
export function parseDn(text) {
  if (text === "") return [];
  return text.split(/,(?=[ \t]*[A-Za-z]+[ \t]*=)/).map((part) => {
    const [, name, value] = /^[ \t]*([A-Za-z]+)[ \t]*=(.*)$/s.exec(part) ?? [null, "", part];
    return { name, value };
  });
}

export const dnValue = (elements, name) => elements.find((element) => element.name === name)?.value;

// Of the subject of a CSR or certificate, whatever its order.
export const formatDn = (elements) =>
  ATTRIBUTES.flatMap((name) => elements.filter((e) => e.name === name).map((e) => `${name}=${e.value}`)).join(",");

function isWanted(elements, policy) {
  let at = 0;
  const take = (name) => elements[at]?.name === name && ++at && elements[at - 1].value !== "";
  for (const name of ATTRIBUTES) {
    if (name === "OU") {
      while (policy.ou !== "refuse" && elements[at]?.name === "OU") if (!take("OU")) return false;
      continue;
    }
    const absent = (name === "L" && !policy.locality) || (name === "ST" && !policy.stateOrProvince);
    if (!absent && !take(name)) return false;
  }
  return at === elements.length;
}

// "" when the elements are those that the policy wants, in order, each once; else what was found.
export function dnDifference(elements, policy) {
  const found = [];
  if (!isWanted(elements, policy))
    found.push(elements.map(({ name, value }) => (name ? name + (value ? "" : "=") : value)).join(","));
  for (const { name, value } of elements) if (name && value.includes("=")) found.push(`${name}=${value}`);
  return found.join("; ");
}
