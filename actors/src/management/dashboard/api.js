// Talks to the node: requests with the token, and the stream of events with its reconnection.
//
// The token is kept in this tab's session storage and nowhere else.

const TOKEN = "cloister.token";
/** For how long a stream may be silent: the node writes something every 15 seconds. */
const SILENCE = 40_000;
/** The longest time of a request. Checking the whole chain of a long log takes its time. */
const PATIENCE = 60_000;

/** The node's refusal of a request. */
export class Refusal extends Error {
  constructor(status, document) {
    super(document.message ?? `the node answered ${status}`);
    this.status = status;
    this.code = document.code ?? "unknown";
    this.hint = document.hint ?? "";
    this.party = document.party ?? null;
    this.trace = document.trace ?? null;
  }
}

export function token() {
  try {
    return sessionStorage.getItem(TOKEN);
  } catch {
    return null;
  }
}

export function setToken(value) {
  try {
    if (value) sessionStorage.setItem(TOKEN, value);
    else sessionStorage.removeItem(TOKEN);
  } catch {
    // Without storage a token lasts as long as the page, which is to say not at all.
  }
}

function headers(more) {
  const own = token();
  return { Accept: "application/json", ...(own ? { Authorization: `Bearer ${own}` } : {}), ...more };
}

/** One request. Throws a [`Refusal`]; its status is 0 where the node cannot be reached. */
export async function call(method, path, body) {
  const options = { method, headers: headers(), cache: "no-store", credentials: "omit", redirect: "error" };
  options.signal = AbortSignal.timeout(PATIENCE);
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    throw unreachable(error);
  }
  const text = await response.text().catch((error) => {
    throw unreachable(error);
  });
  let document = null;
  try {
    document = text ? JSON.parse(text) : null;
  } catch {
    document = null;
  }
  if (!response.ok) throw new Refusal(response.status, document ?? {});
  return document;
}

export const get = (path) => call("GET", path);

function unreachable(error) {
  const slow = error?.name === "TimeoutError";
  const message = slow ? "this node has not answered in a minute" : "this node cannot be reached";
  return new Refusal(0, {
    code: "unreachable",
    message,
    hint: "see whether it runs, and whether this machine's network reaches it",
  });
}

/** Cuts a stream of text into events: `{event, data}`. Comments count as signs of life only. */
export class Cutter {
  #rest = "";
  #event = "";
  #data = [];

  *push(text) {
    this.#rest += text;
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length > 0) yield { event: this.#event || "message", data: this.#data.join("\n") };
        this.#event = "";
        this.#data = [];
      } else if (!line.startsWith(":")) {
        const colon = line.indexOf(":");
        const field = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (field === "event") this.#event = value;
        if (field === "data") this.#data.push(value);
      }
    }
  }
}

/**
 * Listens to the node's events until it is stopped, by a stream of this page's own.
 *
 * `heard(event, document, whole)` for each event, `whole` where it tells everything of its kind; `changed(state)` with
 * `live`, `reconnecting`, `denied`; `alive()` for each sign of life.
 */
