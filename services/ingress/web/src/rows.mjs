// The rows on the page: a form each, with what is wrong under every field.
import declared from "declared.json";
import { el } from "./dom.mjs";
import { readPem, toBase64 } from "./pem.mjs";
import { named, problemWords, word } from "./words.mjs";

const LONG = ["DN", "CSR", "DNSNAMES", "COMMENT"];

// A CSR as people copy it, PEM on many lines, becomes its body on one.
function oneLine(field, text) {
  if (field !== "CSR") return text.replace(/[\t\r\n]+/g, " ");
  const [block] = text.includes("-----") ? readPem(text) : [];
  return block?.der ? toBase64(block.der) : text.replace(/\s+/g, "");
}

const option = (value, label) => el("option", { value }, label);

function choices(field, policy) {
  if (field === "PROFILE") return policy.profiles.map((p) => [p.id, `${p.id} (${p.label})`]);
  if (field === "REASON") return declared.reasons.map((r) => [r.code, `${r.code} ${named(r.name)}`]);
  return null;
}

function control(field, attributes, policy) {
  const list = choices(field, policy);
  if (list) return el("select", attributes, option("", ""), ...list.map(([value, label]) => option(value, label)));
  if (field === "CSR") return el("textarea", { ...attributes, rows: 3, class: "code", spellcheck: "false" });
  return el("input", { ...attributes, type: "text", autocomplete: "off", spellcheck: "false" });
}

function hint(column) {
  const said = [];
  if (column.class !== "EMPTY") said.push(named(declared.classes[column.class].name));
  if (column.max) said.push(word("at_most", column.max));
  return said.join(" · ");
}

function showProblems(place, problems, format) {
  place.replaceChildren(
    ...problems.map((problem) => {
      const { code, message, remedy } = problemWords(problem, format);
      return el("span", { class: "ng" }, `${code}: ${message}`, el("small", {}, remedy));
    }),
  );
}

// One column of one row; refresh() shows the text and the problems that the row has now.
class Field {
  constructor(view, row, number) {
    const { state } = view;
    this.column = state.format.columns[number - 1];
    this.number = number;
    this.row = row;
    const id = `r${view.idOf(row)}c${number}`;
    const { field } = this.column;
    this.control = control(field, { id, "aria-describedby": `${id}-hint ${id}-problems` }, state.policy);
    this.control.addEventListener("input", () => view.typed(this));
    this.control.addEventListener("change", () => view.left(this));
    this.problems = el("span", { id: `${id}-problems`, class: "problems" });
    const need = this.column.required ? [" ", el("span", { class: "tag" }, word("required"))] : [];
    this.element = el(
      "div",
      { class: "field", "data-long": LONG.includes(field) },
      el("label", { for: id }, `${number}. ${named(this.column.item)}`, ...need),
      this.control,
      el("small", { id: `${id}-hint` }, hint(this.column)),
      this.problems,
    );
  }

  take() {
    this.row.cells[this.number - 1] = oneLine(this.column.field, this.control.value);
  }

  refresh(problems, format) {
    const text = this.row.cells[this.number - 1] ?? "";
    if (this.control.tagName === "SELECT" && ![...this.control.options].some((o) => o.value === text))
      this.control.append(option(text, text));
    if (this.control.value !== text && (document.activeElement !== this.control || this.column.field === "CSR"))
      this.control.value = text;
    const mine = problems.filter((problem) => problem.column === this.number);
    if (mine.length > 0) this.control.setAttribute("aria-invalid", "true");
    else this.control.removeAttribute("aria-invalid");
    showProblems(this.problems, mine, format);
  }
}

export class RowsView {
  #fields = new Map(); // row: [Field]
  #ids = new Map();
  #next = 1;

  // changed(): after each change, to check everything again.
  constructor(place, state, changed) {
    this.place = place;
    this.state = state;
    this.changed = changed;
  }

  idOf(row) {
    if (!this.#ids.has(row)) this.#ids.set(row, this.#next++);
    return this.#ids.get(row);
  }

  typed(field) {
    field.take();
    this.changed();
  }

  left(field) {
    field.take();
    field.control.value = field.row.cells[field.number - 1];
    this.changed();
  }

  remove(row) {
    this.state.rows.splice(this.state.rows.indexOf(row), 1);
    this.render();
    this.changed();
    this.place.focus();
  }

  #card(row, open) {
    const fields = this.state.format.columns
      .map((column, i) => ({ column, number: i + 1 }))
      .filter(({ column, number }) => column.field !== "RESERVED" || row.cells[number - 1])
      .map(({ number }) => new Field(this, row, number));
    this.#fields.set(row, fields);
    const key = row.privateKey
      ? el("button", { type: "button", class: "save-key", onclick: () => this.saveKey(row) }, word("key_save"))
      : null;
    return el(
      "li",
      {},
      el(
        "details",
        { class: "row", open },
        el("summary", {}, el("b", { class: "row-name" }), " ", el("span", { class: "row-state" })),
        el("p", { class: "problems" }),
        el("div", { class: "fields" }, ...fields.map((field) => field.element)),
        el(
          "p",
          { class: "acts" },
          key,
          el("button", { type: "button", onclick: () => this.remove(row) }, word("row_remove")),
        ),
      ),
    );
  }

  // Makes all cards anew: the kind or the list of rows has changed. Those that were open stay open.
  render(opened = []) {
    const open = new Set([...opened, ...this.#openRows()]);
    this.#fields.clear();
    const { rows } = this.state;
    this.place.replaceChildren(...rows.map((row) => this.#card(row, open.has(row) || rows.length === 1)));
  }

  #openRows() {
    const cards = [...this.place.children];
    const shown = [...this.#fields.keys()];
    return shown.filter((_, i) => cards[i]?.querySelector("details").open);
  }

  refresh(problems) {
    this.state.rows.forEach((row, i) => {
      const card = this.place.children[i];
      const mine = problems[i];
      card.querySelector(".row-name").textContent = `${i + 1}. ${this.state.cn(row) || word("row_unnamed")}`;
      const state = card.querySelector(".row-state");
      state.textContent = mine.length > 0 ? word("row_errors", mine.length) : word("row_good");
      state.className = `row-state ${mine.length > 0 ? "ng" : "ok"}`;
      showProblems(card.querySelector(".row > .problems"), mine.filter((p) => p.column === 0), this.state.format);
      for (const field of this.#fields.get(row)) field.refresh(mine, this.state.format);
    });
  }

  // Opens the first row with a problem and goes to the field.
  focusProblem(problems) {
    const i = problems.findIndex((mine) => mine.length > 0);
    const row = this.state.rows[i];
    this.place.children[i].querySelector("details").open = true;
    const field = this.#fields.get(row).find((f) => problems[i].some((problem) => problem.column === f.number));
    field?.control.focus();
  }
}
