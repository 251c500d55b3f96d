// Two charts of lightweight-charts: one that asks for nothing more, and one that asks for ends and revisions.
// History comes by REST, oldest first, after the subscription, so that nothing falls between the two.
import { CandlestickSeries, createChart } from "lightweight-charts";

const errors: string[] = [];
const seconds = (time: number | string) => (typeof time === "number" ? time : Date.parse(time)) / 1000;
const shown = (bar: any) => ({ time: seconds(bar.time), open: bar.open, high: bar.high, low: bar.low, close: bar.close });

function follow(asked: object) {
  const series = createChart(document.getElementById("root")!, { width: 600, height: 300 }).addSeries(CandlestickSeries);
  const counts = { updates: 0, begun: 0, finals: 0, revisions: 0 };
  let waiting: any[] | null = [];
  let newest = 0;
  const draw = (bar: any) => {
    const point: any = shown(bar);
    counts.updates += 1;
    counts.begun += point.time > newest ? 1 : 0;
    counts.finals += bar.final ? 1 : 0;
    counts.revisions += bar.revision ? 1 : 0;
    try {
      series.update(point, point.time < newest);
    } catch (error) {
      errors.push(`${JSON.stringify(bar)}: ${error}`);
    }
    newest = Math.max(newest, point.time);
  };
  const socket = new WebSocket("ws://GATEWAY/ws/candles?token=TOKEN");
  socket.onopen = () =>
    socket.send(JSON.stringify({ type: "subscribe", symbol: "BTC/USDT", interval: "1m", initialBars: 1, ...asked }));
  socket.onmessage = async ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "initial") {
      const answer = await fetch("http://GATEWAY/api/ohlc/BTC%2FUSDT?timeframe=1m&limit=200&order=asc&token=TOKEN");
      const bars = await answer.json();
      series.setData(bars.map(shown));
      newest = seconds(bars[bars.length - 1].time);
      waiting?.filter((bar) => seconds(bar.time) >= newest).forEach(draw);
      waiting = null;
    } else if (message.type === "update") waiting ? waiting.push(message.bar) : draw(message.bar);
    else errors.push(data);
  };
  socket.onclose = ({ code, reason }) => errors.push(`closed ${code} ${reason}`);
  return { counts, data: () => series.data() };
}

const plain = follow({});
const whole = follow({ finals: true, revisions: true });
let told = 0;
setInterval(() => {
  const state = { errors, plain: plain.counts, whole: whole.counts };
  if (plain.counts.begun >= 12 && whole.counts.revisions && told >= 0) {
    told = -1;
    tell({ ...state, bars: { plain: plain.data(), whole: whole.data() } });
  } else if (told >= 0 && (errors.length || told !== plain.counts.begun)) {
    told = plain.counts.begun;
    tell(state);
  }
}, 250);
