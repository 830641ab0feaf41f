// serverAll.tsv and its like, to look at: a table with a filter over all columns, and one certificate with its PEM.
import { byId, el } from "./dom.mjs";
import { toPem } from "./pem.mjs";
import { word } from "./words.mjs";

const SHOWN_MAX = 200;
// Manual 5-7-1, from 1.
const SUMMARY = [4, 12, 24, 27, 15];
const PEM = { 18: "CERTIFICATE REQUEST", 23: "CERTIFICATE" };

// What the editor of rows takes over from a line.
export const certificateOf = (cells) => ({
  DN: cells[3] ?? "",
  SERIAL: cells[23] ?? "",
  PROFILE: cells[10] ?? "",
  MANAGER_NAME: cells[12] ?? "",
  MANAGER_AFFILIATION: cells[13] ?? "",
  MANAGER_MAIL: cells[14] ?? "",
  FQDN: cells[15] ?? "",
  SOFTWARE: cells[16] ?? "",
  DNSNAMES: cells[18] === "dNSName=" ? "" : (cells[18] ?? ""),
});

export const matching = (lines, wanted) => {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  return lines.filter((cells) => words.every((w) => cells.some((cell) => cell.toLowerCase().includes(w))));
};

export class ListView {
  #heads = [];
  #lines = [];

  // use(kind, fields): a row for this certificate is wanted.
  constructor(use) {
    this.use = use;
    byId("list-filter").addEventListener("input", () => this.#render());
  }

  open([heads, ...lines], name) {
    this.#heads = heads;
    this.#lines = lines;
    byId("list-name").textContent = name;
    byId("list-filter").value = "";
    byId("list").hidden = false;
    byId("list-detail").replaceChildren();
    this.#render();
    byId("list").scrollIntoView();
  }

  #render() {
    const found = matching(this.#lines, byId("list-filter").value);
    byId("list-count").textContent = word("list_count", found.length, this.#lines.length, Math.min(found.length, SHOWN_MAX));
    byId("list-head").replaceChildren(
      el("tr", {}, ...SUMMARY.map((n) => el("th", { scope: "col" }, this.#heads[n - 1] ?? "")), el("td")),
    );
    byId("list-body").replaceChildren(
      ...found.slice(0, SHOWN_MAX).map((cells) =>
        el(
          "tr",
          {},
          ...SUMMARY.map((n) => el("td", { class: n === 24 ? "code" : "" }, cells[n - 1] ?? "")),
          el("td", {}, el("button", { type: "button", class: "small", onclick: () => this.#detail(cells) }, word("list_show"))),
        ),
      ),
    );
  }

  #detail(cells) {
    const facts = this.#heads.flatMap((head, i) => {
      if (!cells[i]) return [];
      const label = PEM[i + 1];
      return [el("dt", {}, head), el("dd", {}, label ? el("pre", { class: "code" }, toPem(label, cells[i])) : cells[i])];
    });

    const act = (kind, label) =>
      el("button", { type: "button", onclick: () => this.use(kind, certificateOf(cells)) }, label);
    const acts = [act("server-renew", word("list_renew")), act("server-revoke", word("list_revoke"))];
    const title = el("h3", { tabindex: "-1" }, cells[3] ?? "");
    byId("list-detail").replaceChildren(
      title,
      el("p", { class: "acts" }, ...(cells[23] ? acts : [])),
      el("dl", { class: "facts" }, ...facts),
    );
    title.focus();
  }
}
