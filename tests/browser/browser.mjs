// Chromium, and what must hold of every page.
import assert from "node:assert/strict";
import { join } from "node:path";
import axe from "axe-core";
import { chromium } from "playwright-core";

export const env = process.env;
export const out = process.argv[3];
const registrar = { origin: env.INKAN_URL, certPath: env.INKAN_REGISTRAR_CERT, keyPath: env.INKAN_REGISTRAR_KEY };

// BROWSER_HOSTS: where the names of other hosts are, "MAP www.example.ac.jp 127.0.0.1:4443".
const hosts = env.BROWSER_HOSTS ? [`--host-resolver-rules=${env.BROWSER_HOSTS}`] : [];
export const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", ...hosts] });

// A page whose console must stay empty: what the browser says there is a defect of ours.
export async function open({ certificate = registrar, locale = "ja-JP", width = 1200, script = true } = {}) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    clientCertificates: certificate ? [certificate] : undefined,
    locale,
    javaScriptEnabled: script,
    viewport: { width, height: 900 },
  });
  const page = await context.newPage();
  page.hasScript = script;
  page.complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().includes("status of 4")) page.complaints.push(message.text());
  });
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  return page;
}

async function fits(page, name) {
  const [wide, width] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.ok(wide <= width, `${name}: ${wide} px of content in a window of ${width} px`);
}

async function picture(page, name) {
  await page.screenshot({ path: join(out, `${name}.png`), fullPage: true });
}

// On a telephone, and on paper.
async function elsewhere(page, name) {
  const usual = page.viewportSize();
  if (usual.width < 600) return; // it is there already
  await page.setViewportSize({ width: 360, height: 780 });
  await picture(page, `${name}.narrow`);
  await fits(page, `${name}, narrow`);
  await page.setViewportSize({ width: 794, height: 1123 }); // A4
  await page.emulateMedia({ media: "print" });
  await picture(page, `${name}.print`);
  await fits(page, `${name}, printed`);
  await page.emulateMedia({ media: null });
  await page.setViewportSize(usual);
}

// Of the first things that TAB reaches, each shows that it has the focus.
async function focusShows(page, name) {
  for (let i = 0; i < 6; i++) {
    await page.keyboard.press("Tab");
    const hidden = await page.evaluate(() => {
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
      const shown = document.activeElement === document.body || (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2);
      return shown ? null : document.activeElement.outerHTML;
    });
    assert.equal(hidden, null, `${name}: the focus is seen`);
  }
  await page.evaluate(() => document.activeElement.blur());
}

async function accessible(page, name) {
  if (!page.hasScript) return; // axe runs in the page
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
  const grave = violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`);
  assert.deepEqual(grave, [], `${name}: axe`);
}

// Every page that a scenario comes to is looked at by this.
export async function check(page, name) {
  await picture(page, name);
  await fits(page, name);
  assert.equal(await page.locator("h1").count(), 1, `${name}: one heading of the page`);
  const unnamed = await page.evaluate(() =>
    [...document.querySelectorAll("input:not([type=hidden]), select, button")]
      .filter((e) => !(e.labels?.length || e.textContent.trim() || e.getAttribute("aria-label")))
      .map((e) => e.outerHTML));
  assert.deepEqual(unnamed, [], `${name}: every control has a name`);
  await accessible(page, name);
  await focusShows(page, name);
  await elsewhere(page, name);
  assert.deepEqual(page.complaints, [], `${name}: the browser's console`);
}
