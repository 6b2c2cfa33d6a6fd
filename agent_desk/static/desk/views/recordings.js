// @ts-check
/** Recorded talks, for supervisors; the server notes each listening. */
import { h } from "../dom.js";
import { dayTime, telephone } from "../format.js";
import { Dialog } from "./dialog.js";

export class Recordings {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    const { say } = app;
    this.dialog = new Dialog(say("recordings"), say("close"), "wide");
    this.audio = h("audio", { controls: true, hidden: true, "aria-label": say("recordings_sound") });
    this.dialog.element.addEventListener("close", () => this.audio.pause());
  }

  async open() {
    const { say, api, guarded } = this.app;
    const told = await guarded(() => api.get("/desk/recordings"));
    if (!told) return;
    const list = told.recordings.map((/** @type {any} */ talk) => this.#talk(talk));
    this.dialog.open([
      h("p", { class: "quiet" }, say("recordings_lead")),
      this.audio,
      list.length ? h("ul", {}, list) : h("p", { class: "quiet" }, say("recordings_none")),
    ]);
  }

  /** @param {any} talk */
  #talk({ id, at, number, operator, queue, code }) {
    const { say, sounds } = this.app;
    const who = telephone(number) || say("number_hidden");
    const play = () => {
      this.audio.hidden = false;
      this.audio.src = `/desk/recordings/${id}/sound`;
      sounds.speak(this.audio);
    };
    return h(
      "li",
      { class: "heard" },
      h("div", {}, h("b", {}, who), " ", dayTime(at, say.language), h("small", {}, ` ${operator} · ${say.of("queue", queue)}`, code ? ` · ${say.of("code", code)}` : "")),
      h("button", { type: "button", class: "small", "aria-label": `${say("item_listen")}: ${who}`, on: { click: play } }, say("item_listen")),
    );
  }
}
