/**
 * Pictures of a running page, at three sizes and in both themes, for the docs: npm run look -- http://127.0.0.1:8080/ FOLDER
 *
 * Also says how long the first bar took from navigation, and fails on anything that the browser's console complains of.
 */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { chromium } from "playwright-core";

const [address = "http://127.0.0.1:8080/", folder = "../../docs/images"] = process.argv.slice(2);
const SIZES = { phone: [390, 844], desk: [1440, 900], wall: [2560, 1440] };
const VIEWS = { phone: "", desk: "", wall: "?s=BTC/USDT,ETH/USDT,SOL/USDT,XRP/USDT&pane=system" };
const SETTLE_MS = 6_000;

await mkdir(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
let complaints = 0;
for (const [name, [width, height]] of Object.entries(SIZES)) {
  for (const colorScheme of ["dark", "light"]) {
    const page = await browser.newPage({ viewport: { width, height }, colorScheme });
    page.on("console", (said) => {
      if (!["error", "warning"].includes(said.type())) return;
      complaints += 1;
      console.error(said.text());
    });
    page.on("pageerror", (error) => {
      complaints += 1;
      console.error(error);
    });
    const began = performance.now();
    await page.goto(address + VIEWS[name]);
    await page.waitForSelector(".figures");
    console.log(`${name} ${colorScheme}: first bar after ${Math.round(performance.now() - began)} ms`);
    await page.waitForTimeout(SETTLE_MS);
    await page.screenshot({ path: path.join(folder, `dashboard-${name}-${colorScheme}.png`) });
    await page.close();
  }
}
await browser.close();
if (complaints) {
  console.error(`${complaints} complaints`);
  process.exit(1);
}
