import { html, useState } from "preact";
import { trialHref } from "studio/lib/routes.js";
import { toast } from "studio/parts/toast.js";

/** `<${TrialLink} sweep=${name} number=${3} />` */
export function TrialLink({ sweep, number }) {
  return html`<a href=${trialHref(sweep, number)}>trial ${number}</a>`;
}

/** Copies `text`, or what it gives when it is a function; says so for a moment in its own place. */
export function CopyButton({ text, label = "Copy", title }) {
  const [isDone, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(typeof text === "function" ? text() : text);
      setDone(true);
      setTimeout(() => setDone(false), 1500);
    } catch {
      toast("The browser does not let this page copy", "bad");
    }
  };
  return html`<button type="button" class="small quiet" title=${title} onClick=${copy}>${isDone ? "Copied" : label}</button>`;
}
