// @ts-check
/** The reading form: the same rules as the telephone menu, judged by the server. */
import { canvas, fill, h, icon, write } from "../dom.js";
import { day } from "../format.js";

/** Outcomes that are a question with yes and no; which of them the answer "yes" stores at once. */
const QUESTIONS = { rollover: true, decimal: true, swapped: true, already: false, refused: false };
/** Outcomes that only a supervisor may put aside, with a reason. */
const REFUSALS = ["too_low", "too_high", "refused"];
/** Outcomes after which nothing of the form is left. */
const STORED = ["accepted", "accepted_backup", "accepted_outside", "registered"];

export class Reading {
  #shown = "";
  /** What the server said last. @type {any} */
  #told = null;
  #busy = false;

  /** @param {import("../main.js").App} app @param {(values: object) => void} typed */
  constructor(app, typed) {
    this.app = app;
    this.typed = typed;
    const { say } = app;
    this.rows = h("div", { class: "registers" });
    this.verdict = h("div", { class: "verdict", role: "status" });
    this.check = h("button", { class: "main" }, say("reading_check"));
    this.element = h(
      "form",
      {
        novalidate: true, autocomplete: "off", class: "reading", "aria-label": say.of("form", "reading"),
        on: {
          submit: (/** @type {Event} */ event) => {
            event.preventDefault();
            this.#send(false);
          },
          input: (/** @type {Event} */ event) => this.#changed(event),
        },
      },
      this.rows,
      this.verdict,
      h("div", { class: "row" }, this.check),
    );
    this.draw = canvas(this.verdict);
  }

  /** Registers of the account, with the meters they belong to. @returns {any[]} */
  get registers() {
    return (this.app.account?.meters ?? []).flatMap((/** @type {any} */ meter) =>
      meter.registers.map((/** @type {any} */ register) => ({ ...register, meter: meter.number, key: String(register.id ?? register.name) })),
    );
  }

  /** @returns {Record<string, string>} */
  get values() {
    return Object.fromEntries([...this.rows.querySelectorAll("input")].map((input) => [input.name, input.value.trim()]));
  }

  get begun() {
    return Object.values(this.values).some(Boolean);
  }

  /** A new contact, or none. @param {Record<string, any> | null} draft */
  begin(draft) {
    this.draft = draft;
    this.#shown = "";
    this.#told = null;
    this.#tell();
  }

  show() {
    const { account, say, desk } = this.app;
    const shown = JSON.stringify([account?.account, this.registers.map(({ key }) => key)]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#told = null;
    this.#tell();
    this.check.hidden = !this.registers.length;
    const many = new Set(this.registers.map(({ meter }) => meter)).size > 1;
    fill(
      this.rows,
      this.registers.length
        ? this.registers.map((register, place) => this.#row(register, many || place === 0))
        : [h("p", { class: "quiet" }, say(account ? "no_meters" : "reading_no_account"))],
    );
    // What the caller keyed in the menu, or somebody typed before: nobody asks for it again.
    const ours = this.draft?.account === account?.account ? this.draft?.values : null;
    for (const { key, name } of this.registers) {
      const input = this.rows.querySelector(`[name="${CSS.escape(key)}"]`);
      input.value = ours?.[key] ?? (account?.account === desk.caller?.accounts?.[0]?.account ? desk.caller?.values?.[name] : "") ?? "";
      this.#used(input);
    }
  }

  focus() {
    (this.rows.querySelector("input") ?? this.element).focus();
  }

  /** @param {any} register @param {boolean} named */
  #row({ key, name, digits, previous, previous_on, meter }, named) {
    const { say } = this.app;
    const id = `reading-${key}`;
    return h(
      "div",
      { class: "register" },
      h(
        "label",
        { for: id },
        named ? h("small", {}, `${say("meter")} ${meter}`) : null,
        h("span", {}, say.of("register", name)),
      ),
      h("input", {
        id, name: key, class: "digits", inputmode: "numeric", maxlength: 12, size: digits + 2, placeholder: "0".repeat(digits),
        "aria-describedby": `${id}-previous ${id}-used`, "data-previous": previous, "data-digits": digits,
      }),
      h("span", { class: "quiet", id: `${id}-previous` }, say("reading_previous"), " ", h("b", { class: "digits" }, previous), ` (${day(previous_on, say.language)})`),
      h("span", { class: "used", id: `${id}-used` }),
    );
  }

  /** @param {Event} event */
  #changed(event) {
    const input = /** @type {HTMLInputElement} */ (event.target);
    if (!input.name) return; // the override's reason
    this.#told = null;
    this.#tell();
    this.#used(input);
    this.typed({ account: this.app.account?.account, values: this.values });
  }

