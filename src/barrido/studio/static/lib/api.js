// The studio's server, as two verbs. Whatever goes wrong becomes an ApiError: the one shape that `Problem` shows.

export class ApiError extends Error {
  constructor(status, { message, hint = "", problems = [] }) {
    super(message);
    this.name = "ApiError";
    this.status = status; // 0: no answer at all
    this.hint = hint;
    this.problems = problems; // [{path, line, what, hint}]
  }
}

/** `sweepUrl("iris", "trials", 3)`: each part escaped, so that a name with a slash stays one part. */
export function sweepUrl(name, ...parts) {
  return ["/api/sweeps", name, ...parts].map((part, i) => (i ? encodeURIComponent(part) : part)).join("/");
}

/** `query`: an object; null and undefined are left out, arrays are joined with commas. */
function withQuery(path, query) {
  const entries = Object.entries(query ?? {}).filter(([, value]) => value !== null && value !== undefined);
  return entries.length ? `${path}?${new URLSearchParams(entries.map(([key, value]) => [key, String(value)]))}` : path;
}

export function get(path, { query, signal } = {}) {
  return request(withQuery(path, query), { signal });
}

export function post(path, body = {}, { signal } = {}) {
  return request(path, {
    method: "POST",
    signal,
    headers: { "Content-Type": "application/json", "X-Barrido": "studio" },
    body: JSON.stringify(body),
  });
}

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { message: "the studio does not answer", hint: "Is “barrido studio” still running in its terminal?" });
  }
  const text = await response.text();
  let body = null;
  try {
    body = text ? JSON.parse(text) : null;
  } catch {
    // Said below: a page that is no JSON comes from something between us and the studio.
  }
  if (!response.ok) throw new ApiError(response.status, body?.error ?? { message: `the studio answered ${response.status}` });
  if (body === null && text) throw new ApiError(response.status, { message: "the studio's answer cannot be read" });
  return body;
}
