/**
 * How the page does beside a running gateway: npm run measure -w dashboard -- http://127.0.0.1:8080/ [MINUTES]
 *
 * Prints the time from navigation to the first bar, sizes of what was loaded, frame times and long tasks while the list of
 * symbols is ordered and scrolled, and the heap after a collection, once a minute with its slope. Fails where the console
 * complains, or the newest bar of the chart goes back.
 */
import { chromium } from "playwright-core";

const [address = "http://127.0.0.1:8080/", minutes = "1"] = process.argv.slice(2);
const SCROLL_MS = 20_000;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
const complaints = [];
page.on("console", (said) => ["error", "warning"].includes(said.type()) && complaints.push(said.text()));
page.on("pageerror", (error) => complaints.push(String(error)));
const cdp = await page.context().newCDPSession(page);

await page.addInitScript(() => {
  globalThis.frames_ms = [];
  globalThis.tasks_ms = [];
  globalThis.wentBack = 0;
  let last = performance.now();
  const frame = (now) => {
    globalThis.frames_ms.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  new PerformanceObserver((list) => globalThis.tasks_ms.push(...list.getEntries().map((each) => each.duration))).observe({ type: "longtask" });
  addEventListener("DOMContentLoaded", () => {
    let newest = 0;
    new MutationObserver(() => {
      const now = Number(document.querySelector(".chart")?.getAttribute("data-newest") ?? 0);
      if (now < newest) globalThis.wentBack += 1;
      newest = now;
    }).observe(document.body, { subtree: true, attributes: true, attributeFilter: ["data-newest"] });
  });
});

const began = performance.now();
await page.goto(address);
await page.waitForSelector(".figures");
console.log(`first bar after ${Math.round(performance.now() - began)} ms`);
const sizes = await page.evaluate(() => performance.getEntriesByType("resource").filter((each) => /assets/.test(each.name)).map((each) => [each.name.split("/").at(-1), each.encodedBodySize, each.decodedBodySize]));
for (const [name, packed, plain] of sizes) console.log(`${name}: ${(packed / 1000).toFixed(1)} kB packed, ${(plain / 1000).toFixed(1)} kB`);

await page.waitForFunction(() => document.querySelector(".watch-foot")?.textContent?.match(/\d/));
console.log(await page.textContent(".watch-foot"));
await page.waitForTimeout(5_000);
for (const [name, act] of [["still", async () => {}], ["ordered by change, scrolling", scroll]]) {
  await page.evaluate(() => { globalThis.frames_ms = []; globalThis.tasks_ms = []; });
  await act();
  if (name === "still") await page.waitForTimeout(SCROLL_MS);
  const { frames, tasks } = await page.evaluate(() => ({ frames: globalThis.frames_ms, tasks: globalThis.tasks_ms }));
  const sorted = frames.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(1);
  console.log(`${name}: ${frames.length} frames, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms, ${tasks.length} tasks over 50 ms`);
}

async function scroll() {
  await page.click(".heads .change button");
  const until = Date.now() + SCROLL_MS;
  await page.hover(".table-body");
  while (Date.now() < until) {
    await page.mouse.wheel(0, 640);
    await page.waitForTimeout(100);
  }
}

const heaps = [];
for (let minute = 0; minute <= Number(minutes); minute += 1) {
  if (minute) await page.waitForTimeout(60_000);
  await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  heaps.push(usedSize / 1e6);
  if (minute % 5 === 0) console.log(`minute ${minute}: heap ${heaps.at(-1).toFixed(1)} MB`);
}
const mean = (values) => values.reduce((sum, each) => sum + each, 0) / values.length;
const [x, y] = [mean(heaps.keys().toArray?.() ?? [...heaps.keys()]), mean(heaps)];
const slope = heaps.reduce((sum, each, minute) => sum + (minute - x) * (each - y), 0) / Math.max(heaps.reduce((sum, _, minute) => sum + (minute - x) ** 2, 0), 1);
console.log(`heap ${heaps.at(-1).toFixed(1)} MB, ${(slope * 60).toFixed(2)} MB an hour over ${minutes} min`);
const wentBack = await page.evaluate(() => globalThis.wentBack);
console.log(`${wentBack} times the newest bar went back, ${complaints.length} complaints of the console`);
complaints.slice(0, 10).forEach((each) => console.error(each));
await browser.close();
process.exit(complaints.length || wentBack ? 1 : 0);
