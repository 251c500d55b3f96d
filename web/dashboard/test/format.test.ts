import { describe, expect, it } from "vitest";
import { ago, clock, exact, moment, percent, scaleOf, sign, spreadOf } from "../src/format.ts";

describe("exact", () => {
  it("keeps every digit and only adds zeros", () => {
    expect(exact("0.0000001234")).toBe("0.0000001234");
    expect(exact("2377.8", 2)).toBe("2\u202f377.80");
    expect(exact("1234567", 0)).toBe("1\u202f234\u202f567");
    expect(exact("-1234.5")).toBe("-1\u202f234.5");
    expect(exact("0.123456", 2)).toBe("0.123456");
  });
  it("says nothing where there is nothing", () => expect(exact(null)).toBe("–"));
});

it("counts digits behind the point", () => expect(["1", "1.5", "0.00001"].map(scaleOf)).toEqual([0, 1, 5]));

it("takes a bid from an ask with all digits", () => {
  expect([spreadOf("187.41", "187.5"), spreadOf("1", "1"), spreadOf("99", "101"), spreadOf("0.0000000001", "2")]).toEqual(["0.09", "0", "2", "1.9999999999"]);
  expect(spreadOf("123456789012345678.1", "123456789012345678.25")).toBe("0.15");
  expect(spreadOf("2.01", "2")).toBeNull();
});

it("tells directions without colour", () => {
  expect([percent("0.2703"), percent("-1.5"), percent(0), percent(null)]).toEqual(["+0.27%", "−1.50%", "0.00%", "–"]);
  expect([sign(1), sign(-1), sign(0)]).toEqual(["▲", "▼", "■"]);
});

it("says times in UTC", () => {
  expect(clock(1795916908411)).toBe("01:48:28.411");
  expect([moment(1795910400000), moment(1795916880000)]).toEqual(["2026-11-29", "2026-11-29 01:48"]);
  expect([ago(300), ago(5_000), ago(61_000), ago(7_200_000), ago(90_000_000)]).toEqual(["now", "5 s ago", "1 min ago", "2 h ago", "1 d ago"]);
});
