// What CSRs and certificates say.
import "reflect-metadata/lite";
import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension, X509Certificate } from "@peculiar/x509";
import { fromBase64, toBase64 } from "./pem.mjs";

const CURVES = { "P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1" };

function elements(name) {
  return name.toJSON().flatMap((rdn) => Object.entries(rdn).flatMap(([k, values]) => values.map((v) => ({ name: k, value: v }))));
}

function keyOf({ algorithm }) {
  if (algorithm.modulusLength) return { key: `rsa:${algorithm.modulusLength}`, keyLabel: `RSA ${algorithm.modulusLength}` };
  const curve = CURVES[algorithm.namedCurve] ?? algorithm.namedCurve;
  return curve ? { key: `ec:${curve}`, keyLabel: `ECDSA ${curve}` } : { key: "", keyLabel: algorithm.name ?? "?" };
}

const names = (from) =>
  (from.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [])
    .filter((name) => name.type === "dns")
    .map((name) => name.value);

const common = (from) => ({
  subject: elements(from.subjectName),
  names: names(from),
  ...keyOf(from.publicKey),
});

// The algorithm's own hash is not in the key: WebCrypto wants it named.
async function verifies(csr) {
  try {
    return await csr.verify();
  } catch {
    return false;
  }
}

// {broken} or {subject, names, key, keyLabel, spki, verified}.
export async function readCsr(base64) {
  const der = fromBase64(base64);
  if (!der) return { broken: "base64" };
  try {
    const csr = new Pkcs10CertificateRequest(der);
    return { ...common(csr), spki: toBase64(csr.publicKey.rawData), verified: await verifies(csr) };
  } catch {
    return { broken: "PKCS#10" };
  }
}

// {kind: "csr"|"certificate"|"key"|"", …} of a block of PEM or DER.
export async function readBlock({ label, der }) {
  if (label.endsWith("PRIVATE KEY")) return { kind: "key" };
  if (!der) return { kind: "" };
  const base64 = toBase64(der);
  const csr = await readCsr(base64);
  if (!csr.broken) return { kind: "csr", base64, ...csr };
  try {
    const certificate = new X509Certificate(der);
    return { kind: "certificate", serial: BigInt(`0x${certificate.serialNumber}`).toString(), ...common(certificate) };
  } catch {
    return { kind: "" };
  }
}
