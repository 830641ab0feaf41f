// The TSV tool's page. Nothing that is typed, opened or made here leaves the browser: there is no request after the page has loaded.
import { isRequest } from "./columns.mjs";
import { formatDn } from "./dn.mjs";
import { byId, bytesOf, download } from "./dom.mjs";
import { fitCells, guessKind, isList, readTsv, writeTsv } from "./file.mjs";
import { canMake, makeKeyAndCsr } from "./keys.mjs";
import { ListView } from "./list.mjs";
import { formatNames, hostReason } from "./names.mjs";
import { readFile, readPem } from "./pem.mjs";
import { RowsView } from "./rows.mjs";
import { State } from "./state.mjs";
import { useLanguage, word } from "./words.mjs";
import { readBlock } from "./x509.mjs";

const COMMON = { "common-name": "MANAGER_NAME", "common-affiliation": "MANAGER_AFFILIATION", "common-mail": "MANAGER_MAIL", "common-software": "SOFTWARE" };

useLanguage(document.documentElement.lang);
const tool = byId("tool");
const state = new State(JSON.parse(tool.dataset.policy));
let problems = [];

const say = (...sentences) => {
  byId("message").textContent = sentences.join(" ");
};

const view = new RowsView(byId("rows"), state, () => update());
view.saveKey = (row) => {
  download(row.privateKey, `${state.cn(row) || "server"}.key`, "application/x-pem-file");
  row.keySaved = true;
};

// Everything is checked after each change; a CSR's own signature takes a moment and follows.
async function update() {
  await state.readCsrs();
  problems = state.problems();
  view.refresh(problems);
  const bad = problems.filter((mine) => mine.length > 0).length;
  const count = state.rows.length;
  byId("summary").textContent =
    count === 0 ? word("summary_none") : bad === 0 ? word("summary_good", count) : word("summary_bad", count, bad);
  byId("summary").className = bad > 0 || count > state.policy.rowsMax ? "ng" : count > 0 ? "ok" : "";
  byId("too-many").hidden = count <= state.policy.rowsMax;
  byId("save").disabled = count === 0;
  byId("save-anyway").hidden = true;
}

function show(opened) {
  byId("kind").value = state.kind;
  for (const element of document.querySelectorAll("[data-request]")) element.hidden = !isRequest(state.format);
  view.render(opened);
  return update();
}

async function add(blocks) {
  const counts = { added: new Set(), unread: 0, unused: 0, keys: 0 };
  for (const raw of blocks) {
    const block = await readBlock(raw);
    if (block.kind === "key") counts.keys++;
    else if (block.kind === "") counts.unread++;
    else {
      const row = state.add(block);
      if (row) counts.added.add(row);
      else counts.unused++;
    }
  }
  await show([]);
  say(
    word("added", counts.added.size),
    ...(counts.unread > 0 || blocks.length === 0 ? [word("unread", Math.max(counts.unread, 1))] : []),
    ...(counts.unused > 0 ? [word("unused", counts.unused)] : []),
    ...(counts.keys > 0 ? [word("key_not_wanted")] : []),
  );
}

async function addFiles(input) {
  const blocks = [];
  for (const file of input.files) {
    const found = readFile(await bytesOf(file));
    blocks.push(...(found.length > 0 ? found : [{ label: "", der: null }]));
  }
  input.value = "";
  await add(blocks);
}

// A line a server: its FQDN, and further dNSNames.
async function makeKeys() {
  const lines = byId("new-names").value.split("\n").map((line) => line.split(/[\s,]+/).filter(Boolean)).filter((line) => line.length > 0);
  const wrong = lines.flat().find((name) => hostReason(name) !== "");
  const values = ["O", "L", "ST"].map((name) => ({ name, value: byId(`new-${name.toLowerCase()}`).value.trim() }));
  if (lines.length === 0 || wrong || values.some(({ value }) => value === "")) {
    say(wrong ? word("new_wrong", wrong) : word("new_missing"));
    return;
  }
  const profile = state.policy.profiles.find((p) => p.id === byId("new-profile").value);
  byId("new").disabled = true;
  say(word("new_working"));
  const made = [];
  for (const [cn, ...names] of lines) {
    const subject = [{ name: "CN", value: cn }, ...values, { name: "C", value: "JP" }];
    const { privateKey, csr } = await makeKeyAndCsr(profile.key, [...subject].reverse(), [...new Set([cn, ...names])]);
    const waiting = state.rows.find((row) => state.cn(row) === cn.toLowerCase() && !state.text(row, "CSR"));
    const row = waiting ?? state.newRow();
    const fields = { DN: formatDn(subject), PROFILE: profile.id, CSR: csr, FQDN: cn, DNSNAMES: formatNames(names, cn) };
    for (const [field, text] of Object.entries(fields)) state.set(row, field, text);
    Object.assign(row, { privateKey, keySaved: false });
    made.push(row);
  }
  byId("new").disabled = false;
  byId("new-names").value = "";
  await show(made);
  say(word("new_done", made.length));
}

async function openTsv(input) {
  const [file] = input.files;
  const lines = readTsv(await bytesOf(file));
  input.value = "";
  if (lines.length === 0) say(word("open_empty", file.name));
  else if (isList(lines)) {
    list.open(lines, file.name);
    say(word("open_list", file.name, lines.length - 1));
  } else {
    state.kind = guessKind(lines, state.kind);
    state.rows = lines.map((cells) => ({ cells: fitCells(cells, state.format.columns.length) }));
    await show([]);
    say(word("open_rows", file.name, lines.length));
  }
}

function save() {
  const now = new Date();
  const day = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((n) => String(n).padStart(2, "0")).join("");
  const bytes = writeTsv(state.rows.map((row) => row.cells));
  if (!bytes) {
    say(word("save_unwritable"));
    view.focusProblem(problems);
    return;
  }
  download(bytes, `${state.kind}-${day}.tsv`, "text/tab-separated-values");
  say(word("saved", state.rows.length));
}

const list = new ListView(async (kind, fields) => {
  if (state.rows.length === 0) state.changeKind(kind);
  if (state.kind !== kind) {
    say(word("list_other_kind"));
    return;
  }
  const row = state.newRow();
  for (const [field, text] of Object.entries(fields)) if (text) state.set(row, field, text);
  await show([row]);
  say(word("added", 1));
});

byId("kind").addEventListener("change", (event) => {
  state.changeKind(event.target.value);
  void show([]);
});
byId("add").addEventListener("click", async () => {
  await add(readPem(byId("paste").value));
  byId("paste").value = "";
});
byId("files").addEventListener("change", (event) => addFiles(event.target));
byId("new").addEventListener("click", makeKeys);
byId("open").addEventListener("change", (event) => openTsv(event.target));
byId("row-add").addEventListener("click", () => void show([state.newRow()]));
for (const [id, field] of Object.entries(COMMON))
  byId(id).addEventListener("input", (event) => {
    state.common[field] = event.target.value;
  });
byId("common-set").addEventListener("click", () => {
  state.setCommon();
  void update();
});
byId("save").addEventListener("click", () => {
  if (problems.every((mine) => mine.length === 0)) save();
  else {
    say(word("save_errors"));
    byId("save-anyway").hidden = false;
    view.focusProblem(problems);
  }
});
byId("save-anyway").addEventListener("click", save);
// A key that nobody saved is gone with the page.
window.addEventListener("beforeunload", (event) => {
  if (state.rows.some((row) => row.privateKey && !row.keySaved)) event.preventDefault();
});

for (const option of [...byId("new-profile").options]) option.hidden = option.disabled = !canMake(option.dataset.key);
tool.hidden = false;
void show([]);
