// Requests to /api/v1. An answer that is not well becomes an ApiError with the server's problem in it.

const BASE = "/api/v1";

export class ApiError extends Error {
  /** problem: {title, status, detail, errors: [{loc, msg, received}], hint} */
  constructor(problem) {
    super(problem.detail || problem.title || "The server could not answer.");
    this.name = "ApiError";
    this.problem = problem;
    this.status = problem.status ?? 0;
    this.errors = problem.errors ?? [];
    this.hint = problem.hint ?? null;
  }
}

const UNREACHABLE = {
  status: 0,
  title: "Offline",
  detail: "The server cannot be reached.",
  hint: "Is it running? The page keeps trying.",
};

/** The problem in an answer, also when something between here and the server answered in its own words. */
export function problemOf(status, text) {
  try {
    const problem = JSON.parse(text);
    if (typeof problem === "object" && problem !== null && (problem.detail || problem.title))
      return { status, ...problem };
  } catch {
    // not JSON: said below
  }
  return { status, title: `Status ${status}`, detail: `The server answered with status ${status}.` };
}

async function request(method, path, { body, headers = {}, signal, keepalive } = {}) {
  const isForm = body instanceof FormData;
  const sent = { Accept: "application/json", ...headers };
  if (body !== undefined && !isForm) sent["Content-Type"] = "application/json";
  if (method === "POST") sent["Idempotency-Key"] ??= newKey();
  let response;
  try {
    const content = body === undefined || isForm ? body : JSON.stringify(body);
    response = await fetch(BASE + path, { method, headers: sent, body: content, signal, keepalive, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(UNREACHABLE);
  }
  if (response.ok) return response;
  if (response.status === 401 && location.pathname !== "/login") location.assign(loginUrl());
  throw new ApiError(problemOf(response.status, await response.text()));
}

export const loginUrl = () => `/login?next=${encodeURIComponent(location.pathname + location.search + location.hash)}`;

/** crypto.randomUUID is missing where the page came over plain http from another host. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const json = async (response) => (response.status === 204 ? null : response.json());

export const get = async (path, options) => json(await request("GET", path, options));
export const post = async (path, body, options) => json(await request("POST", path, { body, ...options }));
export const patch = async (path, body, options) => json(await request("PATCH", path, { body, ...options }));
export const put = async (path, body, options) => json(await request("PUT", path, { body, ...options }));
export const remove = async (path, options) => json(await request("DELETE", path, options));
export const download = async (path, body) => (await request("POST", path, { body })).blob();

/** Send files with progress, which fetch cannot tell. `onProgress` gets a share in [0, 1]. */
export function upload(path, form, onProgress, signal) {
  const told = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
  return sendBody("POST", path, form, { "Idempotency-Key": newKey() }, told, signal);
}

/** Send bytes as they are. `onSent` gets how many have left. */
export function putBytes(path, bytes, onSent, signal) {
  const headers = { "Content-Type": "application/octet-stream" };
  return sendBody("PUT", path, bytes, headers, (event) => onSent(event.loaded), signal);
}

function sendBody(method, path, body, headers, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open(method, BASE + path);
    for (const [name, value] of Object.entries({ Accept: "application/json", ...headers }))
      sending.setRequestHeader(name, value);
    sending.upload.onprogress = onProgress;
    sending.onload = () => {
      if (sending.status >= 200 && sending.status < 300) resolve(JSON.parse(sending.responseText));
      else reject(new ApiError(problemOf(sending.status, sending.responseText)));
    };
    sending.onerror = () => reject(new ApiError(UNREACHABLE));
    sending.onabort = () => reject(new DOMException("The upload was stopped.", "AbortError"));
    if (signal?.aborted) sending.onabort();
    else {
      signal?.addEventListener("abort", () => sending.abort());
      sending.send(body);
    }
  });
}

/** "?a=1&b=2&b=3": what is null or empty is left out, and a list is said value by value. */
export const query = (parameters) => {
  const kept = Object.entries(parameters)
    .flatMap(([key, value]) => [value].flat().map((one) => [key, one]))
    .filter(([, value]) => value !== null && value !== undefined && value !== "");
  return kept.length ? `?${new URLSearchParams(kept)}` : "";
};
