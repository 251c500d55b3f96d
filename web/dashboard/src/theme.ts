/**
 * Dark or light: by the view where it says so, else as the machine does.
 *
 * The root element carries the theme before anybody is told of a change, so that who reads colours then reads the new ones.
 */
import { useSyncExternalStore } from "react";
import { change, currentView, onView, type Theme } from "./view.ts";

export type Shown = "dark" | "light";
const machine = matchMedia("(prefers-color-scheme: light)");
const listeners = new Set<() => void>();
let shown: Shown = apply();

function apply(): Shown {
  const { theme } = currentView();
  const next = theme === "auto" ? (machine.matches ? "light" : "dark") : theme;
  document.documentElement.dataset["theme"] = next;
  return next;
}

function again(): void {
  const next = apply();
  if (next === shown) return;
  shown = next;
  listeners.forEach((each) => each());
}
machine.addEventListener("change", again);
onView(again);

export function useTheme(): Shown {
  return useSyncExternalStore(
    (changed) => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    () => shown,
  );
}

export function toggleTheme(): void {
  const other: Theme = shown === "dark" ? "light" : "dark";
  change({ theme: (other === "light") === machine.matches ? "auto" : other });
}

/** A colour of the style sheet. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