function listenAlone({ heard, changed, alive = () => {} }) {
  let stopped = false;
  let tries = 0;
  let stopper = null;
  let waking = null;

  async function once() {
    stopper = new AbortController();
    let silence = setTimeout(() => stopper.abort(), SILENCE);
    try {
      const response = await fetch("/events", {
        headers: headers({ Accept: "text/event-stream" }),
        cache: "no-store",
        credentials: "omit",
        signal: stopper.signal,
      });
      if (response.status === 401) return "denied";
      if (!response.ok || !response.body) return "failed";
      const cutter = new Cutter();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let first = true;
      const begun = new Set();
      for (;;) {
        const { done, value } = await reader.read();
        if (done || stopped) return "ended";
        clearTimeout(silence);
        silence = setTimeout(() => stopper.abort(), SILENCE);
        alive();
        if (first) {
          first = false;
          tries = 0;
          changed("live");
        }
        for (const { event, data } of cutter.push(value)) {
          let document = null;
          try {
            document = JSON.parse(data);
          } catch {
            continue;
          }
          // A stream begins with everything, and goes on with the computations that change.
          const whole = event !== "computations" || !begun.has(event);
          begun.add(event);
          heard(event, document, whole);
        }
      }
    } catch {
      return "failed";
    } finally {
      clearTimeout(silence);
    }
  }

  async function run() {
    while (!stopped) {
      const end = await once();
      if (stopped) return;
      changed(end === "denied" ? "denied" : "reconnecting");
      if (end === "denied") return;
      const pause = Math.min(10_000, 500 * 2 ** tries) * (0.7 + 0.6 * Math.random());
      tries += 1;
      await new Promise((resolve) => {
        waking = resolve;
        setTimeout(resolve, pause);
      });
    }
  }

  run();
  return {
    /** Tries again now. */
    wake: () => waking?.(),
    stop: () => {
      stopped = true;
      stopper?.abort();
      waking?.();
    },
  };
}

/** The name of the lock and of the channel of all pages with this token. Without the token it cannot be told. */
async function together() {
  const secret = new TextEncoder().encode(`cloister events ${token() ?? ""}`);
  const digest = await crypto.subtle.digest("SHA-256", secret);
  return `cloister.events.${[...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/**
 * Listens to the node's events until it is stopped, over one stream of all pages of this browser with the same token:
 * the page that has the lock listens, and passes on what it hears. A browser opens six connections to a node over plain
 * HTTP, and six streams would take all of them.
 *
 * `joined()` where another page's stream is heard, which told its beginning before. Browsers have locks where the
 * page's origin can be trusted: over TLS, and on this machine. Elsewhere each page has a stream of its own.
 */
export function listen({ heard, changed, joined }) {
  if (!navigator.locks || !globalThis.BroadcastChannel || !globalThis.crypto?.subtle) return listenAlone({ heard, changed });
  const ending = new AbortController();
  let channel = null;
  let own = null;
  let state = "starting";
  let silence = null;
  let release = () => {};

  const pass = (message) => channel?.postMessage(message);

  function become(to) {
    state = to;
    changed(to);
  }

  /** Another page tells what it hears. Without a word from it for long, none listens. */
  function follow(message) {
    clearTimeout(silence);
    silence = setTimeout(() => become("reconnecting"), SILENCE);
    if (message.kind === "event") heard(message.event, message.document, message.whole);
    if (message.kind !== "state" || message.state === state) return;
    const before = state;
    become(message.state);
    if (message.state === "live" && before === "starting") joined();
  }

  /** Another page has come, or wants a stream that is down to be tried again. */
  function answer(message) {
    if (message.kind === "hello") pass({ kind: "state", state });
    if (message.kind === "wake") own.wake();
  }

  function lead() {
    clearTimeout(silence);
    own = listenAlone({
      heard: (event, document, whole) => {
        heard(event, document, whole);
        pass({ kind: "event", event, document, whole });
      },
      changed: (to) => {
        pass({ kind: "state", state: to });
        become(to);
      },
      alive: () => pass({ kind: "alive" }),
    });
  }

  async function run() {
    const name = await together();
    if (ending.signal.aborted) return;
    channel = new BroadcastChannel(name);
    channel.onmessage = ({ data }) => {
      if (own) answer(data);
      else if (data.kind !== "hello" && data.kind !== "wake") follow(data);
    };
    pass({ kind: "hello" });
    const held = () => {
      lead();
      return new Promise((resolve) => {
        release = resolve;
      });
    };
    // It is refused where the page stops listening before its turn.
    await navigator.locks.request(name, { signal: ending.signal }, held).catch(() => {});
  }

  run();
  return {
    /** Tries again now. */
    wake: () => (own ? own.wake() : pass({ kind: "wake" })),
    stop: () => {
      ending.abort();
      clearTimeout(silence);
      own?.stop();
      release();
      channel?.close();
    },
  };
}
