// @ts-check
/** Fields of the page's forms. */
import { h } from "../desk/dom.js";

/** @param {string} label @param {any} input whose id the label names */
export function field(label, input) {
  return h("div", { class: "field" }, h("label", { for: input.id }, label), input);
}

/** @param {string} id @param {number | string} value @param {number} min @param {number} max @param {number} step */
export function number(id, value, min, max, step) {
  return h("input", { id, type: "number", value, min, max, step, inputmode: "decimal" });
}

/**
 * @param {string} id @param {string[]} words @param {string} chosen
 * @param {(word: string) => string} name
 */
export function select(id, words, chosen, name) {
  return h("select", { id }, words.map((word) => h("option", { value: word, selected: word === chosen }, name(word))));
}

/**
 * Boxes to tick, any number of them.
 * @param {string} legend @param {string[]} words @param {string[]} ticked
 * @param {(word: string) => string} name @param {string} [note]
 */
export function ticks(legend, words, ticked, name, note = "") {
  const boxes = words.map((word) => h("input", { type: "checkbox", value: word, checked: ticked.includes(word) }));
  const element = h(
    "fieldset",
    {},
    h("legend", {}, legend),
    note ? h("p", { class: "quiet" }, note) : null,
    h("div", { class: "ticks" }, boxes.map((box, index) => h("label", { class: "option" }, box, name(words[index])))),
  );
  return { element, chosen: () => boxes.filter((box) => box.checked).map((box) => box.value) };
}