  /** @param {any} input shows what it would make */
  #used(input) {
    const { say } = this.app;
    const place = this.rows.querySelector(`#${CSS.escape(input.id)}-used`);
    const value = input.value.trim();
    const used = /^\d+$/.test(value) ? Number(value) - Number(input.dataset.previous) : null;
    write(place, used === null ? "" : say("reading_used", { used }));
    place.classList.toggle("odd", used !== null && used < 0);
  }

  /**
   * @param {boolean} confirm stores it
   * @param {{ answer?: "yes" | "no", override?: { reason: string } }} [more]
   */
  async #send(confirm, more = {}) {
    const { api, guarded, account, desk, say } = this.app;
    if (!account || this.#busy) return;
    const values = Object.fromEntries(Object.entries(this.values).filter(([, value]) => value));
    const wrong = Object.values(values).some((value) => !/^\d+$/.test(value));
    if (wrong || !Object.keys(values).length) {
      this.#told = { outcome: wrong ? "digits" : "empty" };
      this.#tell();
      return this.focus();
    }
    this.#busy = true;
    const told = await guarded(() =>
      api.post("/desk/reading", { ticket: desk.state?.talk?.ticket ?? null, account: account.account, values, confirm, ...more }),
    );
    this.#busy = false;
    if (!told) return;
    this.#told = told;
    this.#tell();
    if (STORED.includes(told.outcome)) {
      this.draft = null;
      for (const input of this.rows.querySelectorAll("input")) {
        input.value = "";
        this.#used(input);
      }
      this.typed({});
      write(/** @type {Element} */ (document.querySelector("#told")), say(`reading_${told.outcome}`, { receipt: told.receipt }));
    }
    this.verdict.querySelector("button, input")?.focus();
  }

  #tell() {
    const told = this.#told;
    this.draw([told, this.app.account?.account], () => (told ? this.#outcome(told) : []));
  }

  /** @param {any} told */
  #outcome({ outcome, rows = [], receipt }) {
    const { say, given } = this.app;
    const button = (/** @type {string} */ text, /** @type {() => void} */ act, main = false) =>
      h("button", { type: "button", class: main ? "main" : "", on: { click: act } }, text);
    if (STORED.includes(outcome) || outcome === "kept") {
      return [h("p", { class: "done" }, say(`reading_${outcome}`, { receipt })), this.#rows(rows)];
    }
    if (outcome === "complete") {
      return [
        h("p", { class: "question" }, say("reading_complete")),
        this.#rows(rows),
        h("div", { class: "row" }, button(say("reading_confirm"), () => this.#send(true), true), button(say("reading_change"), () => this.focus())),
      ];
    }
    const refusal = REFUSALS.includes(outcome);
    const question = outcome in QUESTIONS;
    return [
      h("p", { class: question && !refusal ? "question" : "refusal" }, icon("alarm"), say.of("reading", outcome)),
      this.#rows(rows.filter((/** @type {any} */ row) => row.question)),
      question
        ? h(
            "div",
            { class: "row" },
            button(say(`reading_${outcome}_yes`), () => this.#send(Reflect.get(QUESTIONS, outcome), { answer: "yes" }), true),
            button(say(`reading_${outcome}_no`), () => this.#send(false, { answer: "no" })),
          )
        : null,
      refusal && (given.role === "operator" ? h("p", { class: "quiet" }, say("reading_ask_supervisor")) : this.#override()),
    ];
  }

  /** @param {any[]} rows */
  #rows(rows) {
    const { say } = this.app;
    const shown = rows.filter(({ value, suggested }) => value || suggested);
    if (!shown.length) return null;
    return h(
      "ul",
      { class: "read-back" },
      shown.map(({ register, value, used, suggested }) =>
        h(
          "li",
          {},
          say.of("register", register), " ", h("b", { class: "digits" }, value ?? suggested),
          suggested && suggested !== value && value ? [" → ", h("b", { class: "digits" }, suggested)] : null,
          used === undefined || used === null ? null : ` · ${say("reading_used", { used })}`,
        ),
      ),
    );
  }

  #override() {
    const { say } = this.app;
    const reason = h("input", { id: "override-reason", maxlength: 400 });
    return h(
      "div",
      { class: "override" },
      h("label", { for: "override-reason" }, say("override_reason")),
      h(
        "div",
        { class: "row" },
        reason,
        h(
          "button",
          {
            type: "button",
            on: { click: () => (reason.value.trim() ? this.#send(true, { override: { reason: reason.value.trim() } }) : reason.focus()) },
          },
          say("override"),
        ),
      ),
    );
  }
}
