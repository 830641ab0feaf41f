// The pictures of docs/ja: node manual.mjs OUT_DIRECTORY, with the variables of try.env and MANUAL_PAGES, a JSON of name → address.
import { join } from "node:path";
import { chromium } from "playwright-core";

const { env } = process;
const [, , out] = process.argv;
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const certificate = { origin: env.INKAN_URL, certPath: env.INKAN_REGISTRAR_CERT, keyPath: env.INKAN_REGISTRAR_KEY };

async function open(certificates) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true, clientCertificates: certificates, locale: "ja-JP", viewport: { width: 960, height: 720 },
  });
  return context.newPage();
}

try {
  const [registrar, stranger] = [await open([certificate]), await open()];
  for (const [name, { address, known }] of Object.entries(JSON.parse(env.MANUAL_PAGES))) {
    const page = known ? registrar : stranger;
    await page.goto(address);
    await page.waitForTimeout(300);
    const height = Math.min(1100, await page.evaluate(() => document.documentElement.scrollHeight));
    await page.setViewportSize({ width: 960, height });
    await page.screenshot({ path: join(out, `${name}.png`) });
    await page.setViewportSize({ width: 960, height: 720 });
  }
} finally {
  await browser.close();
}
