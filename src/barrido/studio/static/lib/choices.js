// What a page's own controls choose, kept in the address, so that a link shows the same.

import { useEffect, useRef, useState } from "preact";
import { replaceQuery } from "studio/lib/routes.js";
import { numeric } from "studio/lib/formats.js";

/** A slider that moves changes too often for a browser to take each step as an address. */
const SETTLED_MS = 200;

/** `[value, choose]` for the text under `key` of the page's query; the fallback is not written down. */
export function useChoice(query, key, fallback) {
  const [value, setValue] = useState(() => query.get(key));
  const timer = useRef(0);
  useEffect(() => {
    clearTimeout(timer.current);
    setValue(query.get(key)); // a new query is a link that was followed, be it to the page that is open
  }, [query]);
  useEffect(() => () => clearTimeout(timer.current), []); // the address is another page's by then
  const choose = (next) => {
    setValue(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => replaceQuery({ [key]: next === fallback ? null : next }), SETTLED_MS);
  };
  return [value ?? fallback, choose];
}

export function useFlag(query, key) {
  const [value, choose] = useChoice(query, key, "");
  return [value === "1", (next) => choose(next ? "1" : "")];
}

/** A set of trial numbers, `key=1,2,3` in the address. */
export function useNumbers(query, key) {
  const [text, choose] = useChoice(query, key, "");
  return [numbersIn(text), (numbers) => choose([...numbers].join(","))];
}

function numbersIn(text) {
  return new Set((text ?? "").split(",").filter((part) => /^\d+$/.test(part)).map(Number));
}

/** With `number` if it was not in there, without it if it was. */
export function toggled(numbers, number) {
  const next = new Set(numbers);
  if (!next.delete(number)) next.add(number);
  return next;
}

/** Changes when `value` does, at most once in `ms`: to load anew what a running sweep keeps changing. */
export function useSlowly(value, ms) {
  const [slow, setSlow] = useState({ value, turn: 0 });
  useEffect(() => {
    if (value === slow.value) return undefined;
    const timer = setTimeout(() => setSlow({ value, turn: slow.turn + 1 }), ms);
    return () => clearTimeout(timer);
  }, [value !== slow.value, slow]);
  return slow.turn;
}

/** Trial numbers, best first; those without a comparable value are left out. */
export function ranked(trials, goal) {
  const sign = goal === "maximize" ? -1 : 1;
  return trials.number
    .map((number, row) => ({ number, loss: sign * numeric(trials.value[row]) }))
    .filter(({ loss }) => Number.isFinite(loss))
    .sort((a, b) => a.loss - b.loss || a.number - b.number)
    .map(({ number }) => number);
}

/** Those lines of a Curves answer whose trial `keeps` says yes to. */
export function linesOf(curves, keeps) {
  const { trial, steps, values } = curves.trials;
  const kept = trial.map((_, i) => i).filter((i) => keeps(trial[i]));
  if (kept.length === trial.length) return curves;
  const pick = (column) => kept.map((i) => column[i]);
  return { ...curves, trials: { trial: pick(trial), steps: pick(steps), values: pick(values) } };
}
