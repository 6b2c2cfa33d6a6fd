// @ts-check
/** The left column: the offer, the talk, the second line, the wrap-up. */
import { canvas, fill, h, icon, write } from "../dom.js";
import { span, telephone } from "../format.js";
import { comesFirst, markOf } from "./mark.js";
import { WrapUp } from "./wrap_up.js";

const KEYS = "123456789*0#";

export class CallPanel {
  keypadOpen = false;

  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    this.place = /** @type {HTMLElement} */ (document.querySelector("#call"));
    this.face = h("div", { class: "card face" });
    this.keys = h("div", { class: "card keys-card", hidden: true });
    this.second = h("div", { class: "card second", hidden: true });
    this.wrapUp = new WrapUp(app);
    this.idle = h("div", { class: "card idle", hidden: true });
    fill(this.place, [this.face, this.keys, this.second, this.wrapUp.element, this.idle]);
    this.timer = h("span", { class: "timer" });
    this.waited = h("span");
    this.drawFace = canvas(this.face);
    this.drawSecond = canvas(this.second);
    this.drawIdle = canvas(this.idle);
    this.#keypad();
  }

  show() {
    const { desk, phone } = this.app;
    const { mode } = desk;
    const ring = phone.call ? null : ([...phone.rings.values()][0] ?? null);
    const state = [
      mode, desk.contact?.token, desk.contact?.kind, desk.returning, desk.caller?.number, desk.caller?.priority,
      desk.state?.talk?.recording, phone.call?.state, phone.call?.held, phone.call?.token, phone.muted, phone.answering,
      phone.second?.state, this.keypadOpen, ring?.token, desk.operator.status, desk.operator.tested, desk.operator.reason,
      phone.registration,
    ];
    this.drawFace(state, () => this.#face(ring));
    this.keys.hidden = !(this.keypadOpen && phone.call);
    this.second.hidden = !phone.second;
    this.drawSecond([phone.second?.state, phone.second?.held, phone.second?.token], () => this.#second());
    this.wrapUp.show();
    this.idle.hidden = mode === "wrap_up";
    this.drawIdle([mode, desk.state?.queues.length, this.app.settings.automatic], () => this.#settings());
    this.tick();
  }

  /** @param {import("../phone.js").Ring | null} ring */
  #face(ring) {
    const { desk, phone } = this.app;
    const mode = desk.mode;
    this.face.dataset.state = mode === "offer" || ring ? "offer" : phone.call || mode === "talk" ? "talk" : mode;
    if (mode === "offer" && !phone.call) return this.#offer();
    if (mode === "talk" || phone.call) return this.#talk();
    if (ring) return this.#internal(ring);
    return this.#rest(mode);
  }

  #who() {
    const { say, desk } = this.app;
    const { caller, contact } = desk;
    if (!caller) return [];
    return [
      comesFirst(caller) && h("p", { class: `mark ${caller.priority}` }, icon("alarm"), say.of("priority", markOf(caller))),
      caller.site && h("p", { class: "site-name" }, h("b", {}, caller.site.name)),
      h("p", { class: "number" }, telephone(caller.number) || say("number_hidden")),
      h("p", { class: "quiet" }, say("in_queue", { queue: say.of("queue", caller.queue) }), contact?.kind === "callback" ? ` · ${say("callback_kind")}` : ""),
    ];
  }

  #offer() {
    const { say, desk, phone, act } = this.app;
    const { offer } = desk.state ?? {};
    const coming = phone.answering === offer.token || desk.returning;
    return [
      h("h2", {}, desk.returning ? say("back") : offer.kind === "consult" ? say("consult_offer") : say("offer")),
      ...this.#who(),
      h("p", { class: "facts" }, h("span", { class: "quiet" }, say("waits")), " ", this.waited),
      coming
        ? h("p", { class: "coming", role: "status" }, say("connecting"))
        : this.#big("answer", "answer", "answer", ["F2", "Enter"]),
      coming ? null : h("button", { type: "button", class: "plain text", "data-focus": "decline", on: { click: () => act("decline") } }, say("decline")),
    ];
  }

  /** @param {import("../phone.js").Ring} ring a call that came without an offer we know of */
  #internal(ring) {
    const { say } = this.app;
    return [
      h("h2", {}, say("internal_call")),
      h("p", { class: "number" }, this.app.desk.state?.colleagues.find(({ name }) => [name, `op-${name}`].includes(ring.from))?.shown ?? ring.from),
      this.#big("answer", "answer", "answer", ["F2", "Enter"]),
    ];
  }

  #talk() {
    const { say, desk, phone, act, can } = this.app;
    const { call } = phone;
    const { talk } = desk.state ?? {};
    const held = !!call?.held;
    const heading = !call ? "no_sound" : call.state !== "talking" ? "connecting" : held ? "on_hold" : "talking";
    const tool = (/** @type {string} */ what, /** @type {string} */ image, /** @type {string} */ text, /** @type {string} */ hint, on = false, off = false) =>
      h(
        "button",
        {
          type: "button", "data-focus": what, "aria-pressed": on ? "true" : "false", disabled: off, title: hint,
          class: on ? "on" : "", on: { click: () => act(what) },
        },
        icon(image),
        h("span", {}, text),
      );
    const recording = talk?.recording ?? "off";
    const first = comesFirst(desk.caller);
    return [
      h("h2", {}, say(heading), " ", this.timer),
      ...this.#who(),
      ...(desk.caller ? this.#facts(recording) : []),
      h(
        "div",
        { class: "tools" },
        tool("mute", phone.muted ? "muted" : "mute", say(phone.muted ? "unmute" : "mute"), "F8", phone.muted, !call),
        tool("hold", "hold", say(held ? "unhold" : "hold"), can.hold ? "F9" : say("cannot_hold"), held, !can.hold || !call || !!phone.second),
        tool("keypad", "keypad", say("keypad"), "Alt+K", this.keypadOpen, !call),
        tool("transfer", "transfer", say("transfer"), "Alt+T", false, !talk || talk.state !== "talking" || !!phone.second),
        tool("raise", "alarm", say("raise"), say(first ? "raise_has" : "raise_hint"), first, first || !talk || talk.state !== "talking"),
        recording === "off" ? null : tool("record", "record", say(recording === "on" ? "record_pause" : "record_resume"), "Alt+V", recording === "paused"),
      ),
      phone.second ? null : call ? this.#big("hang_up", "hang_up", "hang_up", ["F4"]) : h("p", { class: "coming" }, say("no_sound_hint")),
    ];
  }

  /** @param {string} recording */
  #facts(recording) {
    const { say, desk } = this.app;
    const word = recording === "off" && desk.caller.unrecorded ? "recording_refused" : `recording_${recording}`;
    return [
      h("p", { class: "facts" }, h("span", { class: "quiet" }, say("waited")), " ", this.waited),
      h("p", { class: `recording ${recording}` }, icon("record"), say(word)),
    ];
  }

  /** @param {string} mode */
  #rest(mode) {
    const { say, desk, act, phone } = this.app;
    const lead = h("p", { class: "quiet" }, say(desk.operator.tested || mode === "disconnected" ? `rest_${mode}` : "rest_untested"));
    const button =
      mode === "ready" || mode === "consult" || mode === "disconnected" || mode === "broken" || mode === "wrap_up"
        ? null
        : desk.operator.tested
          ? this.#big("ready", "play", "go_ready", ["Alt", "G"], true)
          : h("button", { type: "button", class: "main", "data-focus": "check", on: { click: () => act("check") } }, say("check_open"));
    return [
      h("h2", {}, mode === "paused" ? say.of("pause", desk.operator.reason) : say(`mode_${mode}`)),
      lead,
      mode === "wrap_up" ? h("p", { class: "number" }, telephone(desk.caller?.number)) : null,
      mode === "ready" && phone.registration !== "registered" ? h("p", { class: "coming" }, say(`registration_${phone.registration}`)) : null,
      button,
    ];
  }

  /** @param {string} what @param {string} image @param {string} word @param {string[]} keys @param {boolean} [joined] */
  #big(what, image, word, keys, joined = false) {
    return h(
      "button",
      { type: "button", class: `big ${what}`, "data-focus": what, on: { click: () => this.app.act(what) } },
      icon(image),
      h("span", {}, this.app.say(word)),
      h("small", { "aria-hidden": "true" }, keys.map((key, place) => [place ? (joined ? "+" : " ") : "", h("kbd", {}, key)]).flat()),
    );
  }

  #second() {
    const { say, phone, act } = this.app;
    const { second } = phone;
    if (!second) return [];
    const name = this.app.desk.state?.colleagues.find(({ name }) => second.address === `op-${name}`)?.shown ?? "";
    return [
      h("h2", {}, say(second.state === "talking" ? "consult_talking" : "consult_ringing", { name })),
      h(
        "div",
        { class: "tools" },
        h("button", { type: "button", class: "main", disabled: second.state !== "talking", "data-focus": "hand_over", on: { click: () => act("hand_over") } }, say("hand_over")),
        h("button", { type: "button", disabled: second.state !== "talking", "data-focus": "alternate", on: { click: () => phone.alternate() } }, say(second.held ? "to_colleague" : "to_caller")),
        h("button", { type: "button", "data-focus": "end_consult", on: { click: () => act("end_consult") } }, say("end_consult"), h("kbd", {}, "F4")),
      ),
    ];
  }

  #settings() {
    const { say, settings, changed } = this.app;
    return [
      h(
        "label",
        { class: "option" },
        h("input", {
          type: "checkbox", checked: settings.automatic, "data-focus": "automatic",
          on: {
            change: (/** @type {any} */ event) => {
              settings.automatic = event.target.checked;
              changed();
            },
          },
        }),
        h("span", {}, say("setting_automatic")),
      ),
    ];
  }

  #keypad() {
    const { say, phone } = this.app;
    this.keyed = h("output", { class: "keyed", "aria-label": say("keyed_now") });
    fill(this.keys, [
      h("h2", {}, say("keypad")),
      this.keyed,
      h(
        "div",
        { class: "keypad" },
        [...KEYS].map((key) =>
          h(
            "button",
            { type: "button", "aria-label": { "*": say("star"), "#": say("hash") }[key], on: { click: () => phone.press(key) && this.pressed(key) } },
            key === "*" ? "∗" : key,
          ),
        ),
      ),
    ]);
  }

  /** @param {string} key it was sent */
  pressed(key) {
    write(this.keyed, `${this.keyed.textContent}${key}`.slice(-20));
  }

  toggleKeypad() {
    if (!this.app.phone.call) return;
    this.keypadOpen = !this.keypadOpen;
    write(this.keyed, "");
    this.show();
    if (this.keypadOpen) this.keys.querySelector("button")?.focus();
  }

  tick() {
    const { desk, now } = this.app;
    write(this.timer, span(desk.since(now())));
    write(this.waited, span(desk.waited(now())));
    this.wrapUp.tick();
  }

  focus() {
    const wanted = this.face.querySelector(".big") ?? this.place;
    wanted.focus();
  }

  focusCode() {
    this.wrapUp.focus();
  }
}
