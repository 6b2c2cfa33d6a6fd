// @ts-check
/** A modal dialog with a title: the browser keeps the focus inside, Esc closes it. */
import { fill, h, icon } from "../dom.js";

let count = 0;

export class Dialog {
  /** @param {string} title @param {string} close word of the closing button @param {string} [kind] class */
  constructor(title, close, kind = "") {
    const id = `dialog-${++count}`;
    this.title = h("h2", { id }, title);
    this.body = h("div", { class: "body" });
    this.element = /** @type {HTMLDialogElement} */ (
      h(
        "dialog",
        { class: kind, "aria-labelledby": id },
        h(
          "header",
          {},
          this.title,
          h("button", { type: "button", class: "plain", "aria-label": close, on: { click: () => this.close() } }, icon("close")),
        ),
        this.body,
      )
    );
    document.querySelector("#dialogs")?.append(this.element);
  }

  get isOpen() {
    return this.element.open;
  }

  /** @param {import("../dom.js").Child[]} [content] @param {string} [focus] selector of what gets the focus */
  open(content, focus) {
    if (content) fill(this.body, content);
    if (!this.element.open) this.element.showModal();
    const wanted = focus && /** @type {HTMLElement | null} */ (this.body.querySelector(focus));
    if (wanted) wanted.focus();
  }

  close() {
    this.element.close();
  }
}
