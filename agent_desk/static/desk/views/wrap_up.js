// @ts-check
/** After a talk: what it was about, a note, and the time left. The code may be chosen in the talk already. */
import { Drafts } from "../draft.js";
import { canvas, fill, h, write } from "../dom.js";
import { span } from "../format.js";

/** Seconds asked for by "more time". */
const MORE = 60;

export class WrapUp {
  #token = "";
  #told = false;

  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    const { say, given, api } = app;
    this.drafts = new Drafts(
      ({ call, values }) => api.put("/desk/wrap-up", { token: call, ...values }),
      () => {},
    );
    this.left = h("p", { class: "left", "aria-live": "off" });
    this.codes = h("fieldset", { class: "codes" });
    this.drawCodes = canvas(this.codes);
    this.note = h("textarea", { id: "wrap-note", rows: 3, maxlength: 2000, "data-focus": "note" });
    this.problem = h("p", { class: "problem", id: "wrap-problem", role: "alert" });
    this.finish = h("button", { type: "submit", class: "main" }, say("wrap_finish"), h("kbd", {}, "Ctrl+Enter"));
    this.more = h("button", { type: "button", on: { click: () => this.#more() } }, say("wrap_more"));
    this.element = h(
      "form",
      { class: "card wrap-up", hidden: true, "aria-labelledby": "wrap-title", novalidate: true, on: { submit: (/** @type {Event} */ event) => this.#send(event), input: () => this.#typed() } },
      h("h2", { id: "wrap-title" }, say("wrap_title")),
      this.left,
      this.codes,
      h("label", { for: "wrap-note" }, say("wrap_note")),
      this.note,
      this.problem,
      h("div", { class: "row" }, this.finish, this.more),
    );
    this.element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.element.requestSubmit();
    });
    fill(this.codes, []);
    this.drawCodes(given.codes, () => [
      h("legend", {}, say("wrap_code")),
      ...(given.codes ?? []).map((/** @type {string} */ code) =>
        h(
          "label",
          {},
          h("input", { type: "radio", name: "code", value: code, required: true, "aria-describedby": "wrap-problem" }),
          h("span", {}, say.of("code", code)),
        ),
      ),
    ]);
  }

  show() {
    const { desk } = this.app;
    const { talk } = desk.state ?? {};
    this.element.hidden = !talk;
    if (!talk) return;
    const over = desk.mode === "wrap_up";
    this.left.hidden = !over;
    this.finish.hidden = !over;
    this.more.hidden = !over;
    if (talk.token === this.#token) return;
    this.#token = talk.token;
    this.#told = false;
    this.element.reset();
    write(this.problem, "");
    this.note.value = talk.note ?? "";
    const chosen = talk.code && this.element.querySelector(`[value="${CSS.escape(talk.code)}"]`);
    if (chosen instanceof HTMLInputElement) chosen.checked = true;
  }

  tick() {
    const { desk, now, say } = this.app;
    if (desk.mode !== "wrap_up") return;
    const left = desk.left(now());
    write(this.left, left === null ? say("wrap_no_limit") : left >= 0 ? say("left", { span: span(left) }) : say("over_limit", { span: span(-left) }));
    this.left.classList.toggle("over", left !== null && left < 10);
    if (left !== null && left < 10 && left > 0 && !this.#told) {
      this.#told = true;
      write(/** @type {Element} */ (document.querySelector("#told")), say("wrap_soon"));
    }
  }

  focus() {
    if (this.element.hidden) return;
    const active = document.activeElement;
    if (active && this.element.contains(active)) return; // he is there already
    (this.codes.querySelector("input:checked") ?? this.codes.querySelector("input"))?.focus();
  }

  get code() {
    return new FormData(this.element).get("code")?.toString() ?? "";
  }

  get #written() {
    return { code: this.code, note: this.note.value.trim(), account: this.app.account?.account ?? null };
  }

  /** Keeps what is written so far: the time may be over before it is sent. */
  #typed() {
    this.drafts.typed(this.#token, this.#token, this.#written);
  }

  /** @param {Event} event */
  async #send(event) {
    event.preventDefault();
    const { say, api, guarded, desk } = this.app;
    if (desk.mode !== "wrap_up") return;
    if (!this.code) {
      write(this.problem, say("wrap_code_missing"));
      this.codes.querySelector("input")?.focus();
      return;
    }
    write(this.problem, "");
    this.finish.disabled = true;
    await this.drafts.flush();
    this.drafts.drop(this.#token);
    await guarded(() => api.post("/desk/wrap-up", { token: this.#token, ...this.#written }));
    this.finish.disabled = false;
  }

  #more() {
    const { api, guarded } = this.app;
    this.#told = false;
    guarded(() => api.post("/desk/wrap-up/more", { seconds: MORE }));
  }
}
