/**
 * Pings, and the end of patience with a server that no longer answers.
 *
 * A ping goes out when a connection opens and then once in an interval; the time to its pong is the latency, which needs
 * no clock of the server. Any message shows that the link lives. After one and a half intervals of silence a last ping is
 * sent, and after half an interval more the link is dead. A tab whose timers slept gets that last ping, too.
 */

const ROUND_TRIPS_MAX = 20;

export class Heartbeat {
  readonly #intervalMs: number;
  readonly #calls: { ping: () => void; dead: () => void };
  #pingTimer: ReturnType<typeof setInterval> | undefined;
  #silenceTimer: ReturnType<typeof setTimeout> | undefined;
  #probeTimer: ReturnType<typeof setTimeout> | undefined;
  #pingedAt: number | null = null;
  #heardAt = 0;
  #roundTrips: number[] = [];
  lastMessageAt: Date | null = null;
  latencyMs = 0;

  constructor(intervalMs: number, calls: { ping: () => void; dead: () => void }) {
    this.#intervalMs = intervalMs;
    this.#calls = calls;
  }

  get averageLatencyMs(): number {
    const all = this.#roundTrips;
    return all.length ? all.reduce((sum, each) => sum + each, 0) / all.length : 0;
  }

  start(): void {
    this.stop();
    this.#heardAt = performance.now();
    this.#pingTimer = setInterval(() => this.#ping(), this.#intervalMs);
    this.#watchSilence();
    this.#ping();
  }

  stop(): void {
    clearInterval(this.#pingTimer);
    clearTimeout(this.#silenceTimer);
    clearTimeout(this.#probeTimer);
    this.#probeTimer = undefined;
    this.#pingedAt = null;
  }

  /** A message came, whatever it says. */
  heard(): void {
    this.#heardAt = performance.now();
    this.lastMessageAt = new Date();
    clearTimeout(this.#probeTimer);
    this.#probeTimer = undefined;
  }

  /** The message was a pong. */
  pong(): void {
    if (this.#pingedAt === null) return;
    this.latencyMs = performance.now() - this.#pingedAt;
    this.#pingedAt = null;
    this.#roundTrips.push(this.latencyMs);
    if (this.#roundTrips.length > ROUND_TRIPS_MAX) this.#roundTrips.shift();
  }

  /** Asks at once; without any message within half an interval the link is dead. */
  probe(): void {
    this.#ping();
    this.#probeTimer ??= setTimeout(() => this.#calls.dead(), this.#intervalMs / 2);
  }

  #ping(): void {
    this.#pingedAt ??= performance.now(); // a pong that is late counts from the first ping it answers
    this.#calls.ping();
  }

  #watchSilence(): void {
    const leftMs = this.#heardAt + 1.5 * this.#intervalMs - performance.now();
    this.#silenceTimer = setTimeout(() => {
      if (performance.now() - this.#heardAt >= 1.5 * this.#intervalMs) {
        this.probe();
        this.#heardAt = performance.now(); // asked: the next silence counts from here
      }
      this.#watchSilence();
    }, Math.max(leftMs, 1));
  }
}
