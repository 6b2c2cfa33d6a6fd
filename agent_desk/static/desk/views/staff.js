// @ts-check
/** The supervisors as an operator sees them: help, messages, who listens; and a supervisor's own listening. */
import { canvas, h, write } from "../dom.js";
import { span, time } from "../format.js";

const MODES = ["listen", "whisper", "barge", "take"];
/** Characters of the note to a request for help. */
const NOTE = 200;
/** Milliseconds in which taking over is said a second time. */
const SURE = 4000;

export class Staff {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    this.card = h("section", { class: "card staff", id: "staff", "aria-label": app.say("staff") });
    /** @type {HTMLElement} */ (document.querySelector("#call .face")).after(this.card);
    this.draw = canvas(this.card);
    this.waited = h("span");
    this.note = h("input", { name: "help-note", "data-focus": "help-note", maxlength: NOTE, autocomplete: "off", placeholder: app.say("help_note"), "aria-label": app.say("help_note") });
    /** Taking over was asked for once, and is sure when it is asked for again. */
    this.sure = false;
    /** Messages that stand on the page. @type {Set<string>} */
    this.shown = new Set();
    /** Token of the listening, "" without one; the status: as they were shown last. */
    this.token = "";
    this.status = "";
  }

  show() {
    const { listeners = [], listening, help, leaving } = this.app.desk.state ?? {};
    this.draw([listeners, listening, help, this.sure], () => [this.#listening(listening), this.#listeners(listeners), listening ? null : this.#help(help)]);
    this.#messages();
    const { notices, say } = this.app;
    if (leaving) notices.put("leaving", "warning", say("leaving_after_talk", { name: leaving.name }));
    else notices.drop("leaving");
    this.#tell();
    this.tick();
  }

  /** What supervisors did to him, and why he, a supervisor, is in a talk no more. */
  #tell() {
    const { notices, say, desk } = this.app;
    const { listening, left, taken_by: taker, chosen_by: name, leaving } = desk.state ?? {};
    const { status, reason, state } = desk.operator;
    const paused = name && !leaving && status === "paused";
    const key = state === "idle" ? "paused_by" : "paused_by_then";
    if (paused) notices.put("chosen", "warning", say(key, { name, reason: say.of("pause", reason) }));
    else notices.drop("chosen");
    if (name && status === "ready" && this.status && this.status !== "ready") notices.tell("info", say("ready_by", { name }));
    if (taker) notices.put("taken", "info", say("taken_by", { name: taker }));
    else notices.drop("taken");
    if (left && !listening && left.token === this.token) notices.tell("warning", say(`listening_left_${left.why}`, left));
    this.token = listening?.token ?? "";
    this.status = status;
  }

  /** @param {{ name: string, mode: string }[]} listeners */
  #listeners(listeners) {
    const { say } = this.app;
    return listeners.length
      ? h("ul", { class: "listeners", role: "status" }, listeners.map(({ name, mode }) => h("li", { "data-mode": mode }, say(`listening_who_${mode}`, { name }))))
      : null;
  }

  /** @param {{ token: string, name: string, mode: string, heard: boolean } | null} listening of a supervisor */
  #listening(listening) {
    const { say, guarded, api } = this.app;
    if (!listening) return null;
    const { token, name, mode: now, heard } = listening;
    const send = (/** @type {string} */ path, /** @type {object} */ more = {}) => guarded(() => api.post(`/desk/supervisor/listening/${path}`, { token, ...more }));
    return h(
      "div",
      { class: "own-listening" },
      h("h2", {}, say(heard ? "in_talk_of" : "in_talk_rings", { name })),
      h(
        "div",
        { class: "row" },
        MODES.map((mode) =>
          h("button", { type: "button", class: heard && mode === now ? "small on" : "small", "aria-pressed": heard && mode === now ? "true" : "false", disabled: !heard, "data-focus": `mode-${mode}`, "data-mode": mode, title: say(`listening_hint_${mode}`), on: { click: () => (mode === "take" && !this.sure ? this.#ask() : send("mode", { mode })) } }, say(mode === "take" && this.sure ? "listening_take_sure" : `listening_${mode}`)),
        ),
        h("button", { type: "button", class: "small", "data-focus": "leave", on: { click: () => send("end") } }, say("listening_stop")),
      ),
    );
  }

  /** Asks once more before a caller is taken over. */
  #ask() {
    this.sure = true;
    this.show();
    setTimeout(() => {
      this.sure = false;
      this.show();
    }, SURE);
  }

  /** @param {{ note: string, since: number, taken: string } | null} help */
  #help(help) {
    const { say, act } = this.app;
    if (!help) {
      return h("button", { type: "button", class: "call-help", "data-focus": "call_help", on: { click: () => act("call_help") } }, say("help_ask"), h("kbd", { "aria-hidden": "true" }, "Alt+H"));
    }
    if (document.activeElement !== this.note) this.note.value = help.note;
    return h(
      "div",
      { class: "asked", "data-taken": help.taken },
      h("p", { role: "status" }, h("b", {}, help.taken ? say("help_comes", { name: help.taken }) : say("help_asked")), " ", this.waited),
      h(
        "form",
        {
          class: "row",
          on: {
            submit: (/** @type {Event} */ event) => {
              event.preventDefault();
              this.ask(this.note.value);
            },
          },
        },
        this.note,
        h("button", { class: "small" }, say("help_note_send")),
        h("button", { type: "button", class: "small", "data-focus": "help_end", on: { click: () => this.#end() } }, say(help.taken ? "help_end" : "help_withdraw")),
      ),
    );
  }

  /** Asks for help at once; what it is about may be said afterwards. @param {string} [note] */
  ask(note = "") {
    const { guarded, api, desk } = this.app;
    if (!note && desk.state?.help) return this.note.focus();
    return guarded(() => api.post("/desk/help", { note }));
  }

  #end() {
    return this.app.guarded(() => this.app.api.post("/desk/help/end"));
  }

  /** What supervisors wrote stands on the page until it was seen or its time is over. */
  #messages() {
    const { desk, notices, say, now } = this.app;
    const fresh = (desk.state?.messages ?? []).filter((/** @type {any} */ { until }) => until > desk.time(now()));
    const keys = new Set(fresh.map((/** @type {any} */ { id }) => `message-${id}`));
    for (const key of this.shown) if (!keys.has(key)) notices.drop(key);
    this.shown = keys;
    for (const { id, name, text, sent_at } of fresh) {
      const whole = say("message_from", { name, time: time(sent_at, say.language), text });
      notices.put(`message-${id}`, "info", whole, [{ text: say("message_seen"), act: () => this.#seen(id) }]);
    }
  }

  /** @param {number} id */
  #seen(id) {
    return this.app.guarded(() => this.app.api.post("/desk/messages/seen", { id }));
  }

  tick() {
    const { desk, now } = this.app;
    const { help } = desk.state ?? {};
    write(this.waited, help ? span(Math.max(0, desk.time(now()) - help.since)) : "");
    this.#messages();
  }
}
