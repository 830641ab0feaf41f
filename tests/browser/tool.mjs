// The TSV tool.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { check, env, open, out } from "./browser.mjs";

const cp932 = (bytes) => new TextDecoder("shift_jis", { fatal: true }).decode(bytes);

// The page, and every request that the browser makes for it.
async function openTool(options) {
  const page = await open(options);
  page.requests = [];
  page.context().on("request", (request) => page.requests.push(request));
  await page.goto(`${options?.certificate === undefined ? env.INKAN_URL : env.INKAN_PUBLIC_URL}/tsv-tool`, { waitUntil: "networkidle" });
  page.loaded = page.requests.length;
  page.icon = await page.locator("link[rel=icon]").evaluate((link) => link.href);
  return page;
}

async function saved(page, button) {
  const [file] = await Promise.all([page.waitForEvent("download"), button.click()]);
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
}

// What a key holds, without what every PEM file has.
const secretOf = (pem) => pem.replace(/-----[^-]+-----|\s/g, "");

function assertSilent(page, pem) {
  const parts = [secretOf(pem).slice(0, 60), secretOf(pem).slice(-60)];
  // The browser fetches the page's icon when it likes.
  const later = page.requests.slice(page.loaded).filter((request) => !request.url().startsWith("blob:") && request.url() !== page.icon);
  assert.deepEqual(later.map((request) => request.url()), [], "no request once the page has loaded");
  for (const request of page.requests)
    for (const part of parts) assert.ok(!`${request.url()} ${request.postData() ?? ""}`.includes(part), "the key stays");
}

async function fillManager(page) {
  await page.getByText("利用管理者情報をまとめて入力").click();
  await page.locator("#common-name").fill("国立　太郎");
  await page.locator("#common-affiliation").fill("情報基盤センター");
  await page.locator("#common-mail").fill("kanri@example.ac.jp");
  await page.locator("#common-software").fill("Apache 2.4");
  await page.getByRole("button", { name: "追加済みの全申請に設定" }).click();
}

async function makeKeys(page, names, profile) {
  await page.locator("#tool").waitFor();
  const details = page.locator("details", { has: page.locator("#new-names") });
  if (!(await details.evaluate((e) => e.open))) await details.locator("summary").click();
  await page.locator("#new-names").fill(names);
  await page.locator("#new-o").fill("testkikan");
  await page.locator("#new-l").fill("Chiyoda-ku");
  await page.locator("#new-st").fill("Tokyo");
  await page.locator("#new-profile").selectOption(profile);
  await page.getByRole("button", { name: "鍵ペアとCSRを作成" }).click();
  await page.locator("#new-names", { hasText: /^$/ }).waitFor();
  await page.getByText("作成しました").waitFor();
}

async function uploadAsItIs(name, bytes) {
  const path = join(out, name);
  writeFileSync(path, bytes);
  const page = await open();
  await page.goto(`${env.INKAN_URL}/uploads/new`);
  await page.getByLabel("申請ファイル").setInputFiles(path);
  for (const item of await page.getByRole("checkbox").all()) await item.check();
  await page.getByRole("button", { name: "アップロード" }).click();
  const ok = page.getByRole("dialog").getByRole("button", { name: "OK" });
  const done = page.getByText("ファイルのアップロード処理が完了しました。");
  await ok.or(done).first().waitFor({ timeout: 60000 });
  if (await ok.isVisible()) await ok.click();
  await done.waitFor({ timeout: 60000 });
  return page;
}

