// @ts-check
/** Letting the caller come first for the rest of the call: never without a reason. */
import { h, write } from "../dom.js";
import { Dialog } from "./dialog.js";

const LONGEST = 400;

export class Raise {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    const { say } = app;
    this.dialog = new Dialog(say("raise_title"), say("close"), "narrow");
    this.reason = /** @type {HTMLInputElement} */ (h("input", { id: "raise-reason", type: "text", maxlength: String(LONGEST), autocomplete: "off", "aria-required": "true" }));
    this.problem = h("p", { class: "problem", role: "alert" });
  }

  open() {
    const { say } = this.app;
    this.reason.value = "";
    write(this.problem, "");
    this.dialog.open(
      [
        h(
          "form",
          { class: "stack", on: { submit: (/** @type {Event} */ event) => this.#send(event) } },
          h("p", {}, say("raise_explain")),
          h("label", { for: "raise-reason" }, say("raise_reason")),
          this.reason,
          this.problem,
          h("button", { type: "submit", class: "main" }, say("raise_do")),
        ),
      ],
      "input",
    );
  }

  /** There is nobody left to be raised. */
  show() {
    if (this.dialog.isOpen && this.app.desk.mode !== "talk") this.dialog.close();
  }

  /** @param {Event} event */
  async #send(event) {
    event.preventDefault();
    const { api, desk, notices, say } = this.app;
    const reason = this.reason.value.trim();
    if (!reason) {
      write(this.problem, say("error_field_empty", { field: say("raise_reason") }));
      this.reason.focus();
      return;
    }
    try {
      await api.post("/desk/priority", { ticket: desk.state?.talk?.ticket, reason });
    } catch (error) {
      return write(this.problem, error instanceof Error && error.message ? error.message : say("unreachable"));
    }
    this.dialog.close();
    notices.tell("info", say("raise_done"));
  }
}
