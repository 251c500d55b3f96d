import { expect, it } from "vitest";
import type { Board, Brief } from "../src/watch/board.ts";
import type { Sort } from "../src/view.ts";
import { Order } from "../src/watch/order.ts";

const rows: [string, number, string | null, string][] = [
  ["ETH/USDT", 2000, "1.5", "10"], ["BTC/USDT", 60000, "-2", "1"], ["A10", 1, null, "5"], ["A9", 1, "1.5", "5"],
];
const briefs = new Map<string, Brief>(rows.map(([symbol, value, change, volume]) => [symbol, { symbol, price: String(value), change, volume, sequence: 1, value, scale: 0 }]));
const names = ["A9", "A10", "BTC/USDT", "ETH/USDT"];
const board = { get: (symbol: string) => briefs.get(symbol), symbols: () => briefs.keys(), size: briefs.size, rank: (symbol: string) => names.indexOf(symbol) } as unknown as Board;
const arranged = (only: string[] | null, search: string, sort: Sort, descending: boolean) => new Order(board).arrange({ only, search, sort, descending });

it("orders by name as people count", () => expect(arranged(null, "", "symbol", false)).toEqual(names));
it("puts what is unknown last, both ways", () => {
  expect(arranged(null, "", "change", true)).toEqual(["A9", "ETH/USDT", "BTC/USDT", "A10"]);
  expect(arranged(null, "", "change", false)).toEqual(["BTC/USDT", "A9", "ETH/USDT", "A10"]);
});
it("orders by what changed hands", () => expect(arranged(null, "", "volume", true).slice(0, 2)).toEqual(["BTC/USDT", "ETH/USDT"]));
it("searches in either case, within a list", () => {
  expect(arranged(null, "usdt", "symbol", false)).toEqual(["BTC/USDT", "ETH/USDT"]);
  expect(arranged(["ETH/USDT", "A9"], "", "symbol", true)).toEqual(["ETH/USDT", "A9"]);
});
it("puts the same list in another order again", () => {
  const order = new Order(board);
  const asked = { only: null, search: "", sort: "price", descending: true } as const;
  expect(order.arrange(asked)[0]).toBe("BTC/USDT");
  briefs.get("ETH/USDT")!.value = 70_000;
  expect(order.arrange(asked)).toEqual(["ETH/USDT", "BTC/USDT", "A9", "A10"]);
  expect(order.arrange({ ...asked, search: "usdt" })).toEqual(["ETH/USDT", "BTC/USDT"]);
});
