// @ts-check
/**
 * The stream of live events: server-sent events over fetch, so that heartbeats (comments, which
 * EventSource hides) are seen, and a stream that fell silent counts as lost.
 */
import { Backoff } from "./backoff.js";

/** Milliseconds without a byte after which the stream is lost; the server's heart beats every 2 s. */
const SILENCE = 7000;

/**
 * Cuts a stream of text into events (HTML Standard, 9.2.6).
 */
export class Parser {
  #rest = "";

  /** @param {string} text @returns {{ name: string, data: string }[]} the events that are complete now */
  feed(text) {
    const blocks = (this.#rest + text).replace(/\r\n?/g, "\n").split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.map(parse).filter((event) => event.data !== "" || event.name !== "message");
  }
}

/** @param {string} block */
function parse(block) {
  const event = { name: "message", data: "" };
  const lines = [];
  for (const line of block.split("\n")) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === "event") event.name = value;
    if (field === "data") lines.push(value);
  }
  event.data = lines.join("\n");
  return event;
}

/**
 * @typedef {object} Hearer
 * @property {(name: string, data: any) => void} event
 * @property {() => void} up the stream runs
 * @property {() => void} down the stream broke; another attempt follows
 * @property {(status: number) => void} refused the server will not have us; no further attempt
 */

export class Live {
  #stopped = false;
  #breakOff = () => {};
  #backoff = new Backoff(500, 8000);

  /** @param {string} address @param {Hearer} hearer */
  constructor(address, hearer) {
    this.address = address;
    this.hearer = hearer;
  }

  /** Listens until `stop`; never throws. */
  async listen() {
    while (!this.#stopped) {
      const status = await this.#once().catch(() => 0);
      if (this.#stopped) return;
      if ([401, 403, 409].includes(status)) return this.hearer.refused(status);
      this.hearer.down();
      await new Promise((resolve) => {
        this.#breakOff = () => resolve(undefined);
        setTimeout(resolve, this.#backoff.wait());
      });
    }
  }

  stop() {
    this.#stopped = true;
    this.#breakOff();
  }

  /** Connects anew at once: the network is said to be gone or back, or the machine woke up. */
  hurry() {
    this.#backoff.reset();
    this.#breakOff();
  }

  /** Listens to one connection to its end; returns the status it was refused with, or 0. */
  async #once() {
    const abort = new AbortController();
    this.#breakOff = () => abort.abort();
    let watch = setTimeout(this.#breakOff, SILENCE);
    try {
      const response = await fetch(this.address, {
        headers: { Accept: "text/event-stream" },
        cache: "no-store",
        signal: abort.signal,
      });
      if (!response.ok || !response.body) return response.status;
      if (response.redirected) return 401; // to the sign-in page
      this.#backoff.reset();
      this.hearer.up();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new Parser();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return 0;
        clearTimeout(watch);
        watch = setTimeout(this.#breakOff, SILENCE);
        for (const { name, data } of parser.feed(value)) this.hearer.event(name, data && JSON.parse(data));
        if (this.#stopped) return 0;
      }
    } finally {
      clearTimeout(watch);
    }
  }
}
