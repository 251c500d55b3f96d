/**
 * Numbers and times as people read them. Digits of prices are those that came; none is added but zeros behind, and none
 * is taken away.
 */

/** Digits behind the point in decimal text. */
export function scaleOf(text: string): number {
  const point = text.indexOf(".");
  return point < 0 ? 0 : text.length - point - 1;
}

/** Decimal text with at least `scale` digits behind the point, and thousands apart. */
export function exact(text: string | null | undefined, scale = 0): string {
  if (text === null || text === undefined) return "–";
  const [whole = "", fraction = ""] = text.split(".");
  const padded = fraction.padEnd(scale, "0");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  return padded ? `${grouped}.${padded}` : grouped;
}

/** Ask less bid, with all digits; null where they cross. */
export function spreadOf(bid: string, ask: string): string | null {
  const scale = Math.max(scaleOf(bid), scaleOf(ask));
  const units = (text: string) => BigInt(text.replace(".", "") + "0".repeat(scale - scaleOf(text)));
  const spread = units(ask) - units(bid);
  if (spread < 0n) return null;
  const digits = String(spread).padStart(scale + 1, "0");
  return scale ? `${digits.slice(0, -scale)}.${digits.slice(-scale)}` : digits;
}

const compactFormat = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
/** A size that only has to be grasped: 1.2M. */
export function compact(value: number): string {
  return Number.isFinite(value) ? compactFormat.format(value) : "–";
}

/** Per cent with its sign, always two digits. */
export function percent(text: string | number | null | undefined): string {
  if (text === null || text === undefined) return "–";
  const value = Number(text);
  return `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}%`;
}

/** ▲, ▼ or ■: the direction without colour. */
export function sign(value: number): string {
  return value > 0 ? "▲" : value < 0 ? "▼" : "■";
}

const pad = (value: number, width = 2) => String(value).padStart(width, "0");
/** Time of day in UTC with milliseconds. */
export function clock(ms: number): string {
  const at = new Date(ms);
  return `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}:${pad(at.getUTCSeconds())}.${pad(at.getUTCMilliseconds(), 3)}`;
}

/** Date and time in UTC, without what is zero. */
export function moment(ms: number): string {
  const at = new Date(ms).toISOString();
  return at.endsWith("T00:00:00.000Z") ? at.slice(0, 10) : `${at.slice(0, 10)} ${at.slice(11, 16)}`;
}

/** How long ago, in words. */
export function ago(ms: number): string {
  const seconds = Math.max(0, ms / 1000);
  if (seconds < 1) return "now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}
