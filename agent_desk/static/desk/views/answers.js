// @ts-check
/** The answer base: what fits this caller, and a search as one types. */
import { canvas, fill, h, write } from "../dom.js";
import { Dialog } from "./dialog.js";

const QUIET = 150;
const LIMIT = 8;

export class Answers {
  #asked = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    const { say } = app;
    const place = /** @type {HTMLElement} */ (document.querySelector("#answers"));
    this.input = h("input", {
      type: "search", id: "answers-query", autocomplete: "off", maxlength: 200, placeholder: say("answers_placeholder"),
      on: {
        input: () => {
          clearTimeout(this.#timer);
          this.#timer = setTimeout(() => this.#search(), QUIET);
        },
        keydown: (/** @type {KeyboardEvent} */ event) => {
          if (event.key === "ArrowDown") this.list.querySelector("button")?.focus();
          if (event.key === "Enter") this.list.querySelector("button")?.click();
        },
      },
    });
    this.list = h("ul", { class: "found" });
    this.told = h("p", { class: "unseen", role: "status" });
    this.dialog = new Dialog("", say("close"), "entry");
    fill(place, [
      h("h2", { id: "answers-title" }, say("answers"), h("kbd", { "aria-hidden": "true" }, "Alt+A")),
      h("label", { for: "answers-query", class: "unseen" }, say("answers_query")),
      this.input,
      this.told,
      this.list,
    ]);
    this.draw = canvas(this.list);
    this.list.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#walk(event));
  }

  show() {
    const contact = this.app.desk.contact?.ticket ?? "";
    if (contact && contact !== this.contact && document.activeElement !== this.input) this.input.value = "";
    this.contact = contact;
    if (this.input.value.trim()) return; // a search is open
    const suggested = this.app.desk.caller?.answers ?? [];
    this.draw(["suggested", suggested], () =>
      suggested.length ? suggested.map((/** @type {any} */ entry) => this.#entry(entry)) : [h("li", { class: "quiet" }, this.app.say("answers_hint"))],
    );
  }

  focus() {
    this.input.focus();
    this.input.select();
  }

  async #search() {
    const { say, api, guarded } = this.app;
    const query = this.input.value.trim();
    const asked = ++this.#asked;
    if (!query) return this.show();
    const told = await guarded(() => api.get(`/desk/answers?q=${encodeURIComponent(query)}&limit=${LIMIT}`));
    if (!told || asked !== this.#asked) return;
    write(this.told, say("answers_count", { count: told.found.length }));
    this.draw(["found", query, told.found], () =>
      told.found.length ? told.found.map((/** @type {any} */ entry) => this.#entry(entry)) : [h("li", { class: "quiet" }, say("answers_none"))],
    );
  }

  /** @param {{ id: string, title: string, excerpt?: string }} entry */
  #entry({ id, title, excerpt }) {
    return h("li", {}, h("button", { type: "button", class: "plain", on: { click: () => this.#open(id) } }, h("b", {}, title), excerpt ? h("small", {}, excerpt) : null));
  }

  /** @param {string} id */
  async #open(id) {
    const { api, guarded } = this.app;
    const entry = await guarded(() => api.get(`/desk/answers/${id.split("/").map(encodeURIComponent).join("/")}`));
    if (!entry) return;
    write(this.dialog.title, entry.title);
    const body = h("div", { class: "prose", tabindex: 0 });
    body.innerHTML = entry.html; // made by our server from our own Markdown, raw HTML off
    this.dialog.open([body], ".prose");
  }

  /** @param {KeyboardEvent} event */
  #walk(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = /** @type {HTMLElement[]} */ ([...this.list.querySelectorAll("button")]);
    const next = buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement)) + step;
    if (next < 0) this.input.focus();
    else buttons[next]?.focus();
  }
}
