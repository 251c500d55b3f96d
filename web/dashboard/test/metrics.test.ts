import { expect, it } from "vitest";
import { quantile, rate, readMetrics } from "../src/panes/metrics.ts";

const TEXT = `# HELP requests Requests
requests_total{path="/a",status="200"} 10
requests_total{path="/b",status="200"} 5
requests_total{path="/b",status="429"} 2
gauge 1.5e3
odd{name="a\\"b"} +Inf
`;

it("adds up labels, and one label's values where asked", () => {
  const sample = readMetrics(TEXT, { requests_total: "status" });
  expect(Object.fromEntries(sample)).toEqual({ requests_total: 17, "requests_total|200": 15, "requests_total|429": 2, gauge: 1500 });
});

it("gives rates only of counters that grew", () => {
  const [now, before] = [new Map([["n", 30]]), new Map([["n", 10]])];
  expect(rate("n", now, before, 2_000)).toBe(10);
  expect([rate("n", before, now, 2_000), rate("n", now, null, 2_000), rate("m", now, before, 2_000)]).toEqual([null, null, null]);
});

it("finds quantiles by the buckets' bounds", () => {
  const buckets = [[0.01, 90], [0.1, 99], [1, 100]] as const;
  expect([quantile(0.5, buckets), quantile(0.99, buckets), quantile(1, buckets), quantile(0.5, [])]).toEqual([0.01, 0.1, 1, null]);
});
