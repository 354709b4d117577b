import { useState } from "preact";

const KEY = "barrido.theme";

/** "auto" (as the system), "light" or "dark": remembered in this browser. */
export function theme() {
  return stored(KEY) ?? "auto";
}

export function setTheme(choice) {
  remember(KEY, choice === "auto" ? null : choice);
  if (choice === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  window.dispatchEvent(new Event("studio-theme")); // the charts read their colours anew
}

/** What this browser remembers under `key`; null if nothing, or if it may not remember. */
export function stored(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function remember(key, text) {
  try {
    if (text === null) localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch {
    // Private windows may forbid it; then it is chosen anew next time.
  }
}

/** Like useState for a JSON value, remembered in this browser under `key`. */
export function useRemembered(key, initial) {
  const [value, setValue] = useState(() => {
    try {
      return JSON.parse(stored(key)) ?? initial;
    } catch {
      return initial;
    }
  });
  const set = (next) => {
    remember(key, JSON.stringify(next));
    setValue(next);
  };
  return [value, set];
}
