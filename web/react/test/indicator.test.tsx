import { cleanup, fireEvent, render } from "@testing-library/react";
import axe from "axe-core";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { renderToString } from "react-dom/server";
import { afterEach, describe, expect, test } from "vitest";
import { ConnectionStatusIndicator, useRealTimeStock, useTicker, useWebSocketCandles } from "../src/index.ts";

const css = readFileSync(join(dirname(fileURLToPath(import.meta.url)), "../src/style.css"), "utf8");

afterEach(cleanup);

const STATES = [
  [true, true, "Live", "live"],
  [true, false, "Delayed", "delayed"],
  [false, false, "Offline", "offline"],
  [false, true, "Reconnecting...", "reconnecting"],
] as const;
const AT = new Date("2026-01-01T12:34:56Z");

describe("the light", () => {
  test.each(STATES)("connected %s, real time %s: %s", (isConnected, isRealTime, word, name) => {
    const { getByRole, container } = render(<ConnectionStatusIndicator {...{ isConnected, isRealTime, lastUpdate: AT }} />);
    const status = getByRole("status");
    expect(status.textContent).toBe(word);
    expect(status.getAttribute("aria-live")).toBe("polite");
    expect(container.querySelector(`.tapeflow-status--${name}`)).not.toBeNull();
  });

  test("each state has a shape and a colour of its own", () => {
    const shapes = STATES.map(([isConnected, isRealTime]) => {
      const { container, unmount } = render(<ConnectionStatusIndicator {...{ isConnected, isRealTime, lastUpdate: null }} />);
      const shape = container.querySelector("svg")!.innerHTML;
      unmount();
      return shape;
    });
    expect(new Set(shapes).size).toBe(4);
    const colours = STATES.map(([, , , name]) => new RegExp(`--${name} \\{ --tapeflow-light: (.*?);`).exec(css)![1]);
    expect(new Set(colours).size).toBe(4);
  });

  test.each(STATES)("details are no part of what is announced (%s, %s)", (isConnected, isRealTime, word) => {
    const { getByRole, container } = render(
      <ConnectionStatusIndicator {...{ isConnected, isRealTime, lastUpdate: AT, latency: 12.34, showDetails: true, position: "top-right" }} />,
    );
    const details = container.querySelector("[role=tooltip]")!;
    expect(getByRole("status").textContent).toBe(word);
    expect(details.textContent).toContain("Last update: ");
    expect(details.textContent!.includes("Latency: 12 ms")).toBe(word === "Live");
    expect(getByRole("button").getAttribute("aria-describedby")).toBe(details.id);
    expect(container.querySelector(".tapeflow-status--top-right")).not.toBeNull();
  });

  test("Escape puts the details away, and the pointer brings them back", () => {
    const { getByRole, container } = render(<ConnectionStatusIndicator isConnected isRealTime lastUpdate={null} showDetails />);
    const light = container.firstElementChild!;
    fireEvent.keyDown(getByRole("button"), { key: "Escape" });
    expect(light.className).toContain("tapeflow-status--dismissed");
    fireEvent.pointerEnter(light);
    expect(light.className).not.toContain("dismissed");
  });

  test("a strict policy of content forbids nothing of it", () => {
    const { container } = render(<ConnectionStatusIndicator isConnected isRealTime lastUpdate={AT} latency={3} showDetails />);
    expect(container.querySelector("style, [style], script")).toBeNull();
  });

  test("axe finds nothing", async () => {
    const { container } = render(<main><h1>Page</h1>{STATES.map(([isConnected, isRealTime]) => (
      <ConnectionStatusIndicator key={`${isConnected}${isRealTime}`} {...{ isConnected, isRealTime, lastUpdate: AT, latency: 1, showDetails: true }} />
    ))}</main>);
    const { violations } = await axe.run(container, { rules: { "color-contrast": { enabled: false } } }); // nothing is painted here
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  });
});

test("rendered by a server, everything is as at the beginning, and nothing is opened", () => {
  function Page() {
    const stock = useRealTimeStock({ symbol: "A" });
    const ticker = useTicker("A");
    const { candles } = useWebSocketCandles({ symbol: "A", interval: "1m" });
    return <p>{`${stock.loading} ${ticker === undefined} ${candles.length}`}<ConnectionStatusIndicator {...stock} /></p>;
  }
  expect(renderToString(<Page />)).toContain("true true 0");
});
