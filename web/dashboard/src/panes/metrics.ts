/** The gateway's own account of itself: Prometheus text read into numbers, and the rates between two looks. */

export type Sample = ReadonlyMap<string, number>;

/** Sums of each metric over its labels; `name{label="x"}` for those asked by label with `by`. */
export function readMetrics(text: string, by: Record<string, string> = {}): Sample {
  const sums = new Map<string, number>();
  for (const line of text.split("\n")) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (!match) continue;
    const [, name = "", labels = "", value = ""] = match;
    const number = Number(value);
    if (!Number.isFinite(number)) continue;
    sums.set(name, (sums.get(name) ?? 0) + number);
    const label = by[name];
    const part = label && new RegExp(`(?:^|,)${label}="((?:[^"\\\\]|\\\\.)*)"`).exec(labels)?.[1];
    if (part) sums.set(`${name}|${part}`, (sums.get(`${name}|${part}`) ?? 0) + number);
  }
  return sums;
}

/** How fast a counter grew between two samples, a second; null where it can't be told. */
export function rate(name: string, now: Sample, before: Sample | null, elapsedMs: number): number | null {
  const [a, b] = [now.get(name), before?.get(name)];
  return a === undefined || b === undefined || a < b || elapsedMs <= 0 ? null : ((a - b) * 1000) / elapsedMs;
}

/** The value below which `share` of a histogram's observations between two samples lie, by its buckets' upper bounds. */
export function quantile(share: number, buckets: readonly (readonly [number, number])[]): number | null {
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total <= 0) return null;
  return buckets.find(([, count]) => count >= share * total)?.[0] ?? null;
}
