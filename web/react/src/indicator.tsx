/**
 * A light that says how fresh the page is: by colour, by shape and by word, for eyes and for screen readers.
 *
 * The word is announced when it changes. Details come when the light is pointed at or has the keyboard's focus, and go with
 * Escape; they are no part of what is announced. Nothing needs an inline style: `@tapeflow/react/style.css` gives the looks.
 */
import { useId, useState, type ReactNode } from "react";

export interface ConnectionStatusIndicatorProps {
  isConnected: boolean;
  isRealTime: boolean;
  lastUpdate: Date | null;
  /** The round trip in ms. */
  latency?: number;
  /** Whether details come when the light is pointed at. */
  showDetails?: boolean;
  /** The corner of the page, or of the next positioned box, that the light sits in; without it, it flows with the text. */
  position?: "top-right" | "top-left" | "bottom-right" | "bottom-left";
}

type Light = "live" | "delayed" | "offline" | "reconnecting";

const WORDS: Readonly<Record<Light, string>> = { live: "Live", delayed: "Delayed", offline: "Offline", reconnecting: "Reconnecting..." };
const MEANINGS: Readonly<Record<Light, string>> = {
  live: "Connected: values come as they change",
  delayed: "Polling: values come now and then",
  offline: "No connection: what is shown may be old",
  reconnecting: "The connection is being opened again",
};
const SHAPES: Readonly<Record<Light, ReactNode>> = {
  live: <circle cx="8" cy="8" r="6" />,
  delayed: <path d="M8 1.5 15 14.5H1z" />,
  offline: <path d="M3.2 1 8 5.8 12.8 1 15 3.2 10.2 8 15 12.8 12.8 15 8 10.2 3.2 15 1 12.8 5.8 8 1 3.2z" />,
  reconnecting: <path d="M8 2a6 6 0 1 0 6 6" fill="none" stroke="currentColor" strokeWidth="3" strokeLinecap="round" />,
};

/** Live and polled values flow; a socket that is wanted but not there is on its way; else nothing comes. */
function lightOf(isConnected: boolean, isRealTime: boolean): Light {
  if (isConnected) return isRealTime ? "live" : "delayed";
  return isRealTime ? "reconnecting" : "offline";
}

export function ConnectionStatusIndicator(props: ConnectionStatusIndicatorProps): ReactNode {
  const { isConnected, isRealTime, lastUpdate, latency, showDetails = false, position } = props;
  const [dismissed, setDismissed] = useState(false);
  const detailsId = useId();
  const light = lightOf(isConnected, isRealTime);
  const classes = ["tapeflow-status", `tapeflow-status--${light}`, position && `tapeflow-status--${position}`];
  const word = (
    <span className="tapeflow-status__word" role="status" aria-live="polite">
      <svg className="tapeflow-status__shape" viewBox="0 0 16 16" width="12" height="12" fill="currentColor" aria-hidden="true" focusable="false">
        {SHAPES[light]}
      </svg>
      <span>{WORDS[light]}</span>
    </span>
  );
  if (!showDetails) return <span className={classes.filter(Boolean).join(" ")}>{word}</span>;
  return (
    <span
      className={[...classes, dismissed && "tapeflow-status--dismissed"].filter(Boolean).join(" ")}
      onPointerEnter={() => setDismissed(false)}
      onFocus={() => setDismissed(false)}
      onKeyDown={(event) => event.key === "Escape" && setDismissed(true)}
    >
      <button type="button" className="tapeflow-status__button" aria-describedby={detailsId}>
        {word}
      </button>
      <span className="tapeflow-status__details" role="tooltip" id={detailsId}>
        <span>{MEANINGS[light]}</span>
        {light === "live" && latency !== undefined && latency > 0 && <span>Latency: {latency < 10 ? latency.toFixed(1) : Math.round(latency)} ms</span>}
        <span>{lastUpdate ? `Last update: ${lastUpdate.toLocaleTimeString()}` : "Nothing has come yet"}</span>
      </span>
    </span>
  );
}
