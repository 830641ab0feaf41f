// A key pair and its CSR, made by the browser. The private key is given to the caller and to nobody else.
import "reflect-metadata/lite";
import { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } from "@peculiar/x509";
import { toBase64, toPem } from "./pem.mjs";

const ALGORITHMS = {
  "rsa:2048": { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
  "ec:secp384r1": { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" },
};

export const canMake = (key) => key in ALGORITHMS;

// key: "rsa:2048" or "ec:secp384r1"; subject: [{name, value}]. {privateKey: PEM (PKCS#8), csr: base64}.
export async function makeKeyAndCsr(key, subject, names) {
  const algorithm = ALGORITHMS[key];
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name: subject.map(({ name, value }) => ({ [name]: [value] })),
    keys,
    signingAlgorithm: algorithm,
    extensions: [new SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns", value })))],
  });
  const privateKey = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { privateKey: toPem("PRIVATE KEY", toBase64(privateKey)), csr: toBase64(csr.rawData) };
}
