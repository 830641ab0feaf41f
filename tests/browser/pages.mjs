// Chromium on the pages of a running instance: node pages.mjs SCENARIO OUT_DIRECTORY, with the variables of try.env.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { browser, check, env, open, out } from "./browser.mjs";
import { tool } from "./tool.mjs";

const scenario = process.argv[2];

async function upload(page, file, kind) {
  await page.goto(`${env.INKAN_URL}/`);
  await check(page, "menu");
  await page.getByRole("main").getByRole("link", { name: "発行・更新・失効" }).first().click();
  if (kind) await page.getByLabel("処理内容").selectOption({ label: kind });
  await page.getByLabel("申請ファイル").setInputFiles(file);
  await check(page, "form");
  await confirm(page);
}

// With script the popup of the manual, without it the boxes of the form.
async function confirm(page) {
  for (const item of await page.getByRole("checkbox").all()) await item.check();
  await page.getByRole("button", { name: "アップロード" }).click();
  const ok = page.getByRole("dialog").getByRole("button", { name: "OK" });
  if (page.hasScript) {
    await ok.waitFor();
    await page.screenshot({ path: join(out, "confirm.png") });
    await ok.click();
  }
}

const scenarios = {
  ...tool,

  // From the menu to the last row, as a registrar who never read a manual.
  async upload() {
    const page = await open();
    await upload(page, env.BROWSER_TSV);
    await page.getByText("ファイルのアップロード処理が完了しました。").waitFor({ timeout: 60000 });
    await check(page, "done");
    assert.match(await page.locator("main").innerText(), new RegExp(env.BROWSER_NAME));
    await page.getByRole("navigation").getByRole("link", { name: "証明書一覧", exact: true }).click();
    await check(page, "certificates");
    assert.match(await page.locator("main").innerText(), new RegExp(env.BROWSER_NAME));
    await page.getByRole("searchbox").fill(env.BROWSER_NAME);
    await page.getByLabel("状態").selectOption({ label: "失効済み" });
    await page.getByRole("button", { name: "検索" }).click();
    await page.getByText("該当する証明書はありません。").waitFor();
    await page.getByLabel("状態").selectOption({ label: "有効" });
    await page.getByLabel("有効期限 (から)").fill("2020-01-01");
    await page.getByRole("button", { name: "検索" }).click();
    await check(page, "certificates-found");
    assert.equal(await page.locator("tbody tr").count(), 1);
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

  // Every entry of the menu, with nothing that is missing on the way.
  async menu() {
    const width = Number(env.BROWSER_WIDTH);
    const page = await open({ locale: env.BROWSER_LOCALE, width, script: width > 600 });
    await page.goto(`${env.INKAN_URL}/`);
    const links = await page.locator("main dl.menu a").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
    assert.ok(links.length >= 11);
    for (const href of links) {
      assert.equal((await page.goto(env.INKAN_URL + href)).status(), 200, href);
      await check(page, `menu${href.replaceAll(/\W+/g, "-")}-${env.BROWSER_LOCALE}-${width}`);
    }
    await page.goto(`${env.INKAN_URL}/timestamp`);
    assert.match(await page.locator("main").innerText(), /設定されていません|No time-stamping address/);
    if (width < 960) await page.getByRole("link", { name: "Menu" }).click();
    await check(page, `menu-${env.BROWSER_LOCALE}-${width}`);
  },

  async errors() {
    const page = await open({ width: 390 });
    await upload(page, env.BROWSER_TSV);
    await page.getByRole("table").first().waitFor({ timeout: 60000 });
    await check(page, "errors");
    assert.match(await page.locator("main").innerText(), /201:7,CSR/);
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "エラーの行 (TSV)" }).click()]);
    assert.match(file.suggestedFilename(), /^upload-\d+-errors\.tsv$/);
    const sent = readFileSync(env.BROWSER_TSV);
    assert.deepEqual(readFileSync(await file.path()), sent.subarray(0, sent.indexOf("\r\n") + 2), "the first row, as it was sent");
    await page.getByRole("link", { name: "English" }).click();
    await check(page, "errors-en");
    assert.match(await page.locator("main").innerText(), /201:7,CSR,CSR is required\./);
    const wide = await open();
    await wide.goto(page.url().split("?")[0]);
    await check(wide, "errors-wide");
    await wide.getByRole("link", { name: "修正したファイルをアップロードする" }).click();
    assert.equal(await wide.locator("#kind").inputValue(), "server-issue");
  },

  // A check without errors leads to the upload, and to nothing else.
  async dry_run() {
    for (const script of [true, false]) {
      const page = await open({ script });
      await page.goto(`${env.INKAN_URL}/uploads/new`);
      await page.locator("#file").setInputFiles(env.BROWSER_TSV);
      await page.getByRole("radio", { name: "入力値不備のないデータのみ登録する" }).check();
      await page.getByRole("button", { name: "検査のみ" }).click();
      await page.getByText("エラーはありません。この検査では何も登録されていません。").waitFor({ timeout: 60000 });
      await check(page, `checked-${script}`);
      await page.getByRole("link", { name: "この申請をアップロードする" }).click();
      assert.ok(await page.getByRole("radio", { name: "入力値不備のないデータのみ登録する" }).isChecked());
    }
  },

  // Logging out, and in again where one was; a session that ended by itself.
  async session() {
    for (const [locale, script, words] of [["ja-JP", true, ["ログアウト", "ログアウトしました。", "ログイン", "セッションを終了しました"]],
                                           ["en-US", false, ["Log out", "You have signed out.", "Sign in again", "The session ended"]]]) {
      const page = await open({ locale, script });
      await page.goto(`${env.INKAN_URL}/certificates?q=a%26b`);
      await page.getByRole("button", { name: words[0], exact: true }).click();
      await page.getByText(words[1]).waitFor();
      await check(page, `signed-out-${locale}`);
      assert.equal((await page.goto(`${env.INKAN_URL}/certificates?q=a%26b`)).status(), 403);
      assert.equal(await page.getByRole("navigation").count(), 0);
      await page.getByRole("button", { name: words[2], exact: true }).click();
      await page.getByRole("searchbox").waitFor();
      assert.ok(page.url().endsWith("/certificates?q=a%26b"));
      const [cookie] = (await page.context().cookies()).filter(({ name }) => name === "__Host-session");
      await page.context().addCookies([{ ...cookie, value: "1" }]);
      await page.reload();
      await page.getByText(words[3]).waitFor();
      await check(page, `session-ended-${locale}`);
    }
  },

  // What a certificate that cannot log in is told.
  async refused() {
    for (const locale of ["ja-JP", "en-US"]) {
      const page = await open({ certificate: { origin: env.INKAN_URL, certPath: env.BROWSER_CERT, keyPath: env.BROWSER_KEY }, locale });
      assert.equal((await page.goto(`${env.INKAN_URL}/`)).status(), 403);
      await check(page, `refused-${locale}`);
      assert.match(await page.locator("main").innerText(), new RegExp(env.BROWSER_SAYS));
    }
  },

  // A form that was not filled in goes nowhere.
  async unticked() {
    const page = await open({ script: false });
    await page.goto(`${env.INKAN_URL}/uploads/new`);
    await page.getByLabel("申請ファイル").setInputFiles(env.BROWSER_TSV);
    await page.getByRole("button", { name: "アップロード" }).click();
    assert.ok(page.url().endsWith("/uploads/new"), "the boxes are required");
    await confirm(page);
    await page.getByText("ファイルのアップロード処理が完了しました。").waitFor({ timeout: 60000 });
    await check(page, "done-without-script");
  },

  // The popup says what will be sent; nothing leaves before OK, and cancelling keeps the form.
  async confirm() {
    for (const [locale, words] of [["ja-JP", ["アップロード", "キャンセル", "検査のみ", "入力値不備のないデータのみ登録する"]],
                                   ["en-US", ["Upload", "Cancel", "Check only", "Register the rows without errors"]]]) {
      const page = await open({ locale, width: locale === "ja-JP" ? 1200 : 390 });
      const sent = [];
      page.on("request", (request) => request.method() !== "GET" && sent.push(request.url()));
      await page.goto(`${env.INKAN_URL}/uploads/new`);
      const [send, cancel, check_only, skip] = words.map((name) => page.getByRole("button", { name, exact: true }));
      assert.equal(await page.getByRole("checkbox").count(), 0, "the popup has the items");
      await send.click();
      assert.equal(await page.getByRole("dialog").count(), 0, "no file, no popup");
      await page.locator("#file").setInputFiles(env.BROWSER_TSV);
      await page.getByRole("radio", { name: words[3] }).check();
      await send.click();
      const dialog = page.getByRole("dialog");
      await dialog.waitFor();
      await page.screenshot({ path: join(out, `confirm-${locale}.png`) });
      const said = await dialog.locator("[data-said]").allInnerTexts();
      assert.deepEqual(said, [env.BROWSER_FILE, env.BROWSER_ROWS, await page.locator("#kind option").first().innerText(), words[3]]);
      assert.equal(await dialog.getByRole("listitem").count(), 5);
      assert.equal(await page.evaluate(() => document.querySelector("dialog b, dialog i, dialog img")), null, "a name is text");
      await cancel.click();
      await dialog.waitFor({ state: "hidden" });
      await send.click();
      await dialog.waitFor();
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "hidden" });
      assert.deepEqual(sent, []);
      await send.click();
      await dialog.waitFor();
      await page.keyboard.press("Enter");
      await page.waitForURL(/\/uploads\/\d+$/);
      assert.equal(sent.length, 1);
      assert.deepEqual(page.complaints, []);
      await page.goto(`${env.INKAN_URL}/uploads/new`);
      await page.locator("#file").setInputFiles(env.BROWSER_TSV);
      await check_only.click();
      await page.waitForURL(/\/uploads\/\d+$/);
    }
  },

  // The upload waits for the signer, goes on, and ends: the page shows each step by itself, and asks for no page in between.
  async progress() {
    const page = await open({ script: env.BROWSER_SCRIPT === "true" });
    let loads = 0;
    page.on("request", (request) => (loads += request.isNavigationRequest() ? 1 : 0));
    await page.goto(env.INKAN_URL + env.BROWSER_UPLOAD);
    await page.locator("[aria-current=step]", { hasText: "証明書発行" }).waitFor();
    if (page.hasScript) {
      await check(page, "progress");
      await page.waitForTimeout(3000);
      assert.equal(loads, 1, "events tell, the page does not load itself");
    }
    console.log("waiting");
    await page.getByText("ファイルのアップロード処理が完了しました。").waitFor({ timeout: 60000 });
  },

  async link() {
    const page = await open({ certificate: null, width: 390, script: false });
    await page.goto(env.BROWSER_LINK);
    await check(page, "link");
    assert.match(await page.locator("main").innerText(), new RegExp(env.BROWSER_NAME));
    await page.getByRole("link", { name: "English" }).click();
    await page.screenshot({ path: join(out, "link-en.png"), fullPage: true });
    assert.match(await page.locator("main").innerText(), /How to install it/);
    await page.getByRole("link", { name: "日本語" }).click();
    const arriving = page.waitForEvent("download");
    await page.locator("button.main").click();
    const file = await arriving;
    assert.equal(file.suggestedFilename(), `${env.BROWSER_NAME}-chain.cer`);
    assert.match(readFileSync(await file.path(), "utf8"), /^-----BEGIN CERTIFICATE-----/);
    for (let i = 0; i < 50 && (await page.goto(env.BROWSER_LINK)).status() === 200; i++) await page.waitForTimeout(100);
    await check(page, "link-used");
    assert.match(await page.locator("main").innerText(), /登録担当者/);
    assert.equal(await page.locator("button").count(), 0);
  },

  // A link that did not arrive: found in the list, sent again to the right address; and once more from the list of certificates.
  async unfetched() {
    const page = await open();
    await page.goto(`${env.INKAN_URL}/`);
    await page.getByRole("navigation").getByRole("link", { name: "未取得証明書一覧" }).click();
    await check(page, "links");
    const row = page.getByRole("row").filter({ hasText: env.BROWSER_NAME });
    await row.getByLabel("利用管理者mail").fill("browser-new@example.ac.jp");
    await row.getByRole("button", { name: "URLを再送" }).click();
    await page.getByText("証明書取得URLを再送しました").waitFor();
    assert.ok(page.url().includes("/links"), "back in the list");
    assert.equal(await row.getByLabel("利用管理者mail").inputValue(), "browser-new@example.ac.jp");
    await check(page, "links-resent");
    await page.getByRole("link", { name: "English" }).click();
    await check(page, "links-en");
    const narrow = await open({ width: 390 });
    await narrow.goto(`${env.INKAN_URL}/links`);
    await check(narrow, "links-narrow");
    await narrow.goto(`${env.INKAN_URL}/certificates?q=${env.BROWSER_NAME}`);
    await narrow.getByRole("link", { name: "URLを再送" }).click();
    await check(narrow, "resend");
    await narrow.getByLabel("利用管理者mail").fill("nobody");
    await narrow.getByRole("button", { name: "URLを再送" }).click();
    assert.ok(narrow.url().endsWith("/resend"), "no address, nothing is sent");
    await narrow.getByLabel("利用管理者mail").fill("browser-third@example.ac.jp");
    await narrow.getByRole("button", { name: "URLを再送" }).click();
    await narrow.getByText("証明書取得URLを再送しました").waitFor();
  },

  // Chosen certificates become files; the one that revokes goes back up as it came down.
  async chosen() {
    const page = await open({ script: env.BROWSER_SCRIPT !== "no" });
    await page.goto(`${env.INKAN_URL}/certificates?q=${env.BROWSER_MARK}`);
    await check(page, "list");
    const rows = page.getByRole("row");
    await rows.filter({ hasText: `a-${env.BROWSER_MARK}` }).getByRole("checkbox").check();
    await rows.filter({ hasText: `b-${env.BROWSER_MARK}` }).getByRole("checkbox").check();
    const [renewal] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "更新申請ファイルを作成" }).click()]);
    assert.equal(renewal.suggestedFilename(), "server-renew.tsv");
    const lines = new TextDecoder("shift_jis").decode(readFileSync(await renewal.path())).split("\r\n");
    assert.equal(lines.length, 3);
    assert.match(lines[0], new RegExp(`^CN=b-${env.BROWSER_MARK},`));
    await page.getByLabel("失効理由", { exact: true }).selectOption("5");
    await page.getByLabel("失効理由コメント").fill("機器の廃止");
    const [revocation] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "失効申請ファイルを作成" }).click()]);
    assert.equal(revocation.suggestedFilename(), "server-revoke.tsv");
    await revocation.saveAs(join(out, "server-revoke.tsv"));
    await upload(page, join(out, "server-revoke.tsv"), "サーバ証明書 失効");
    await page.getByText("失効完了通知メールを送信致します").waitFor({ timeout: 60000 });
    await page.goto(`${env.INKAN_URL}/certificates?q=${env.BROWSER_MARK}`);
    assert.equal(await page.locator(".tag.over").count(), 2);
    await page.getByRole("link", { name: `a-${env.BROWSER_MARK}` }).click();
    assert.match(await page.locator(".history").innerText(), /失効理由コメント: 機器の廃止/);
    await check(page, "certificate");
    const [der] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "証明書 (DER)" }).click()]);
    assert.equal(der.suggestedFilename(), `a-${env.BROWSER_MARK}.der`);
    await page.getByRole("link", { name: "English" }).click();
    await check(page, "certificate-en");
    // nothing chosen, and more than a file may have: said, and the choice is still there when one goes back
    const narrow = await open({ width: 390, locale: "en-US", script: env.BROWSER_SCRIPT !== "no" });
    await narrow.goto(`${env.INKAN_URL}/certificates?q=${env.BROWSER_MARK}`);
    await narrow.getByRole("button", { name: "Make the file to renew" }).click();
    await narrow.getByText("No certificate was chosen").waitFor();
    await check(narrow, "nothing-chosen");
    await narrow.goto(`${env.INKAN_URL}/certificates`);
    await narrow.getByLabel("All certificates that this search finds").check();
    await narrow.getByRole("button", { name: "Make the file to renew" }).click();
    await narrow.getByText("at most 99").waitFor();
    await narrow.goBack();
    assert.ok(await narrow.getByLabel("All certificates that this search finds").isChecked());
  },

  async replacing() {
    const page = await open();
    await page.goto(`${env.INKAN_URL}/`);
    await page.getByRole("main").getByRole("link", { name: "置き換え待ち証明書一覧" }).click();
    await check(page, "replacing");
    await page.getByRole("row").filter({ hasText: env.BROWSER_NAME }).getByRole("checkbox").check();
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "失効申請ファイルを作成" }).click()]);
    await file.saveAs(join(out, "server-revoke.tsv"));
    const english = await open({ locale: "en-US" });
    await english.goto(page.url());
    await check(english, "replacing-en");
    await upload(page, join(out, "server-revoke.tsv"), "サーバ証明書 失効");
    await page.getByText("失効完了通知メールを送信致します").waitFor({ timeout: 60000 });
    await page.goto(`${env.INKAN_URL}/certificates/replacing`);
    assert.equal(await page.getByRole("row").filter({ hasText: env.BROWSER_NAME }).count(), 0);
  },

  async statistics() {
    const page = await open({ script: false });
    await page.goto(`${env.INKAN_URL}/`);
    await page.getByRole("main").getByRole("link", { name: "発行証明書統計照会" }).click();
    await check(page, "statistics");
    assert.equal(await page.getByRole("img", { name: "月別の発行数、更新数、失効数" }).count(), 1);
    await page.getByLabel("開始年月").fill("2020-01");
    await page.getByRole("button", { name: "照会" }).click();
    assert.ok(page.url().includes("from=2020-01"));
    await check(page, "statistics-years");
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "TSVでダウンロード" }).click()]);
    assert.match(file.suggestedFilename(), /^statistics-2020-01-\d{4}-\d\d\.tsv$/);
    assert.match(new TextDecoder("shift_jis").decode(readFileSync(await file.path())), /^年月\t/);
    await page.getByRole("link", { name: "English" }).click();
    await check(page, "statistics-en");
    const scripted = await open();
    await scripted.goto(`${env.INKAN_URL}/statistics`);
    await check(scripted, "statistics-scripted");
  },

  // What a manager takes from the page of the link: the file, and the hints as they are printed.
  async install() {
    const page = await open({ certificate: null, locale: "en-US" });
    await page.goto(env.BROWSER_LINK);
    await check(page, "install");
    for (const name of ["match", "nginx", "apache"]) writeFileSync(join(out, name), await page.locator(`code.${name}`).textContent());
    const [file] = await Promise.all([page.waitForEvent("download"), page.locator("button.main").click()]);
    await file.saveAs(join(out, file.suggestedFilename()));
    assert.match(await page.locator("main").innerText(), /server_name/, "the hints stay after the download");
  },

  // Somebody's browser on the server with the certificate; nothing is ignored.
  async visit() {
    const page = await (await browser.newContext()).newPage();
    const going = page.goto(`https://${env.BROWSER_NAME}/`);
    if (env.BROWSER_TRUST === "no") {
      await assert.rejects(going, /ERR_CERT_AUTHORITY_INVALID/);
      return;
    }
    const answer = await going;
    assert.equal(answer.status(), 200);
    assert.equal((await answer.securityDetails()).subjectName, env.BROWSER_NAME);
    assert.equal((await page.locator("body").innerText()).trim(), "it works");
  },

  async manager() {
    const page = await open();
    await page.goto(`${env.INKAN_URL}/`);
    await check(page, "menu");
    await page.getByRole("main").getByRole("link", { name: "更新", exact: true }).click();
    assert.equal(await page.getByLabel("処理内容").inputValue(), "manager-update");
    await page.getByLabel("申請ファイル").setInputFiles(env.BROWSER_TSV);
    await check(page, "form");
    await confirm(page);
    await page.getByText("利用管理者情報を更新しました").waitFor({ timeout: 60000 });
    await check(page, "done");
    assert.match(await page.locator("main").innerText(), new RegExp(env.BROWSER_NAME));
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
