// @ts-check
/** Draws the operator's attention: rings, says what changed, shows what is wrong, blinks. */
import { write } from "./dom.js";
import { time } from "./format.js";

/** Seconds before the end of a shift when the operator is told of it. */
const SHIFT_ENDS = 900;

export class Alerts {
  #last = "";

  /** @param {import("./main.js").App} app @param {import("./main.js").Rooms} rooms */
  constructor(app, rooms) {
    this.app = app;
    this.rooms = rooms;
    this.told = /** @type {HTMLElement} */ (document.querySelector("#told"));
    this.alarm = /** @type {HTMLElement} */ (document.querySelector("#alarm"));
  }

  /** Whether somebody waits for this operator to pick up. */
  get wanted() {
    const { desk, phone } = this.app;
    return !phone.call && !phone.answering && (desk.mode === "offer" || phone.rings.size > 0) && !desk.returning;
  }

  show() {
    const { desk, sounds } = this.app;
    if (this.wanted) sounds.ring();
    else sounds.quiet();
    this.#trouble();
    const now = `${desk.mode} ${desk.contact?.token ?? ""}`;
    if (now === this.#last) return;
    this.#last = now;
    if (desk.mode === "offer") this.#offer();
    else write(this.told, this.app.say(`told_${desk.mode}`));
    if (desk.mode === "wrap_up") this.rooms.call.focusCode();
  }

  /** Twice a second: the title blinks while it rings. */
  tick() {
    const { say, desk, now } = this.app;
    const status = desk.mode === "paused" ? say.of("pause", desk.operator?.reason) : say(`mode_${desk.mode}`);
    const blink = this.wanted && Math.floor(now()) % 2 === 0;
    document.title = blink ? `☎ ${say("offer")}` : `${status} · press2`;
  }

  #offer() {
    const { say, desk, settings } = this.app;
    const { call, caller } = this.rooms;
    // The caller's facts lie beneath whatever is open.
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    const text = say("offer_told", { who: caller.headline(), queue: say.of("queue", desk.caller?.queue ?? "") });
    write(this.alarm, text);
    if (settings.notify && document.hidden && Notification.permission === "granted") {
      new Notification(say("offer"), { body: text });
    }
    if (document.activeElement === document.body) call.focus();
  }

  #trouble() {
    const { say, desk, phone, sounds, notices, given, now } = this.app;
    const { registration } = phone;
    /** @type {(key: string, on: boolean, kind: "error" | "warning", text: () => string) => void} */
    const standing = (key, on, kind, text) => (on ? notices.put(key, kind, text()) : notices.drop(key));
    standing("down", !!desk.state?.down, "warning", () => say("queue_down"));
    standing("phone", registration === "lost" || registration === "refused", "error", () => say(`phone_${registration}`));
    standing("deaf", phone.deaf && !!phone.call, "error", () => say("microphone_lost"));
    standing("mute", this.wanted && sounds.mute, "warning", () => say("sound_waits"));
    standing("shift", desk.time(now()) > given.ends - SHIFT_ENDS, "warning", () =>
      say("shift_ends", { at: time(given.ends, say.language) }),
    );
    if (phone.broke) {
      notices.tell("error", say(`broke_${phone.broke}`));
      phone.broke = "";
    }
  }
}
