/**
 * What is to be shown, once in a frame: thousands of messages a second become at most sixty renders.
 *
 * A page that is hidden gets no frames, so a slow timer stands in: titles and notifications go on.
 */
const HIDDEN_MS = 250;
const FRAME_MS = 16;

const waiting = new Set<() => void>();
let frame: number | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Calls `show` in the next frame, once, however often it is asked for until then. */
export function inNextFrame(show: () => void): void {
  waiting.add(show);
  if (timer !== undefined) return;
  const frames = typeof requestAnimationFrame === "function";
  if (frames) frame = requestAnimationFrame(run);
  timer = setTimeout(run, frames ? HIDDEN_MS : FRAME_MS);
}

/** Takes back what was asked for. */
export function notInNextFrame(show: () => void): void {
  waiting.delete(show);
  if (waiting.size === 0) stop();
}

function run(): void {
  stop();
  const all = [...waiting];
  waiting.clear();
  for (const show of all) show();
}

function stop(): void {
  if (frame !== undefined) cancelAnimationFrame(frame);
  clearTimeout(timer);
  frame = timer = undefined;
}
