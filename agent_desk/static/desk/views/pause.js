// @ts-check
/** The choice of a reason to pause. */
import { h } from "../dom.js";
import { Dialog } from "./dialog.js";

/** As they are wanted in a shift; reasons the page has never heard of come last. */
const ORDER = ["break", "lunch", "air_raid", "technical", "training", "supervisor", "outbound", "text"];

export class Pause {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    const { say } = app;
    this.dialog = new Dialog(say("pause_title"), say("close"), "narrow");
    this.dialog.element.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @returns {[string, number][]} reasons and their limits in minutes, 0: none */
  get reasons() {
    const own = ["no_answer", "disconnected"]; // set by the system, never chosen
    return Object.entries(this.app.given.pauses ?? {})
      .map(([reason, minutes]) => /** @type {[string, number]} */ ([reason, Number(minutes)]))
      .filter(([reason]) => !own.includes(reason))
      .sort(([one], [other]) => place(one) - place(other));
  }

  open() {
    const { say } = this.app;
    const buttons = this.reasons.map(([reason, minutes], at) =>
      h(
        "button",
        { type: "button", on: { click: () => this.#choose(reason) } },
        at < 9 ? h("kbd", {}, at + 1) : null,
        h("span", {}, say.of("pause", reason)),
        minutes ? h("small", {}, say("up_to_minutes", { minutes })) : null,
      ),
    );
    this.dialog.open([h("div", { class: "choices" }, buttons)], "button");
  }

  /** @param {string} reason */
  #choose(reason) {
    this.dialog.close();
    this.app.setStatus("paused", reason);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const chosen = /^[1-9]$/.test(event.key) && this.reasons[Number(event.key) - 1];
    if (chosen) this.#choose(chosen[0]);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = /** @type {HTMLElement[]} */ ([...this.dialog.body.querySelectorAll("button")]);
    const at = buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    buttons[(at + step + buttons.length) % buttons.length]?.focus();
  }
}

/** @param {string} reason */
function place(reason) {
  return ORDER.includes(reason) ? ORDER.indexOf(reason) : ORDER.length;
}
