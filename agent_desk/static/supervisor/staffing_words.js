// @ts-check
/** How the page staffing writes numbers and builds its forms. */
import { fill, h } from "../desk/dom.js";
import { find, say } from "./page.js";

const plain = new Intl.NumberFormat(say.language, { maximumFractionDigits: 0 });

/** @param {number} value @returns {string} 1 234 */
export const whole = (value) => plain.format(value);

/**
 * @param {number | null | undefined} value @param {number} [digits] @param {boolean} [sign]
 * @returns {string} 75.1 %
 */
export function share(value, digits = 1, sign = false) {
  if (value === null || value === undefined) return "–";
  return new Intl.NumberFormat(say.language, { style: "percent", maximumFractionDigits: digits, signDisplay: sign ? "exceptZero" : "auto" }).format(value);
}

/** @param {string} name @returns {string} the words of a queue */
export const queueName = (name) => say.of("queue", name);

let serial = 0;

/** @param {string} label @param {any} input @param {string} [hint] @returns {any} */
export function field(label, input, hint = "") {
  input.id ||= `field-${(serial += 1)}`;
  return h("div", {}, h("label", { for: input.id }, label), input, hint && h("small", {}, hint));
}

/** @param {string} place @param {any[]} children @returns {HTMLFormElement} */
export function form(place, children) {
  const found = /** @type {HTMLFormElement} */ (find(place));
  fill(found, children);
  return found;
}
