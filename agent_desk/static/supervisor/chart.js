// @ts-check
/** The library Chart.js; where it was not installed, words in the place of a chart. */
import { h } from "../desk/dom.js";
import { say } from "./page.js";

/** What the pages use of a chart, drawing nothing. */
class Missing {
  /** @param {HTMLElement} canvas @param {{ data: any, options?: any }} wish */
  constructor(canvas, { data, options }) {
    this.data = data;
    this.options = options;
    if (!canvas.hidden) canvas.after(h("p", { class: "quiet" }, say("supervisor_no_charts")));
    canvas.hidden = true;
  }

  update() {}

  destroy() {}
}

/** @type {any} */
export const Chart = Reflect.get(globalThis, "Chart") ?? Missing;
