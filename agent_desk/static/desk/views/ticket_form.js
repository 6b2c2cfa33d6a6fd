// @ts-check
/** One ticket form, made from the fields the server names. */
import { fill, h, icon, write } from "../dom.js";
import { asked, filled, look, mayWarn, problems, required, warns } from "../form_fields.js";

export class TicketForm {
  /** Sent with the form: a form that is sent again because the answer was lost is registered once. */
  #key = crypto.randomUUID();

  /**
   * @param {import("../main.js").App} app
   * @param {string} type
   * @param {(values: object) => void} typed
   * @param {() => void} sent
   */
  constructor(app, type, typed, sent) {
    this.app = app;
    this.type = type;
    /** @type {import("../form_fields.js").Field[]} */
    this.fields = app.given.forms[type];
    this.typed = typed;
    this.sent = sent;
    const { say } = app;
    this.done = h("p", { class: "done", role: "status" });
    this.account = h("span", { class: "quiet" });
    this.meters = h("datalist", { id: `${type}-meters` });
    this.button = h("button", { class: "main" }, say("ticket_register"));
    this.element = h(
      "form",
      { novalidate: true, autocomplete: "off", "aria-label": say.of("form", type), on: { submit: (/** @type {Event} */ event) => this.#send(event), input: () => this.#changed() } },
      h("div", { class: "fields" }, this.fields.map((field) => this.#field(field))),
      this.meters,
      this.done,
      h("div", { class: "row" }, this.button, h("button", { type: "button", on: { click: () => this.#clear() } }, say("form_clear")), this.account),
    );
    this.#arrange();
  }

  /** @param {import("../form_fields.js").Field} field */
  #field(field) {
    const { say } = this.app;
    const { name } = field;
    const id = `${this.type}-${name}`;
    const wish = { id, name, "aria-describedby": `${id}-problem` };
    const kind = look(field);
    const label = [this.#word("field", name), h("span", { class: "star", "aria-hidden": "true" }, " *")];
    const problem = h("p", { class: "problem", id: `${id}-problem` });
    if (kind === "check") {
      return h("div", { class: "field", "data-field": name }, h("label", { class: "option" }, h("input", { ...wish, type: "checkbox" }), h("span", {}, label)), problem);
    }
    const input =
      kind === "area"
        ? h("textarea", { ...wish, rows: 2, maxlength: 2000 })
        : kind === "select"
          ? h("select", wish, h("option", { value: "" }, say("choose")), field.choices?.map((value) => h("option", { value }, this.#word(`choice_${name}`, value))))
          : h("input", { ...wish, type: kind, maxlength: 400, list: name === "meter" ? `${this.type}-meters` : null });
    return h(
      "div",
      { class: `field ${kind === "area" || name === "address" ? "wide" : ""}`, "data-field": name },
      h("label", { for: id }, label),
      input,
      mayWarn(this.type, name) ? h("p", { class: "warn", role: "status", hidden: true }, icon("alarm"), say(`warn_${this.type}`)) : null,
      problem,
    );
  }

  /** The word of this form, else the word all forms share. @param {string} kind @param {string} name */
  #word(kind, name) {
    const own = `${this.type}_${kind}`;
    const { words } = this.app.given;
    return words[`${own}_${name}`] ?? this.app.say.of(kind, name);
  }

  /** @returns {Record<string, string>} */
  get values() {
    return Object.fromEntries([...new FormData(this.element)].map(([name, value]) => [name, String(value)]));
  }

  get begun() {
    return Object.entries(this.values).some(([name, value]) => value && value !== this.#preset(name));
  }

  get #placed() {
    return this.app.account !== null;
  }

  /** @param {string} name what stands in a field before anything is typed */
  #preset(name) {
    if (name === "phone") return this.app.desk.caller?.number ?? "";
    const meters = this.app.account?.meters ?? [];
    return name === "meter" && meters.length === 1 ? meters[0].number : "";
  }

  /** A new contact, or none. @param {Record<string, string> | null} draft */
  begin(draft) {
    this.#key = crypto.randomUUID();
    this.element.reset();
    write(this.done, "");
    for (const { name, kind } of this.fields) {
      const input = this.element.elements.namedItem(name);
      if (kind === "flag") input.checked = !!draft?.[name];
      else input.value = draft?.[name] ?? this.#preset(name);
    }
    this.#arrange();
    this.#tell({});
  }

  show() {
    const { say, account } = this.app;
    if (this.shown === account) return;
    this.shown = account;
    write(this.account, account ? `${account.account} · ${account.address}` : say("form_no_account"));
    fill(this.meters, (account?.meters ?? []).map((/** @type {any} */ { number }) => h("option", { value: number })));
    const meter = this.element.elements.namedItem("meter");
    if (meter && !meter.value) meter.value = this.#preset("meter");
    this.#arrange();
  }

  focus() {
    this.element.querySelector("select, input, textarea")?.focus();
  }

  #changed() {
    write(this.done, "");
    this.#arrange();
    this.typed(this.values);
  }

  /** Shows the fields that are asked now, which of them must be filled in, and their warnings. */
  #arrange() {
    const { values, type } = this;
    for (const field of this.fields) {
      const place = this.element.querySelector(`[data-field="${field.name}"]`);
      const input = this.element.elements.namedItem(field.name);
      place.hidden = !asked(type, field.name, values, this.#placed);
      const must = required(type, field, values, this.#placed);
      place.classList.toggle("must", must);
      if (must) input.setAttribute("aria-required", "true");
      else input.removeAttribute("aria-required");
      const warning = place.querySelector(".warn");
      if (warning) warning.hidden = !warns(type, field.name, values);
    }
  }

  /** @param {Record<string, string>} found */
  #tell(found) {
    const { say } = this.app;
    for (const { name } of this.fields) {
      const input = this.element.elements.namedItem(name);
      if (found[name]) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
      write(this.element.querySelector(`#${this.type}-${name}-problem`), found[name] ? say(`problem_${found[name]}`) : "");
    }
    const first = Object.keys(found)[0];
    if (first) this.element.elements.namedItem(first).focus();
  }

  /** @param {Event} event */
  async #send(event) {
    event.preventDefault();
    const { say, api, guarded, account, desk } = this.app;
    const { type, fields, values } = this;
    const found = problems(type, fields, values, this.#placed);
    this.#tell(found);
    if (Object.keys(found).length) return;
    this.button.disabled = true;
    const told = await guarded(() =>
      api.post("/desk/ticket", {
        ticket: desk.state?.talk?.ticket ?? null,
        type,
        account: account?.account ?? null,
        fields: filled(type, fields, values, this.#placed),
        key: this.#key,
      }),
    );
    this.button.disabled = false;
    if (!told) return;
    this.sent();
    this.begin(null);
    write(this.done, say("ticket_registered", { number: told.number }));
    this.button.focus();
  }

  #clear() {
    this.begin(null);
    this.typed({});
    this.focus();
  }
}