export const tool = {
  // From two names to a certificate, without a login until the upload; the keys never leave the page.
  async tool() {
    const page = await openTool({ certificate: null });
    await check(page, "empty");
    await makeKeys(page, `${env.BROWSER_NAME} alt-${env.BROWSER_NAME}`, "11");
    await makeKeys(page, `rsa-${env.BROWSER_NAME}`, "3");
    await check(page, "incomplete");
    await fillManager(page);
    await page.getByText("2件の申請にエラーはありません。").waitFor();
    await check(page, "complete");
    for (const [i, name] of [env.BROWSER_NAME, `rsa-${env.BROWSER_NAME}`].entries()) {
      const details = page.locator("details.row").nth(i);
      if (!(await details.evaluate((e) => e.open))) await details.locator("summary").click();
      const key = await saved(page, details.getByRole("button", { name: "秘密鍵を保存" }));
      assert.equal(key.name, `${name}.key`);
      writeFileSync(join(env.BROWSER_OUT, key.name), key.bytes);
      assertSilent(page, key.bytes.toString());
    }
    const file = await saved(page, page.getByRole("button", { name: "TSVファイルを保存" }));
    assert.match(file.name, /^server-issue-\d{8}\.tsv$/);
    const lines = cp932(file.bytes).split("\r\n");
    assert.equal(lines.length, 3);
    assert.deepEqual(lines.slice(0, 2).map((line) => line.split("\t").length), [13, 13]);
    assert.equal(lines[0].split("\t")[12], `dNSName=alt-${env.BROWSER_NAME}`);
    assertSilent(page, readFileSync(join(env.BROWSER_OUT, `${env.BROWSER_NAME}.key`), "utf8"));
    const done = await uploadAsItIs(file.name, file.bytes);
    assert.match(await done.locator("main").innerText(), new RegExp(env.BROWSER_NAME));
  },

  // What the page says of each row of a file, for the test to compare with what the service says.
  async verdicts() {
    const page = await openTool({ certificate: null });
    await page.getByText("TSVファイルを開く").click();
    await page.locator("#kind").selectOption(env.BROWSER_KIND);
    await page.locator("#open").setInputFiles(env.BROWSER_TSV);
    await page.getByText("開きました").waitFor();
    await check(page, "verdicts");
    assert.equal(await page.locator("#kind").inputValue(), env.BROWSER_KIND, "the kind is seen in the rows");
    const said = await page.locator("#rows > li").evaluateAll((rows) =>
      rows.map((row) => [...row.querySelectorAll(".problems > span")].map((span) => span.firstChild.textContent)));
    writeFileSync(join(env.BROWSER_OUT, "verdicts.json"), JSON.stringify(said));
  },

  // Files to renew, revoke and change the manager of a certificate, from its PEM; in English.
  async from_certificate() {
    for (const kind of ["server-renew", "server-revoke", "manager-update"]) {
      const page = await openTool({ locale: "en-US" });
      await page.getByLabel("What to do").selectOption(kind);
      await page.getByLabel("CSRs or certificates (PEM)").fill(env.BROWSER_PEM);
      await page.getByRole("button", { name: "Add", exact: true }).click();
      await page.locator("#rows > li").waitFor();
      if (kind === "server-renew") {
        await page.locator("#files").setInputFiles(env.BROWSER_CSR);
        await page.getByText("Rows added or filled: 1.").waitFor();
        await page.getByLabel(/^12\. /).fill("nginx 1.24");
      }
      if (kind === "server-revoke") await page.getByLabel(/^5\. Reason/).selectOption("5");
      if (kind !== "server-revoke") await page.getByLabel(/^10\. /).fill("next@example.ac.jp");
      await page.getByText("Rows: 1, no errors.").waitFor();
      await check(page, kind);
      const file = await saved(page, page.getByRole("button", { name: "Save the TSV file" }));
      writeFileSync(join(env.BROWSER_OUT, `${kind}.tsv`), file.bytes);
    }
  },

  // serverAll.tsv, looked through; a renewal begun from it.
  async list() {
    const page = await openTool({ certificate: null });
    await page.getByText("TSVファイルを開く").click();
    await page.locator("#open").setInputFiles(env.BROWSER_TSV);
    await page.locator("#list").waitFor();
    await page.getByLabel("キーワード").fill(env.BROWSER_NAME);
    await page.getByText(/^1件/).waitFor();
    await page.getByRole("button", { name: "詳細" }).click();
    await check(page, "list");
    assert.match(await page.locator("#list-detail").innerText(), /-----BEGIN CERTIFICATE-----/);
    await page.getByRole("button", { name: "この証明書の更新を申請に追加" }).click();
    assert.match(await page.getByLabel(/^1\. 主体者DN/).inputValue(), new RegExp(env.BROWSER_NAME));
    assert.match(await page.getByLabel(/^4\. 失効対象証明書シリアル番号/).inputValue(), /^[0-9]+$/);
  },

  // Bad input costs nothing: what cannot be read is said, a private key is dropped, a file with errors is not saved by accident.
  async mistakes() {
    const page = await openTool({ width: 390 });
    await page.getByLabel("CSR・証明書 (PEM)").fill("nonsense");
    await page.getByRole("button", { name: "追加", exact: true }).click();
    await page.getByText("1件はCSRまたは証明書として読み取れませんでした。").waitFor();
    await page.getByLabel("CSR・証明書 (PEM)").fill("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----");
    await page.getByRole("button", { name: "追加", exact: true }).click();
    await page.getByText("秘密鍵は申請に不要です。").waitFor();
    assert.equal(await page.locator("#paste").inputValue(), "");
    await page.getByRole("button", { name: "空の申請を追加" }).click();
    await page.getByLabel(/^8\. 利用管理者氏名/).fill("髙橋\u{1F600}");
    await page.getByText("205: 利用管理者氏名は不正な文字が含まれています。(髙 U+9AD9)").waitFor();
    await page.getByRole("button", { name: "TSVファイルを保存" }).click();
    await page.getByText("最初のエラーの項目へ移動しました").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.closest(".field").textContent.slice(0, 7)), "1. 主体者D");
    await check(page, "mistakes");
    await page.getByRole("button", { name: "エラーのまま保存" }).click();
    await page.getByText("Shift_JISで表せない文字があるため保存できません。").waitFor();
    await page.getByLabel(/^8\. 利用管理者氏名/).fill("高橋");
    await page.getByRole("button", { name: "TSVファイルを保存" }).click();
    const file = await saved(page, page.getByRole("button", { name: "エラーのまま保存" }));
    assert.equal(cp932(file.bytes), "\t\t\t\t\t\t\t高橋\t\t\t\t\t\r\n");
  },

  async without_script() {
    const page = await open({ certificate: null, script: false });
    await page.goto(`${env.INKAN_PUBLIC_URL}/tsv-tool`);
    assert.match(await page.locator("noscript").innerText(), /ブラウザのJavaScriptを有効にしてください/);
    assert.ok(!(await page.locator("#tool").isVisible()));
    await page.locator("#formats summary").first().click();
    await check(page, "without-script");
    assert.match(await page.locator("#formats").innerText(), /利用管理者FQDN/);
  },
};
