// @ts-check
/** The search for an account, by number, telephone, meter or street. */
import { fill, h } from "../dom.js";
import { Dialog } from "./dialog.js";

/** Milliseconds after the last key before it is searched. */
const QUIET = 250;

export class Accounts {
  #asked = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    const { say } = app;
    this.dialog = new Dialog(say("accounts_find"), say("close"));
    this.input = h("input", {
      type: "search", id: "accounts-query", autocomplete: "off", maxlength: 100, "aria-controls": "accounts-found",
      on: {
        input: () => {
          clearTimeout(this.#timer);
          this.#timer = setTimeout(() => this.#search(), QUIET);
        },
        keydown: (/** @type {KeyboardEvent} */ event) => {
          if (event.key === "Enter") this.#search();
          if (event.key === "ArrowDown") this.found.querySelector("button")?.focus();
        },
      },
    });
    this.told = h("p", { class: "quiet", role: "status" });
    this.found = h("div", { class: "choices", id: "accounts-found" });
  }

  open() {
    const { say } = this.app;
    fill(this.found, []);
    this.input.value = "";
    this.told.textContent = say("accounts_hint");
    this.dialog.open([h("label", { for: "accounts-query" }, say("accounts_query")), this.input, this.told, this.found], "input");
  }

  async #search() {
    clearTimeout(this.#timer);
    const { say, api, guarded } = this.app;
    const query = this.input.value.trim();
    const asked = ++this.#asked;
    if (query.length < 3) return;
    const told = await guarded(() => api.get(`/desk/accounts?q=${encodeURIComponent(query)}`));
    if (!told || asked !== this.#asked) return; // a later question was sent
    this.told.textContent = told.accounts.length ? say("accounts_count", { count: told.accounts.length }) : say("accounts_none");
    fill(
      this.found,
      told.accounts.map((/** @type {any} */ card) =>
        h(
          "button",
          {
            type: "button",
            on: {
              click: () => {
                this.app.account = card;
                this.dialog.close();
                this.app.changed();
              },
            },
          },
          h("b", {}, card.account),
          h("span", {}, card.address),
          h("small", {}, say.of("kind", card.kind)),
        ),
      ),
    );
  }
}
