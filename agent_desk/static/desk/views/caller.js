// @ts-check
/** The middle, above: everything known of the caller before "hello". */
import { canvas, fill, h, icon, write } from "../dom.js";
import { day, dayTime, span, telephone } from "../format.js";
import { Accounts } from "./accounts.js";
import { markOf, siteFacts } from "./mark.js";

export class CallerPanel {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    this.place = /** @type {HTMLElement} */ (document.querySelector("#caller"));
    this.summary = h("div", { class: "card summary" });
    this.cards = h("div", { class: "card account" });
    fill(this.place, [this.summary, this.cards]);
    this.waited = h("b");
    this.drawSummary = canvas(this.summary);
    this.drawCards = canvas(this.cards);
    this.accounts = new Accounts(app);
  }

  show() {
    const { desk, account } = this.app;
    const { caller } = desk;
    const { waited: _, ...steady } = caller ?? {};
    this.drawSummary([caller && steady, desk.contact?.kind, desk.state?.talk?.drafts], () => (caller ? this.#summary(caller) : this.#nobody()));
    this.drawCards([caller?.accounts, account], () => this.#accounts(caller));
    this.tick();
  }

  tick() {
    const { desk, now } = this.app;
    if (desk.caller) write(this.waited, span(desk.waited(now())));
  }

  focus() {
    this.place.focus();
    this.place.scrollIntoView({ block: "nearest" });
  }

  search() {
    this.accounts.open();
  }

  /** Who it is, for a sentence. */
  headline() {
    const { caller } = this.app.desk;
    const address = caller?.accounts?.length === 1 ? caller.accounts[0].address : "";
    return [telephone(caller?.number) || this.app.say("number_hidden"), address].filter(Boolean).join(", ");
  }

  #nobody() {
    const { say } = this.app;
    return [
      h("h2", {}, say("caller")),
      h("p", { class: "quiet" }, say("caller_nobody")),
      h("button", { type: "button", "data-focus": "find", on: { click: () => this.search() } }, icon("search"), say("accounts_find")),
    ];
  }

  /** @param {any} caller */
  #summary(caller) {
    const { say, desk } = this.app;
    const fact = (/** @type {string} */ word, /** @type {any} */ value, kind = "") =>
      value ? h("div", { class: kind }, h("dt", {}, say(word)), h("dd", {}, value)) : null;
    const mark = markOf(caller);
    const where = [say.known("flow", caller.flow), say.known("step", caller.step)].filter(Boolean).join(", ");
    return [
      h(
        "header",
        {},
        h("h2", {}, telephone(caller.number) || say("number_hidden")),
        h("span", { class: `match ${caller.match}` }, say(`match_${caller.match}`)),
        h("span", { class: `proof ${caller.proved ? "yes" : "no"}` }, say(caller.proved ? "proved" : "unproved")),
        mark ? h("strong", { class: `mark ${mark}` }, icon("alarm"), say.of("priority", mark)) : null,
        caller.priority === "raised" ? h("span", { class: "mark raised" }, say("priority_raised")) : null,
      ),
      ...siteFacts(say, caller),
      caller.interrupted ? h("p", { class: "warn" }, icon("alarm"), say("interrupted")) : null,
      h(
        "dl",
        { class: "facts" },
        fact("fact_waited", [this.waited, ` · ${say.of("queue", caller.queue)}`]),
        fact("fact_language", caller.language && say.of("language", caller.language), caller.language && caller.language !== say.language ? "other" : ""),
        fact("fact_why", [say.of("why", caller.why), where ? h("small", {}, where) : null], "wide"),
        fact("fact_dialled", telephone(caller.dialled)),
        caller.unrecorded ? fact("fact_recording", say("recording_refused"), "other") : null,
        desk.contact?.kind === "callback" ? fact("fact_kind", say("callback_kind")) : null,
      ),
      this.#keyed(caller),
      this.#appointments(caller.appointments ?? []),
      this.#contacts(caller.contacts ?? [], "contacts"),
    ];
  }

  /** @param {any[]} appointments at offices, of this telephone */
  #appointments(appointments) {
    const { say } = this.app;
    if (!appointments.length) return null;
    return h(
      "section",
      {},
      h("h3", {}, say("appointments")),
      h(
        "ul",
        { class: "lines" },
        appointments.map(({ number, office, at }) =>
          h("li", {}, h("time", {}, dayTime(at, say.language)), " ", h("b", {}, office), number ? ` ${say("number_sign")} ${number}` : ""),
        ),
      ),
    );
  }

  /** What he keyed already: he must never be asked for it again. @param {any} caller */
  #keyed(caller) {
    const { say } = this.app;
    const values = Object.entries(caller.values ?? {});
    if (!caller.keyed?.length && !values.length && !caller.tries?.length) return null;
    const row = (/** @type {string} */ name, /** @type {string} */ value, /** @type {any} */ more = null) =>
      h("li", {}, h("span", { class: "quiet" }, name), " ", h("b", { class: "digits" }, value), more);
    return h(
      "section",
      { class: "keyed-before", "aria-labelledby": "keyed-title" },
      h("h3", { id: "keyed-title" }, say("keyed_title")),
      h(
        "ul",
        {},
        caller.keyed?.map((/** @type {any} */ { what, value }) => row(say.of("keyed", what), value)),
        values.map(([register, value]) => row(say.of("register", register), String(value))),
        caller.tries?.map((/** @type {any} */ { register, value, kind }) =>
          row(say.of("register", register), value, h("span", { class: "refused" }, ` ${say.of("refused", kind)}`)),
        ),
      ),
    );
  }

  /** @param {any[]} contacts @param {string} title */
  #contacts(contacts, title) {
    const { say } = this.app;
    if (!contacts.length) return null;
    return h(
      "section",
      {},
      h("h3", {}, say(title)),
      h(
        "ul",
        { class: "lines" },
        contacts.map(({ at, operator, queue, code, note, interrupted }) =>
          h(
            "li",
            {},
            h("time", {}, dayTime(at, say.language)),
            " ",
            h("b", {}, code ? say.of("code", code) : say.of("queue", queue)),
            interrupted ? h("span", { class: "refused" }, ` ${say("was_interrupted")}`) : null,
            h("small", {}, [operator, note].filter(Boolean).join(" · ")),
          ),
        ),
      ),
    );
  }

  /** @param {any} caller */
  #accounts(caller) {
    const { say, account } = this.app;
    const known = caller?.accounts ?? [];
    const foreign = account && !known.some((/** @type {any} */ card) => card.account === account.account);
    const all = foreign ? [account, ...known] : known;
    return [
      h(
        "header",
        {},
        h("h2", {}, say(all.length > 1 ? "accounts" : "account")),
        h("button", { type: "button", class: "small", "data-focus": "search", title: "Alt+S", on: { click: () => this.search() } }, icon("search"), say("accounts_find")),
      ),
      all.length > 1
        ? h(
            "div",
            { class: "choices inline", role: "group", "aria-label": say("accounts_choose") },
            all.map((/** @type {any} */ card) =>
              h(
                "button",
                { type: "button", "data-focus": `account-${card.account}`, "aria-pressed": card.account === account?.account ? "true" : "false", on: { click: () => this.choose(card) } },
                h("b", {}, card.account),
                h("small", {}, card.address),
              ),
            ),
          )
        : null,
      account ? this.#card(account) : h("p", { class: "quiet" }, say(all.length ? "accounts_choose_hint" : "account_none")),
    ];
  }

  /** @param {any} card the account to work with, from the caller's or found */
  choose(card) {
    this.app.account = card;
    this.app.changed();
  }

  /** @param {any} card */
  #card(card) {
    const { say } = this.app;
    return h(
      "div",
      { class: "card-body" },
      h(
        "p",
        { class: "address" },
        h("b", {}, card.address),
        h("span", { class: "quiet" }, ` ${say("account_number", { number: card.account })} · ${say.of("kind", card.kind)}${card.schedule_queue ? ` · ${say("schedule_queue", { queue: card.schedule_queue })}` : ""}`),
      ),
      h(
        "div",
        { class: "pair" },
        this.#meters(card),
        h("div", {}, this.#applications(card.applications ?? []), this.#tickets(card.tickets ?? []), this.#readings(card.readings ?? [])),
      ),
    );
  }

  /** @param {any} card */
  #meters(card) {
    const { say } = this.app;
    if (!card.meters?.length) return h("p", { class: "quiet" }, say("no_meters"));
    return h(
      "table",
      {},
      h("caption", {}, say("meters")),
      h("thead", {}, h("tr", {}, [say("meter"), say("register"), say("previous")].map((text) => h("th", { scope: "col" }, text)))),
      h(
        "tbody",
        {},
        card.meters.flatMap((/** @type {any} */ meter) =>
          meter.registers.map((/** @type {any} */ register, /** @type {number} */ place) =>
            h(
              "tr",
              {},
              h("td", { class: "digits" }, place ? "" : meter.number),
              h("td", {}, say.of("register", register.name)),
              h("td", {}, h("b", { class: "digits" }, register.previous), " ", h("small", {}, day(register.previous_on, say.language))),
            ),
          ),
        ),
      ),
    );
  }

  /** @param {any[]} readings */
  #readings(readings) {
    const { say } = this.app;
    if (!readings.length) return null;
    return h(
      "section",
      {},
      h("h3", {}, say("readings")),
      h(
        "ul",
        { class: "lines" },
        readings.map(({ register, value, at, channel, state }) =>
          h(
            "li",
            {},
            h("time", {}, dayTime(at, say.language)),
            " ",
            register === "single" ? "" : `${say.of("register", register)} `,
            h("b", { class: "digits" }, value),
            h("small", {}, [say.of("stored", state), say.of("channel", channel)].join(" · ")),
          ),
        ),
      ),
    );
  }

  /** @param {any[]} applications */
  #applications(applications) {
    const { say } = this.app;
    if (!applications.length) return null;
    return h(
      "section",
      {},
      h("h3", {}, say("applications")),
      h(
        "ul",
        { class: "lines" },
        applications.map(({ number, what, state, visit }) =>
          h(
            "li",
            {},
            visit ? h("time", {}, dayTime(visit, say.language)) : null,
            " ",
            h("b", {}, say.of("form", what)),
            ` ${say("number_sign")} ${number}`,
            h("small", {}, say.of("application", state)),
          ),
        ),
      ),
    );
  }

  /** @param {any[]} tickets */
  #tickets(tickets) {
    const { say } = this.app;
    if (!tickets.length) return null;
    return h(
      "section",
      {},
      h("h3", {}, say("tickets_open")),
      h(
        "ul",
        { class: "lines" },
        tickets.map(({ number, type, at, priority }) =>
          h(
            "li",
            { class: priority === "danger" ? "danger" : "" },
            h("time", {}, dayTime(at, say.language)),
            " ",
            h("b", {}, say.of("form", type)),
            number ? ` ${say("number_sign")} ${number}` : "",
          ),
        ),
      ),
    );
  }
}
