/** The whole page: head, list, charts, and one pane of several below them. */
import { useEffect, useState } from "react";
import { ChartCell } from "../chart/ChartCell.tsx";
import { INTERVALS } from "../market.ts";
import { Alerts } from "../panes/Alerts.tsx";
import { Exposure } from "../panes/Exposure.tsx";
import { useUnseen } from "../panes/log.ts";
import { Providers } from "../panes/Providers.tsx";
import { Routing } from "../panes/Routing.tsx";
import { Stats } from "../panes/Stats.tsx";
import { System } from "../panes/System.tsx";
import { Tape } from "../panes/Tape.tsx";
import { logout, ownerOf, useSession } from "../session.ts";
import { toggleTheme, useTheme, type Shown } from "../theme.ts";
import { change, CHARTS_MAX, closeChart, PANES, PARTS, show, useView, type Pane, type Part, type Scale } from "../view.ts";
import { board } from "../watch/board.ts";
import { Watch } from "../watch/Watch.tsx";
import { ConnectionLight } from "./Light.tsx";
import { Login } from "./Login.tsx";

const TITLES: Record<Pane, string> = {
  tape: "Trades", stats: "Figures", alerts: "Alerts", routing: "Routing", providers: "Providers", exposure: "Exposure", system: "System",
};
const PART_TITLES: Record<Part, string> = { chart: "Chart", list: "Symbols", pane: "More" };

export function App() {
  const view = useView();
  const theme = useTheme();
  const [loaded, setLoaded] = useState(false);
  const active = view.symbols[view.active];

  useEffect(() => {
    board.start();
    return board.onLoad(() => setLoaded(true));
  }, []);
  useEffect(() => {
    if (view.symbols.length > 0 || board.size === 0) return;
    const busiest = [...board.symbols()].map((symbol) => board.get(symbol)!).reduce((a, b) => (Number(b.volume) * b.value > Number(a.volume) * a.value ? b : a));
    change({ symbols: [board.get("BTC/USDT") ? "BTC/USDT" : busiest.symbol] });
  }, [loaded, view.symbols]);
  useEffect(() => {
    document.title = active ? `${active} · tapeflow` : "tapeflow";
  }, [active]);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if ((event.target as Element).matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
      const interval = INTERVALS[Number(event.key) - 1];
      if (event.key === "/") {
        event.preventDefault();
        change({ part: "list" });
        document.getElementById("search")?.focus();
      } else if (interval) change({ interval });
      else if (/^[a-z]$/i.test(event.key) && !(event.target as Element).closest("[role=tablist], dialog")) {
        // a letter begins a search, as in other terminals; the input takes the letter itself
        change({ part: "list", search: "" });
        document.getElementById("search")?.focus();
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);

  return (
    <div className="page" data-part={view.part}>
      <a className="skip" href="#search">Skip to the search</a>
      <Head theme={theme} />
      <main>
        <h1 className="unseen">tapeflow market</h1>
        <section className="charts" data-count={view.symbols.length} aria-label="Charts">
          {view.symbols.map((symbol, index) => (
            <ChartCell key={`${index} ${symbol}`} symbol={symbol} interval={view.interval} theme={theme} vwap={view.vwap} scale={view.scale} active={view.symbols.length > 1 && index === view.active}
              onActivate={() => index !== view.active && change({ active: index })} onClose={view.symbols.length > 1 ? () => closeChart(index) : undefined} />
          ))}
          {view.symbols.length === 0 && <p className="empty" role="status">{loaded && !board.error ? "No symbol has traded yet: the first trade appears here by itself" : (board.error ?? "Loading the market…")}</p>}
        </section>
        <Watch />
        <section className="pane" aria-label="Details">
          <Tabs />
          <div className="pane-body" role="tabpanel" id="pane" aria-labelledby={`tab-${view.pane}`}>
            <PaneBody pane={view.pane} symbol={active} />
          </div>
        </section>
      </main>
      <nav className="parts" aria-label="Parts of the page">
        {PARTS.map((part) => <button key={part} aria-pressed={view.part === part} onClick={() => change({ part })}>{PART_TITLES[part]}</button>)}
      </nav>
      <Login />
    </div>
  );
}

function Head({ theme }: { theme: Shown }) {
  const view = useView();
  const { token } = useSession();
  const owner = ownerOf(token);
  const active = view.symbols[view.active];
  return (
    <header className="head">
      <a className="brand" href="/" aria-label="tapeflow">tape<b>flow</b></a>
      <div className="intervals" role="group" aria-label="Interval of the bars">
        {INTERVALS.map((each, index) => (
          <button key={each} aria-pressed={view.interval === each} title={`Key ${index + 1}`} onClick={() => change({ interval: each })}>{each}</button>
        ))}
      </div>
      <button aria-pressed={view.vwap} title="The volume-weighted average price of each bar" onClick={() => change({ vwap: !view.vwap })}>VWAP</button>
      <select aria-label="Scale of prices" title="Scale of prices" value={view.scale} onChange={(event) => change({ scale: event.target.value as Scale })}>
        <option value="linear">Linear</option><option value="log">Log</option><option value="percent">Per cent</option>
      </select>
      <button disabled={!active || view.symbols.length >= CHARTS_MAX} title="One more chart beside; then choose its symbol" onClick={() => active && show(active, true)}>+ Chart</button>
      <span className="gap" />
      <ConnectionLight />
      <button className="icon" title={theme === "dark" ? "Light" : "Dark"} aria-label={`Change to the ${theme === "dark" ? "light" : "dark"} theme`} onClick={() => toggleTheme()}>{theme === "dark" ? "☀" : "☾"}</button>
      <a className="docs" href="/docs">Docs</a>
      {owner && <button title="Forget the token" onClick={logout}>{owner} · log out</button>}
    </header>
  );
}

function Tabs() {
  const view = useView();
  const unseen = useUnseen();
  const move = (step: number) => {
    const next = PANES[(PANES.indexOf(view.pane) + step + PANES.length) % PANES.length]!;
    change({ pane: next });
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div className="tabs" role="tablist" aria-label="Details"
      onKeyDown={(event) => { if (event.key === "ArrowRight") move(1); if (event.key === "ArrowLeft") move(-1); }}>
      {PANES.map((pane) => (
        <button key={pane} id={`tab-${pane}`} role="tab" aria-selected={view.pane === pane} aria-controls="pane" tabIndex={view.pane === pane ? 0 : -1} onClick={() => change({ pane })}>
          {TITLES[pane]}{pane === "alerts" && unseen > 0 && view.pane !== "alerts" && <sup>{unseen > 99 ? "99+" : unseen}</sup>}
        </button>
      ))}
    </div>
  );
}

function PaneBody({ pane, symbol }: { pane: Pane; symbol: string | undefined }) {
  if (pane === "alerts") return <Alerts />;
  if (pane === "routing") return <Routing />;
  if (pane === "providers") return <Providers />;
  if (pane === "exposure") return <Exposure />;
  if (pane === "system") return <System />;
  if (!symbol) return <p className="empty">Choose a symbol</p>;
  return pane === "tape" ? <Tape symbol={symbol} /> : <Stats symbol={symbol} />;
}
