// Chromium on the pages of a running instance: node pages.mjs SCENARIO OUT_DIRECTORY, with the variables of try.env.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [scenario, out] = process.argv.slice(2);
const env = process.env;
const registrar = { origin: env.INKAN_URL, certPath: env.INKAN_REGISTRAR_CERT, keyPath: env.INKAN_REGISTRAR_KEY };

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });

// A page whose console must stay empty: what the browser says there is a defect of ours.
async function open({ certificate = registrar, locale = "ja-JP", width = 1200, script = true } = {}) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    clientCertificates: certificate ? [certificate] : undefined,
    locale,
    javaScriptEnabled: script,
    viewport: { width, height: 900 },
  });
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().includes("status of 4")) page.complaints.push(message.text());
  });
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  return page;
}

async function check(page, name) {
  await page.screenshot({ path: join(out, `${name}.png`), fullPage: true });
  const [wide, width] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.ok(wide <= width, `${name}: ${wide} px of content in a window of ${width} px`);
  assert.equal(await page.locator("h1").count(), 1, `${name}: one heading of the page`);
  const unnamed = await page.evaluate(() =>
    [...document.querySelectorAll("input:not([type=hidden]), select, button")]
      .filter((e) => !(e.labels?.length || e.textContent.trim() || e.getAttribute("aria-label")))
      .map((e) => e.outerHTML));
  assert.deepEqual(unnamed, [], `${name}: every control has a name`);
  assert.deepEqual(page.complaints, [], `${name}: the browser's console`);
}

async function upload(page, file, kind) {
  await page.goto(`${env.INKAN_URL}/`);
  await check(page, "menu");
  await page.getByRole("navigation").getByRole("link", { name: "発行・更新・失効" }).click();
  if (kind) await page.getByLabel("処理内容").selectOption({ label: kind });
  await page.getByLabel("申請ファイル").setInputFiles(file);
  for (const item of await page.getByRole("checkbox").all()) await item.check();
  await check(page, "form");
  await page.getByRole("button", { name: "アップロード" }).click();
}

const scenarios = {
  // From the menu to the last row, as a registrar who never read a manual.
  async upload() {
    const page = await open();
    await upload(page, env.BROWSER_TSV);
    await page.getByText("ファイルのアップロード処理が完了しました。").waitFor({ timeout: 60000 });
    await check(page, "done");
    assert.match(await page.locator("main").innerText(), new RegExp(env.BROWSER_NAME));
    await page.getByRole("link", { name: "証明書一覧" }).click();
    await check(page, "certificates");
    assert.match(await page.locator("main").innerText(), new RegExp(env.BROWSER_NAME));
    await page.getByRole("link", { name: "English" }).click();
    assert.equal(await page.getAttribute("html", "lang"), "en");
    assert.ok(page.url().includes("/certificates"), "the language changes, the page stays");
    await check(page, "certificates-en");
  },

  async revoke() {
    const page = await open();
    await upload(page, env.BROWSER_TSV, "サーバ証明書 失効");
    await page.getByText("失効完了通知メールを送信致します").waitFor({ timeout: 60000 });
    await check(page, "revoked");
    assert.match(await page.locator("main").innerText(), new RegExp(env.BROWSER_NAME));
  },

  // Manual 1-4-1.
  async download() {
    const page = await open();
    await page.goto(`${env.INKAN_URL}/`);
    await page.getByRole("link", { name: "証明書情報一括ダウンロード" }).first().click();
    await check(page, "download");
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "ダウンロード" }).click()]);
    assert.equal(file.suggestedFilename(), "serverAll.tsv");
    const lines = new TextDecoder("shift_jis").decode(readFileSync(await file.path())).split("\r\n");
    assert.equal(lines[0].split("\t").length, 46);
    assert.ok(lines.some((line) => line.includes(env.BROWSER_NAME)));
  },

  async errors() {
    const page = await open({ width: 390 });
    await upload(page, env.BROWSER_TSV);
    await page.getByRole("table").first().waitFor({ timeout: 60000 });
    await check(page, "errors");
    assert.match(await page.locator("main").innerText(), /201:7,CSR/);
  },

  // A form that was not filled in goes nowhere.
  async unticked() {
    const page = await open();
    await page.goto(`${env.INKAN_URL}/uploads/new`);
    await page.getByRole("button", { name: "アップロード" }).click();
    assert.ok(page.url().endsWith("/uploads/new"));
    assert.ok(await page.evaluate(() => document.querySelector("form:invalid") !== null));
  },

  async link() {
    const page = await open({ certificate: null, width: 390, script: false });
    await page.goto(env.BROWSER_LINK);
    await page.screenshot({ path: join(out, "link.png"), fullPage: true });
    assert.match(await page.locator("main").innerText(), new RegExp(env.BROWSER_NAME));
    const arriving = page.waitForEvent("download");
    await page.locator("button.main").click();
    const file = await arriving;
    assert.equal(file.suggestedFilename(), `${env.BROWSER_NAME}.cer`);
    assert.match(readFileSync(await file.path(), "utf8"), /^-----BEGIN CERTIFICATE-----/);
    for (let i = 0; i < 50 && (await page.goto(env.BROWSER_LINK)).status() === 200; i++) await page.waitForTimeout(100);
    await page.screenshot({ path: join(out, "link-used.png"), fullPage: true });
    assert.match(await page.locator("main").innerText(), /登録担当者/);
    assert.equal(await page.locator("button").count(), 0);
  },

  async stranger() {
    const page = await open({ certificate: null });
    const answer = await page.goto(`${env.INKAN_URL}/`);
    assert.equal(answer.status(), 401);
    await check(page, "stranger");
    assert.match(await page.locator("main").innerText(), /クライアント証明書/);
  },
};

try {
  await scenarios[scenario]();
} finally {
  await browser.close();
}
