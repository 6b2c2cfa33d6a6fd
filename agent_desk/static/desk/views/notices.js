// @ts-check
/** What the operator must know: standing notices (while a trouble lasts) and told ones (dismissed). */
import { h, icon } from "../dom.js";

/** Milliseconds a told notice stays unless it is dismissed. */
const STAY = 12_000;

export class Notices {
  #place = /** @type {HTMLElement} */ (document.querySelector(".notices"));
  /** @type {Map<string, { element: HTMLElement, text: string }>} */
  #standing = new Map();
  #count = 0;

  /** @param {import("../words.js").Say} say */
  constructor(say) {
    this.say = say;
  }

  /**
   * Shows a notice until it is dropped.
   * @param {string} key @param {"error" | "warning" | "info"} kind @param {string} text
   * @param {{ text: string, act: () => void }[]} [actions]
   */
  put(key, kind, text, actions = []) {
    const known = this.#standing.get(key);
    if (known?.text === text) return;
    known?.element.remove();
    const buttons = actions.map(({ text: label, act }) => h("button", { type: "button", on: { click: act } }, label));
    const element = h(
      "div",
      { class: `notice ${kind}`, "data-notice": key, role: kind === "error" ? "alert" : "status" },
      icon("alarm"),
      h("p", {}, text),
      ...buttons,
    );
    this.#standing.set(key, { element, text });
    this.#place.append(element);
  }

  /** @param {string} key */
  drop(key) {
    this.#standing.get(key)?.element.remove();
    this.#standing.delete(key);
  }

  /** @param {"error" | "warning" | "info"} kind @param {string} text */
  tell(kind, text) {
    for (const [key, { text: shown }] of this.#standing) if (key.startsWith("told-") && shown === text) this.drop(key);
    const key = `told-${++this.#count}`;
    this.put(key, kind, text);
    const close = h(
      "button",
      { type: "button", class: "plain", "aria-label": this.say("close"), on: { click: () => this.drop(key) } },
      icon("close"),
    );
    this.#standing.get(key)?.element.append(close);
    setTimeout(() => this.drop(key), STAY);
  }
}
