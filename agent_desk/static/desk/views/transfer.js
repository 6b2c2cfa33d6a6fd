// @ts-check
/** Passing a caller on: to a colleague (asked first or not), a queue, a number, into the menu. */
import { canvas, h, write } from "../dom.js";
import { Dialog } from "./dialog.js";
import { presence } from "./colleagues.js";

export class Transfer {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    /** Of the talk with a colleague that is not over yet. */
    this.token = "";
    const { say } = app;
    this.dialog = new Dialog(say("transfer_title"), say("close"), "wide");
    this.colleagues = h("ul", { class: "people" });
    this.queues = h("div", { class: "choices" });
    this.drawColleagues = canvas(this.colleagues);
    this.drawQueues = canvas(this.queues);
    this.problem = h("p", { class: "problem", role: "alert" });
  }

  open() {
    const { say, can } = this.app;
    write(this.problem, "");
    this.#draw();
    this.dialog.open(
      [
        h("section", {}, h("h3", {}, say("transfer_colleague")), this.colleagues, can.consult ? null : h("p", { class: "quiet" }, say("cannot_consult"))),
        h("div", { class: "pair" }, h("section", {}, h("h3", {}, say("transfer_queue")), this.queues), h("section", {}, h("h3", {}, say("transfer_flow")), this.#flows())),
        h("section", {}, h("h3", {}, say("transfer_number")), this.#number()),
        this.problem,
      ],
      "button:not(:disabled)",
    );
  }

  /** Who is free changes while the dialog is open; there may be nobody left to be passed on. */
  show() {
    this.#release();
    if (!this.dialog.isOpen) return;
    if (this.app.desk.mode === "talk") this.#draw();
    else this.dialog.close();
  }

  #draw() {
    const { say, desk } = this.app;
    const others = (desk.state?.colleagues ?? []).filter(({ name }) => name !== desk.operator.name);
    this.drawColleagues(others, () =>
      others.length ? others.map((colleague) => this.#colleague(colleague)) : [h("li", { class: "quiet wide" }, say("colleagues_none"))],
    );
    this.drawQueues(desk.state?.queues, () => (desk.state?.queues ?? []).map((queue) => this.#queue(queue)));
  }

  /** @param {any} colleague */
  #colleague(colleague) {
    const { say } = this.app;
    const state = presence(colleague);
    const name = colleague.shown || colleague.name;
    const button = (/** @type {string} */ word, /** @type {boolean} */ disabled, /** @type {() => void} */ act) =>
      h(
        "button",
        { type: "button", class: "small", disabled, "data-focus": `${word}-${colleague.name}`, "aria-label": `${say(word)}: ${name}`, on: { click: act } },
        say(word),
      );
    return h(
      "li",
      {},
      h("span", { class: `lamp ${state}`, "aria-hidden": "true" }),
      h("span", {}, name),
      h("small", {}, say(`presence_${state}`)),
      button("consult", !this.app.can.consult || state !== "free", () => this.#consult(colleague)),
      button("transfer_now", state === "disconnected", () => this.#pass("operator", colleague.name)),
    );
  }

  /** @param {any} queue */
  #queue({ queue, free, waiting }) {
    const { say } = this.app;
    return h(
      "button",
      { type: "button", "data-focus": queue, on: { click: () => this.#pass("queue", queue) } },
      h("span", {}, say.of("queue", queue)),
      h("small", {}, say("transfer_queue_figures", { free, waiting })),
    );
  }

  #flows() {
    const { say, given } = this.app;
    return h(
      "div",
      { class: "choices" },
      given.flows.map((/** @type {string} */ flow) => h("button", { type: "button", on: { click: () => this.#pass("flow", flow) } }, h("span", {}, say.of("flow", flow)), h("small", {}, say("transfer_flow_back")))),
    );
  }

  #number() {
    const { say } = this.app;
    const input = h("input", { id: "transfer-number", name: "number", type: "tel", autocomplete: "off", maxlength: 30, required: true });
    return h(
      "form",
      {
        class: "row",
        on: {
          submit: (/** @type {Event} */ event) => {
            event.preventDefault();
            this.#pass("number", input.value.trim());
          },
        },
      },
      h("label", { for: "transfer-number", class: "unseen" }, say("transfer_number")),
      input,
      h("button", {}, say("transfer_now")),
    );
  }

  /** @param {string} to @param {string} target */
  async #pass(to, target) {
    const { api, desk, say, notices } = this.app;
    const ticket = desk.state?.talk?.ticket;
    if (!ticket || !target) return;
    try {
      await api.post("/desk/transfer", { ticket, to, target });
      this.dialog.close();
      notices.tell("info", say("transfer_done"));
    } catch (error) {
      write(this.problem, error instanceof Error && error.message ? error.message : say("unreachable"));
    }
  }

  /** @param {any} colleague */
  async #consult({ name }) {
    const { api, phone, say } = this.app;
    let told;
    try {
      told = await api.post("/desk/consult", { operator: name });
    } catch (error) {
      write(this.problem, error instanceof Error && error.message ? error.message : say("unreachable"));
      return;
    }
    this.dialog.close();
    this.token = told.token;
    await phone.consult(told.token, told.address);
  }

  /** The colleague is thanked: the caller is back. */
  async endConsult() {
    await this.app.phone.hangUpSecond();
    this.#release();
  }

  /** A colleague who is not on the second line any more, or never was, may be offered callers again. */
  #release() {
    const { phone, guarded, api } = this.app;
    const { token } = this;
    if (!token || phone.second) return;
    this.token = "";
    guarded(() => api.post("/desk/consult/end", { token }));
  }

  async handOver() {
    const { phone, guarded, api, desk, notices, say } = this.app;
    const token = phone.second?.token;
    const ticket = desk.state?.talk?.ticket;
    if (!token || !ticket) return;
    this.token = ""; // he stays with the caller, whenever the lines end
    try {
      await phone.handOver();
    } catch {
      this.token = token;
      return notices.tell("error", say("hand_over_failed"));
    }
    await guarded(() => api.post("/desk/consult/end", { token, ticket }));
  }
}
