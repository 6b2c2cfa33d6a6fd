// @ts-check
/** Passing a caller on: to a colleague (asked first or not), a queue, a number, into the menu. */
import { h, write } from "../dom.js";
import { Dialog } from "./dialog.js";
import { presence } from "./colleagues.js";

export class Transfer {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    this.dialog = new Dialog(app.say("transfer_title"), app.say("close"), "wide");
  }

  open() {
    const { say } = this.app;
    this.problem = h("p", { class: "problem", role: "alert" });
    this.dialog.open(
      [
        h("section", {}, h("h3", {}, say("transfer_colleague")), this.#colleagues()),
        h("div", { class: "pair" }, h("section", {}, h("h3", {}, say("transfer_queue")), this.#queues()), h("section", {}, h("h3", {}, say("transfer_flow")), this.#flows())),
        h("section", {}, h("h3", {}, say("transfer_number")), this.#number()),
        this.problem,
      ],
      "button:not(:disabled)",
    );
  }

  #colleagues() {
    const { say, desk } = this.app;
    const others = (desk.state?.colleagues ?? []).filter(({ name }) => name !== desk.operator.name);
    if (!others.length) return h("p", { class: "quiet" }, say("colleagues_none"));
    return h(
      "ul",
      { class: "people" },
      others.map((colleague) => {
        const state = presence(colleague);
        const name = colleague.shown || colleague.name;
        return h(
          "li",
          {},
          h("span", { class: `lamp ${state}`, "aria-hidden": "true" }),
          h("span", {}, name),
          h("small", {}, say(`presence_${state}`)),
          h("button", { type: "button", class: "small", disabled: state !== "free", "aria-label": `${say("consult")}: ${name}`, on: { click: () => this.#consult(colleague) } }, say("consult")),
          h("button", { type: "button", class: "small", disabled: state === "disconnected", "aria-label": `${say("transfer_now")}: ${name}`, on: { click: () => this.#pass("operator", colleague.name) } }, say("transfer_now")),
        );
      }),
    );
  }

  #queues() {
    const { say, desk } = this.app;
    return h(
      "div",
      { class: "choices" },
      (desk.state?.queues ?? []).map(({ queue, free, waiting }) =>
        h("button", { type: "button", on: { click: () => this.#pass("queue", queue) } }, h("span", {}, say.of("queue", queue)), h("small", {}, say("transfer_queue_figures", { free, waiting }))),
      ),
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

  /** The colleague did not answer, hung up, or is thanked: the caller is back. */
  async endConsult() {
    const { phone, guarded, api } = this.app;
    const token = phone.second?.token;
    await phone.hangUpSecond();
    if (token) await guarded(() => api.post("/desk/consult/end", { token }));
  }

  async handOver() {
    const { phone, guarded, api, desk, notices, say } = this.app;
    const token = phone.second?.token;
    const ticket = desk.state?.talk?.ticket;
    if (!token || !ticket) return;
    try {
      await phone.handOver();
    } catch {
      return notices.tell("error", say("hand_over_failed"));
    }
    await guarded(() => api.post("/desk/consult/end", { token, ticket }));
  }
}
