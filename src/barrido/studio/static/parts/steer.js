// What a person may ask of a sweep and of a trial. Each is asked by a POST, and true when the stream says so.

import { html, useState } from "preact";
import { sweepUrl } from "studio/lib/api.js";
import { counted } from "studio/lib/formats.js";
import { useSweep } from "studio/lib/live.js";
import { isOver, trialAt } from "studio/lib/trials.js";
import { AnnotateDialog, hasChanges } from "studio/parts/annotate.js";
import { EnqueueDialog } from "studio/parts/enqueue.js";
import { LimitsDialog, limitsWords } from "studio/parts/limits.js";
import { toastError } from "studio/parts/toast.js";
import { Actions, useWishes, WishDialog } from "studio/parts/wish.js";

/** Buttons for a sweep: an Overview that follows its stream. */
export function SweepActions({ sweep }) {
  const { trials } = useSweep(sweep.name);
  const ask = useWishes({ sweep, trials });
  const [open, setOpen] = useState("");
  const [busy, setBusy] = useState("");
  const close = () => setOpen("");
  const url = (verb) => sweepUrl(sweep.name, verb);
  const at = async (verb, wish) => {
    setBusy(verb);
    try {
      await ask(url(verb), {}, wish);
    } catch (error) {
      toastError(error);
    }
    setBusy("");
  };

  const over = isOver(sweep.phase) ? `${sweep.name} is over (${sweep.phase})` : "";
  const ending = over || (sweep.phase === "ending" ? `${sweep.name} is ending` : "");
  const isCommand = sweep.kind === "command";
  const hold = holding(sweep, ending || (isCommand ? "a single command has no trials to hold back" : ""));
  const actions = [
    { ...hold, busy: busy === hold.verb, onclick: () => at(hold.verb, hold.wish) },
    !isCommand && { label: "Add trial…", reason: ending || (sweep.space.length ? "" : "it has no parameters to choose"), title: "Run a point of your own", onclick: () => setOpen("enqueue") },
    !isCommand && sweep.counts.failed > 0 && { label: "Run failed again…", reason: sweep.phase === "ending" ? ending : "", title: "Each trial that failed, once more", onclick: () => setOpen("rerun") },
    !isCommand && { label: "Limits…", reason: ending, title: "How many trials, how many at a time, how long", onclick: () => setOpen("limits") },
    { label: "Note…", title: "Note and tags", onclick: () => setOpen("annotate") },
    { label: "Cancel…", tone: "danger", reason: ending, title: "Stop it and its trials", onclick: () => setOpen("cancel") },
  ].filter(Boolean);
  return html`
    <${Actions} label=${`Steer ${sweep.name}`} actions=${actions} />
    ${open === "cancel" && html`<${CancelSweep} sweep=${sweep} onclose=${close} send=${() => ask(url("cancel"), {}, { asked: "Asked to cancel", isDone: (now) => isOver(now.sweep.phase), done: `${sweep.name} has stopped` })} />`}
    ${open === "rerun" && html`
      <${WishDialog} title="Run the failed trials again?" verb="Run again" onclose=${close} send=${() => ask(url("rerun"), {}, appeared(trials, "Asked to run them again", "The first runs again as"))}>
        <p>Each of ${counted(sweep.counts.failed, "failed trial")} runs once more in a trial of its own, but for those that were run again already.${over && " The sweep is opened again for them, and runs nothing else."}</p>
      <//>`}
    ${open === "limits" && html`<${LimitsDialog} sweep=${sweep} onclose=${close} send=${(changes) => ask(url("limits"), { changes }, {
      asked: "Asked for new limits",
      isDone: (now) => Object.entries(changes).every(([name, value]) => now.sweep.limits[name] === value),
      done: `New limits hold: ${limitsWords(changes)}`,
    })} />`}
    ${open === "annotate" && html`<${AnnotateDialog} title=${`Note and tags of ${sweep.name}`} subject=${sweep} onclose=${close} send=${(changes) => ask(url("annotate"), changes, noted((now) => now.sweep, changes))} />`}
    ${open === "enqueue" && html`<${EnqueueDialog} sweep=${sweep} start=${sweep.best?.params} from=${sweep.best ? `Filled in: trial ${sweep.best.trial}, the best so far.` : ""} onclose=${close}
      send=${(params) => ask(url("enqueue"), { params }, appeared(trials, "Asked for one more trial", "Your point is"))} />`}
  `;
}

/** Pause, unpause or resume: the one of the three that a sweep can use. */
function holding({ name, status, phase }, reason) {
  if (status === "NotResponding") {
    const isDone = ({ sweep }) => sweep.is_running && sweep.status !== "NotResponding";
    return { verb: "resume", label: "Resume", tone: "primary", title: "Its controller died: take it up where it stopped", wish: { asked: "Asked to resume", isDone, done: `${name} goes on` } };
  }
  if (phase === "paused") {
    const isDone = ({ sweep }) => sweep.phase !== "paused";
    return { verb: "unpause", label: "Unpause", tone: "primary", title: "Start new trials again", wish: { asked: "Asked to go on", isDone, done: `${name} starts new trials again` } };
  }
  const isDone = ({ sweep }) => sweep.phase === "paused";
  return { verb: "pause", label: "Pause", reason, title: "Start no new trials; those that run go on", wish: { asked: "Asked to pause", isDone, done: `${name} is paused: what runs goes on, nothing new starts` } };
}

function CancelSweep({ sweep, onclose, send }) {
  const running = ["launching", "running", "pausing", "stopping"].reduce((sum, phase) => sum + (sweep.counts[phase] ?? 0), 0);
  const paused = sweep.counts.paused ?? 0;
  return html`
    <${WishDialog} title=${`Cancel ${sweep.name}?`} verb="Cancel the sweep" tone="danger" onclose=${onclose} send=${send}>
      <p>${running + paused === 0 ? "No trial is running." : `${counted(running + paused, "trial")} ${running + paused === 1 ? "is" : "are"} asked to stop, and ended by force if they do not.`}
        ${" "}No new trial starts.</p>
      <p>Everything reported so far stays: ${counted(sweep.done, "trial")} done${sweep.best ? `, the best of all is trial ${sweep.best.trial}` : ""}. A canceled sweep cannot be taken up again; to hold it for a while, pause it.</p>
    <//>
  `;
}

/** Buttons for one trial (a plain object, as `trialAt` gives); `mlflow` is the address of its run, if there is one. */
export function TrialActions({ sweep, trial, mlflow }) {
  const { trials } = useSweep(sweep.name);
  const ask = useWishes({ trials });
  const [open, setOpen] = useState("");
  const close = () => setOpen("");
  const { number } = trial;
  const url = (verb) => sweepUrl(sweep.name, "trials", number, verb);
  const mine = (now) => now.trials && trialAt(now.trials, number);
  const over = isOver(sweep.phase) ? `${sweep.name} is over (${sweep.phase})` : "";
  const ended = isOver(trial.phase) ? `trial ${number} is over (${trial.phase})` : "";
  const stopping = trial.phase === "stopping" ? `trial ${number} is being stopped` : "";
  const again = (sweep.phase === "ending" ? `${sweep.name} is ending` : "") || (sweep.kind === "command" ? "a single command has one trial" : "");
  const actions = [
    { label: "Run again…", reason: again, title: "Another trial at the same point", onclick: () => setOpen("rerun") },
    { label: "Note…", title: "Note and tags", onclick: () => setOpen("annotate") },
    { label: "Open in MLflow", href: mlflow, reason: mlflow ? "" : `trial ${number} has no MLflow run`, title: "Its run, in a tab of its own" },
    { label: "Cancel…", tone: "danger", reason: ended || over || stopping, title: "Stop this trial; the sweep goes on", onclick: () => setOpen("cancel") },
  ];
  return html`
    <${Actions} label=${`Steer trial ${number}`} actions=${actions} />
    ${open === "cancel" && html`
      <${WishDialog} title=${`Cancel trial ${number}?`} verb="Cancel the trial" tone="danger" onclose=${close}
        send=${() => ask(url("cancel"), {}, { asked: `Asked trial ${number} to stop`, isDone: (now) => isOver(mine(now)?.phase), done: `Trial ${number} has stopped` })}>
        <p>It is asked to stop, and ended by force if it does not. What it reported stays; the sweep goes on with other trials.</p>
      <//>`}
    ${open === "rerun" && html`
      <${WishDialog} title=${`Run trial ${number} again?`} verb="Run again" onclose=${close} send=${() => ask(url("rerun"), {}, appeared(trials, "Asked to run it again", "It runs again as"))}>
        <p>A new trial with the same parameters comes next, one more than there was to be. This one stays as it is.${over && " The sweep is opened again for it, and runs nothing else."}</p>
      <//>`}
    ${open === "annotate" && html`<${AnnotateDialog} title=${`Note and tags of trial ${number}`} subject=${trial} onclose=${close} send=${(changes) => ask(url("annotate"), changes, noted(mine, changes))} />`}
  `;
}

function noted(subject, changes) {
  return { asked: "Saving…", isDone: (now) => hasChanges(subject(now), changes), done: "Saved" };
}

/** A trial that a person put in is seen by its origin. */
function appeared(trials, asked, what) {
  const last = trials?.number.at(-1) ?? -1;
  const news = (now) => now.trials?.number.find((number, row) => number > last && now.trials.origin[row]);
  return { asked, isDone: (now) => news(now) !== undefined, done: (now) => `${what} trial ${news(now)}` };
}
