// The page's one socket. Follows any number of streams, resumes each where it stopped, says how things stand.

import { StreamCursor, reconnectDelay } from "./streams.js";

const SILENT_MS = 800; // a hiccup shorter than this is not worth a word

class Live extends EventTarget {
  #socket = null;
  #attempt = 0;
  #timer = null;
  #streams = new Map(); // name -> {cursor, handlers}
  state = "connecting"; // connecting | live | offline
  retryAt = null;

  /** Follow a job's stream: handlers {onEvents(events), onReset(snapshot), onError(message)}; returns a way to stop. */
  follow(stream, handlers, after = 0) {
    this.#streams.set(stream, { cursor: new StreamCursor(after), handlers });
    if (this.#isOpen) this.#subscribe(stream);
    else this.connect();
    return () => this.#leave(stream);
  }

  /** Take a stream in again from its beginning: its snapshot, when it is long. */
  restart(stream) {
    this.#streams.get(stream)?.cursor.reset(0);
    if (this.#isOpen) this.#subscribe(stream);
  }

  connect() {
    if (this.#socket || this.#timer) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/live`);
    this.#socket = socket;
    socket.onopen = () => this.#opened();
    socket.onmessage = (message) => this.#receive(JSON.parse(message.data));
    socket.onclose = (event) => this.#closed(event);
  }

  /** Try again now rather than when the wait is over. */
  retry() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.connect();
  }

  get #isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  #opened() {
    this.#attempt = 0;
    this.#setState("live");
    for (const stream of this.#streams.keys()) this.#subscribe(stream);
  }

  #closed(event) {
    this.#socket = null;
    const delay = reconnectDelay(this.#attempt, Math.random());
    this.#attempt += 1;
    this.retryAt = performance.now() + delay * 1000;
    this.#timer = setTimeout(() => this.retry(), delay * 1000);
    if (event.code === 4401 || event.code === 1008) this.#setState("refused");
    else if (this.#attempt > 1 || delay * 1000 > SILENT_MS) this.#setState("offline");
    else this.#setState("connecting");
  }

  #setState(state) {
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }

  #subscribe(stream) {
    const { cursor } = this.#streams.get(stream);
    this.#send({ type: "subscribe", stream, after: cursor.seq });
  }

  #leave(stream) {
    this.#streams.delete(stream);
    if (this.#isOpen) this.#send({ type: "unsubscribe", stream });
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #receive(message) {
    const stream = this.#streams.get(message.stream ?? message.type);
    if (!stream) return;
    const { cursor, handlers } = stream;
    if (message.type === "events") this.#receiveEvents(message, cursor, handlers);
    else if (message.type === "reset") {
      cursor.reset(message.last_seq);
      handlers.onReset?.(message.snapshot);
    } else if (message.type === "error") handlers.onError?.(message.message);
    else handlers.onItems?.(message.items, message);
  }

  #receiveEvents(message, cursor, handlers) {
    const { events, hasGap } = cursor.accept(message.events);
    if (events.length) handlers.onEvents?.(events);
    if (hasGap) this.#subscribe(message.stream);
  }
}

export const live = new Live();

addEventListener("online", () => live.state !== "live" && live.retry());
