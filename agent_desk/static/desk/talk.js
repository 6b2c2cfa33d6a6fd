// @ts-check
/** Follows the quality of the line in a talk, and acts when it cannot be worked with. */
import { verdict, Watch } from "./quality.js";

/** Milliseconds between two samples, and samples between two reports to the server. */
const SAMPLE_EVERY = 2000;
const REPORT_EVERY = 5;

export class Talk {
  /** @type {Watch | null} */
  #watch = null;
  #token = "";
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  #resting = false;

  /** The last figures; null when there is no talk. @type {import("./quality.js").Sample | null} */
  sample = null;

  /** @param {import("./main.js").App} app */
  constructor(app) {
    this.app = app;
  }

  /** "good", "fair", "poor", or "" without a talk. */
  get verdict() {
    return this.sample ? verdict(this.sample) : "";
  }

  show() {
    const { phone, desk } = this.app;
    const call = phone.call;
    if (call?.line && call.state === "talking" && !this.#watch) this.#begin();
    // A caller handed over by a colleague comes with a token of his own.
    if (call) this.#token = desk.state?.talk?.token ?? "";
    if (!call && this.#watch) this.#end();
    if (phone.deaf && call) this.#resting = true;
    if (this.#resting && !call && desk.mode !== "talk" && desk.mode !== "offer") {
      this.#resting = false;
      if (desk.operator?.status === "ready") this.app.setStatus("paused", "technical");
    }
  }

  #begin() {
    this.#watch = new Watch();
    this.#timer = setInterval(() => this.#look(), SAMPLE_EVERY);
  }

  async #look() {
    const { phone, notices, say, changed } = this.app;
    const call = phone.call;
    if (!call?.line || !this.#watch) return;
    const reports = await call.line.stats();
    const watch = this.#watch;
    if (!watch || !reports.length) return;
    this.sample = watch.add(reports, performance.now(), call.held);
    if (watch.hopeless && !this.#resting) {
      this.#resting = true;
      notices.put("line", "warning", say("line_hopeless"));
    }
    if (watch.samples.length % REPORT_EVERY === 0) this.#report();
    changed();
  }

  #report() {
    const figures = this.#watch?.report();
    if (figures && this.#token) this.app.api.last("/desk/quality", { token: this.#token, ...figures });
  }

  #end() {
    clearInterval(this.#timer);
    this.#report();
    this.#watch = null;
    this.sample = null;
    this.app.notices.drop("line");
    this.app.changed();
  }
}
