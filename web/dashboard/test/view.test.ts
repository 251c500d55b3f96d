import { beforeEach, expect, it, vi } from "vitest";

beforeEach(() => vi.resetModules());
const opened = async (address: string) => {
  history.replaceState(null, "", address);
  return import("../src/view.ts");
};

it("reads a whole view from the address, and writes the same one", async () => {
  const address = "/?s=BTC/USDT,ES=F,M%26M&a=1&i=4h&pane=stats&sort=-change&q=usd&vwap=0&theme=light";
  const view = await opened(address);
  expect(view.currentView()).toMatchObject({
    symbols: ["BTC/USDT", "ES=F", "M&M"], active: 1, interval: "4h", pane: "stats", sort: "change", descending: true, search: "usd", vwap: false, theme: "light",
  });
  view.change({ search: "usd" });
  const again = new URLSearchParams(location.search);
  expect(again.get("s")).toBe("BTC/USDT,ES=F,M&M");
  expect([again.get("i"), again.get("sort"), again.get("theme")]).toEqual(["4h", "-change", "light"]);
});

it("takes what it does not know for the default", async () => {
  const view = await opened("/?i=7m&pane=nothing&a=99&sort=age&theme=pink");
  expect(view.currentView()).toMatchObject({ interval: "1m", pane: "tape", active: 0, sort: "symbol", theme: "auto" });
});

it("shows in the active chart or beside it, at most four", async () => {
  const view = await opened("/?s=A");
  view.show("B");
  expect(view.currentView().symbols).toEqual(["B"]);
  for (const symbol of ["C", "D", "E"]) view.show(symbol, true);
  expect(view.currentView()).toMatchObject({ symbols: ["B", "C", "D", "E"], active: 3 });
  view.show("F", true);
  expect(view.currentView().symbols).toEqual(["B", "C", "D", "F"]);
  view.closeChart(0);
  expect(view.currentView()).toMatchObject({ symbols: ["C", "D", "F"], active: 2 });
});

it("goes back with the browser", async () => {
  const view = await opened("/?s=A");
  view.change({ interval: "1D" });
  expect(location.search).toBe("?s=A&i=1D");
  history.replaceState(null, "", "/?s=A");
  dispatchEvent(new PopStateEvent("popstate"));
  expect(view.currentView().interval).toBe("1m");
});
