// @ts-check
/** The forms in tabs: a reading, tickets. What is typed is kept with the call. */
import { fill, h, write } from "../dom.js";
import { Drafts } from "../draft.js";
import { Reading } from "./reading.js";
import { TicketForm } from "./ticket_form.js";

/** Most wanted first; forms the page has never heard of come last. */
const ORDER = ["outage", "meter_fault", "meter_replacement", "connection", "appointment", "complaint", "other"];

/** @param {Record<string, unknown>} forms */
function inOrder(forms) {
  return [...ORDER.filter((name) => name in forms), ...Object.keys(forms).filter((name) => !ORDER.includes(name))];
}

/** Whether a draft holds anything. @param {Record<string, any>} draft */
function meant(draft) {
  return Object.values(draft.values ?? draft).some(Boolean);
}

export class Forms {
  #contact = "";
  /** The talk whose drafts were taken up. */
  #talk = "";
  #open = "reading";

  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    const { say, api } = app;
    this.place = /** @type {HTMLElement} */ (document.querySelector("#forms"));
    this.drafts = new Drafts(
      (draft) => api.put("/desk/draft", draft),
      (state) => write(this.saved, say(`draft_${state}`)),
    );
    /** @type {Record<string, Reading | TicketForm>} */
    this.forms = { reading: new Reading(app, (values) => this.#typed("reading", values)) };
    for (const name of inOrder(app.given.forms)) {
      this.forms[name] = new TicketForm(app, name, (values) => this.#typed(name, values), () => this.#sent(name));
    }
    this.saved = h("p", { class: "quiet saved" });
    this.tabs = h("div", { role: "tablist", "aria-label": say("skip_forms") });
    const panels = Object.entries(this.forms).map(([name, form]) =>
      h("div", { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}`, hidden: true }, form.element),
    );
    fill(this.tabs, Object.keys(this.forms).map((name) => this.#tab(name)));
    this.tabs.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#walk(event));
    fill(this.place, [h("div", { class: "card" }, h("header", {}, this.tabs), panels, this.saved)]);
    this.#select(this.#open);
  }

  show() {
    const { desk } = this.app;
    const { talk } = desk.state ?? {};
    const contact = desk.contact?.ticket ?? "";
    if (contact !== this.#contact) {
      this.#contact = contact;
      this.#talk = "";
      write(this.saved, "");
      this.place.parentElement?.scrollTo(0, 0);
      for (const form of Object.values(this.forms)) form.begin(null);
      if (desk.caller) this.#select(this.#fitting(desk.caller));
    }
    if (talk && talk.ticket !== this.#talk) {
      this.#talk = talk.ticket;
      this.#resume(talk.drafts ?? {});
    }
    for (const form of Object.values(this.forms)) form.show();
    for (const tab of this.tabs.querySelectorAll("[role=tab]")) {
      tab.classList.toggle("begun", this.forms[tab.dataset.form].begun);
    }
  }

  /** Goes on with what was typed before: here before a reload, or by the operator who lost the caller. @param {Record<string, any>} drafts */
  #resume(drafts) {
    const typed = Object.entries(drafts).filter(([name, draft]) => name in this.forms && meant(draft));
    for (const [name, draft] of typed) if (!this.forms[name].begun) this.forms[name].begin(draft);
    const { caller } = this.app.desk;
    const account = drafts.reading?.account;
    this.app.account ??= caller?.accounts?.find((/** @type {any} */ card) => card.account === account) ?? null;
    if (typed.length) this.#select(typed[0][0]);
  }

  /** The form that will most likely be wanted. @param {any} caller */
  #fitting({ flow, queue }) {
    if (flow === "reading" || flow === "by_keys") return "reading";
    return ["outage", "danger"].includes(queue) ? "outage" : this.#open;
  }

  /** @param {string} name */
  open(name) {
    this.#select(name);
    this.forms[name].focus();
  }

  focus() {
    /** @type {HTMLElement} */ (this.tabs.querySelector("[aria-selected=true]")).focus();
  }

  /** @param {string} name @param {object} values */
  #typed(name, values) {
    const call = this.app.desk.contact?.ticket;
    if (call) this.drafts.typed(call, name, values);
  }

  /** @param {string} name it is registered: its draft is void */
  #sent(name) {
    this.drafts.drop(name);
    write(this.saved, "");
  }

  /** @param {string} name */
  #tab(name) {
    return h(
      "button",
      { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`, "data-form": name, on: { click: () => this.#select(name) } },
      this.app.say.of("form", name),
    );
  }

  /** @param {string} name */
  #select(name) {
    this.#open = name;
    for (const tab of this.tabs.querySelectorAll("[role=tab]")) {
      const on = tab.dataset.form === name;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      /** @type {HTMLElement} */ (this.place.querySelector(`#panel-${tab.dataset.form}`)).hidden = !on;
    }
  }

  /** @param {KeyboardEvent} event */
  #walk(event) {
    const names = Object.keys(this.forms);
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -names.indexOf(this.#open), End: names.length - 1 - names.indexOf(this.#open) }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.#select(names[(names.indexOf(this.#open) + step + names.length) % names.length]);
    this.focus();
  }
}
