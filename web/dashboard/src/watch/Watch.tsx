/** The list of symbols: search, order, watchlists, and the table of rows, which lives outside of React for its rate. */
import { useEffect, useMemo, useRef, useState } from "react";
import { change, show, useView, type Sort } from "../view.ts";
import { board } from "./board.ts";
import { createList, deleteList, toggleSymbol, useLists } from "./lists.ts";
import { Order } from "./order.ts";
import { WatchTable } from "./table.ts";

const HEADS: { sort: Sort; label: string; title: string }[] = [
  { sort: "symbol", label: "Symbol", title: "Order by symbol" },
  { sort: "price", label: "Price", title: "Order by price" },
  { sort: "change", label: "Change", title: "Order by change since the day before" },
  { sort: "volume", label: "Volume", title: "Order by what changed hands: volume times price" },
];
const order = new Order(board);
const ORDER_MS = 2_000;

export function Watch() {
  const view = useView();
  const lists = useLists();
  const list = lists.all.find((each) => each.id === view.list) ?? null;
  const only = useMemo(() => list?.symbols ?? null, [list]);
  const body = useRef<HTMLDivElement>(null);
  const table = useRef<WatchTable | null>(null);
  const [count, setCount] = useState(0);
  const [said, setSaid] = useState("");
  const [error, setError] = useState<string | null>(null);

  useEffect(() => {
    if (!body.current) return;
    const made = new WatchTable(body.current, board, show, setSaid);
    table.current = made;
    return () => made.destroy();
  }, []);

  useEffect(() => table.current?.setChosen(view.symbols), [view.symbols]);

  useEffect(() => {
    const arrange = () => {
      const symbols = order.arrange({ only, search: view.search, sort: view.sort, descending: view.descending });
      table.current?.setOrder(symbols);
      setCount(symbols.length);
      setError(board.error);
    };
    arrange();
    const end = board.onLoad(arrange);
    // Rows that move away under the pointer are worse than an order that is some seconds old.
    const again = view.sort === "symbol" ? undefined : setInterval(() => body.current?.matches(":hover, :focus-within") || arrange(), ORDER_MS);
    return () => {
      end();
      clearInterval(again);
    };
  }, [only, view.search, view.sort, view.descending]);

  const active = view.symbols[view.active];
  return (
    <section className="watch" aria-label="Symbols">
      <div className="watch-tools">
        <input
          id="search" type="search" placeholder="Search  /" aria-label="Search symbols" autoComplete="off" spellCheck={false}
          value={view.search} onChange={(event) => change({ search: event.target.value })}
          onKeyDown={(event) => {
            if (event.key === "Escape") change({ search: "" });
            if (event.key === "ArrowDown" || event.key === "Enter") body.current?.focus();
          }}
        />
        <select aria-label="Watchlist" value={list ? view.list : ""} onChange={(event) => change({ list: event.target.value })}>
          <option value="">All symbols</option>
          {lists.all.map((each) => <option key={each.id} value={each.id}>{`${each.name} (${each.symbols.length})`}</option>)}
        </select>
        <ListTools list={list} active={active} />
      </div>
      {lists.error && <p className="problem" role="alert">{lists.error}</p>}
      <div className="table" role="grid" aria-label="Symbols" aria-rowcount={count + 1}>
        <div className="heads" role="row">
          {HEADS.map((head, index) => (
            <span key={head.sort} role="columnheader" className={head.sort} style={{ order: index === 3 ? 5 : index }}
              aria-sort={view.sort === head.sort ? (view.descending ? "descending" : "ascending") : "none"}>
              <button title={head.title} onClick={() => change({ sort: head.sort, descending: view.sort === head.sort ? !view.descending : head.sort !== "symbol" })}>
                {head.label}{view.sort === head.sort ? (view.descending ? " ↓" : " ↑") : ""}
              </button>
            </span>
          ))}
          <span role="columnheader" className="spark-cell" style={{ order: 4 }}>12 h</span>
        </div>
        <div className="table-body" ref={body} role="rowgroup" tabIndex={0} aria-label="Symbols; arrow keys move, Enter shows, Shift+Enter shows beside" />
      </div>
      <p className="unseen" aria-live="polite">{said}</p>
      <p className="watch-foot" role="status">{error ?? (count === 1 ? "1 symbol" : `${count.toLocaleString("en")} symbols`)}</p>
    </section>
  );
}

function ListTools({ list, active }: { list: ReturnType<typeof useLists>["all"][number] | null; active: string | undefined }) {
  const [name, setName] = useState<string | null>(null);
  if (name !== null) {
    const make = async () => {
      const id = name.trim() ? await createList(name.trim(), active ? [active] : []) : null;
      if (id) change({ list: id });
      setName(null);
    };
    return (
      <form className="list-name" onSubmit={(event) => { event.preventDefault(); void make(); }}>
        <input autoFocus aria-label="Name of the new watchlist" placeholder="Name" maxLength={64} value={name}
          onChange={(event) => setName(event.target.value)} onKeyDown={(event) => event.key === "Escape" && setName(null)} />
        <button>Create</button>
      </form>
    );
  }
  return (
    <>
      {list && active && (
        <button className="icon" onClick={() => void toggleSymbol(list, active)} aria-pressed={list.symbols.includes(active)}
          aria-label={list.symbols.includes(active) ? `Take ${active} out of ${list.name}` : `Put ${active} into ${list.name}`}>
          {list.symbols.includes(active) ? "★" : "☆"}
        </button>
      )}
      {list && (
        <button className="icon" title={`Delete ${list.name}`} aria-label={`Delete watchlist ${list.name}`}
          onClick={() => { if (confirm(`Delete the watchlist ${list.name}?`)) { void deleteList(list.id); change({ list: "" }); } }}>🗑</button>
      )}
      <button className="icon" title="New watchlist" aria-label="New watchlist" onClick={() => setName("")}>+</button>
    </>
  );
}
