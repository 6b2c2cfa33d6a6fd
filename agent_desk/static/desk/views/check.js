// @ts-check
/** The headset check: devices, own voice, echo over the exchange, figures. Once a sign-in. */
import { fill, h, write } from "../dom.js";
import { failing, LIMITS, measure, summary } from "../quality.js";
import { Dialog } from "./dialog.js";

/** Seconds of recording and of the echo call. */
const RECORD = 5;
const ECHO = 8;
/** Seconds an echo call may take to be connected. */
const CONNECT = 10;
/** Level below which nothing was said. */
const SILENT = 0.25;

export class Check {
  /** @type {(() => void) | null} */
  #stopMeter = null;
  /** @type {MediaStream | null} */
  #stream = null;
  #level = 0;
  #peak = 0;
  #asked = false;
  #echoing = false;

  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    const { say } = app;
    this.dialog = new Dialog(say("check_title"), say("close"), "check");
    this.dialog.element.addEventListener("close", () => this.#leave());
    this.devices = h("div", { class: "fields" });
    this.bar = h("meter", { min: 0, max: 1, low: 0.3, high: 0.95, optimum: 0.6, "aria-label": say("check_level") });
    this.record = h("button", { type: "button", on: { click: () => this.#record() } }, say("check_record", { seconds: RECORD }));
    this.voice = h("p", { role: "status" });
    this.echo = h("button", { type: "button", on: { click: () => this.#echo() } }, say("check_echo"));
    this.figures = h("div", { role: "status", class: "figures" });
    this.finish = h("button", { type: "button", class: "main", disabled: true, on: { click: () => this.#finish() } }, say("check_finish"));
    this.problem = h("p", { class: "problem", role: "alert" });
  }

  /** Once after the page was opened, if the headset was not checked in this sign-in. */
  openIfWanted() {
    if (this.#asked || this.app.desk.operator.tested || this.app.desk.contact) return;
    this.#asked = true;
    this.open();
  }

  async open() {
    const { say, can } = this.app;
    if (this.app.phone.busy) return;
    this.result = { loss: 0, jitter: 0, round_trip: 0, level: 0 };
    this.heard = false;
    this.measured = false;
    this.finish.disabled = true;
    write(this.voice, "");
    write(this.problem, "");
    fill(this.figures, []);
    const step = (/** @type {string} */ title, /** @type {any[]} */ ...content) => h("li", {}, h("h3", {}, say(title)), content);
    this.dialog.open(
      [
        h("p", { class: "quiet" }, say("check_lead")),
        h(
          "ol",
          { class: "steps" },
          step("check_devices", this.devices, h("div", { class: "level" }, h("span", {}, say("check_level")), this.bar)),
          step("check_voice", h("p", { class: "quiet" }, say("check_voice_how")), h("div", { class: "row" }, this.record), this.voice),
          can.echo
            ? step("check_line", h("p", { class: "quiet" }, say("check_line_how")), h("div", { class: "row" }, this.echo), this.figures)
            : step("check_line", h("p", { class: "quiet" }, say("cannot_echo")), this.figures),
        ),
        this.problem,
        h("div", { class: "row end" }, this.finish),
      ],
    );
    this.show();
    await this.#listen();
    await this.#devices();
    this.record.focus();
  }

  /** Opens the microphone and shows its level. */
  async #listen() {
    this.#release();
    const { sounds, say } = this.app;
    try {
      this.#stream = await sounds.open();
      write(this.problem, "");
    } catch (error) {
      const kind = error instanceof DOMException && error.name === "NotAllowedError" ? "check_forbidden" : "check_no_microphone";
      write(this.problem, say(navigator.mediaDevices ? kind : "check_insecure"));
      return;
    }
    sounds.wake();
    this.#stopMeter = sounds.meter(this.#stream, (level) => {
      this.#level = level;
      this.#peak = Math.max(this.#peak, level);
      this.bar.value = level;
    });
  }

  async #devices() {
    const { sounds, say } = this.app;
    const all = await sounds.devices();
    const choice = (/** @type {import("../sounds.js").Device} */ device) => {
      const id = `check-${device}`;
      const select = h(
        "select",
        {
          id,
          on: {
            change: async () => {
              sounds.choose(device, select.value);
              if (device === "microphone") await this.#listen();
              if (device === "ringer") {
                sounds.ring();
                setTimeout(() => sounds.quiet(), 1500);
              }
            },
          },
        },
        h("option", { value: "" }, say("check_default")),
        all[device]
          .filter(({ deviceId }) => deviceId && deviceId !== "default" && deviceId !== "communications")
          .map(({ deviceId, label }, place) => h("option", { value: deviceId }, label || `${say(`check_${device}`)} ${place + 1}`)),
      );
      select.value = sounds.chosen(device);
      if (!select.value) select.value = "";
      return h("div", { class: "field" }, h("label", { for: id }, say(`check_${device}`)), select);
    };
    fill(this.devices, [choice("microphone"), ...(sounds.aimable ? [choice("speaker"), choice("ringer")] : [h("p", { class: "quiet" }, say("check_no_choice"))])]);
  }

  async #record() {
    const { sounds, say } = this.app;
    if (!this.#stream) await this.#listen();
    if (!this.#stream) return;
    this.record.disabled = true;
    this.#peak = 0;
    for (const left of Array.from({ length: RECORD }, (_, place) => RECORD - place)) {
      setTimeout(() => write(this.voice, say("check_recording", { left })), (RECORD - left) * 1000);
    }
    try {
      const buffer = await sounds.record(this.#stream, RECORD);
      const peak = this.#peak;
      write(this.voice, say("check_playing"));
      await sounds.play(buffer);
      this.heard = peak >= SILENT;
      this.result = { ...this.result, level: Math.round(peak * 1000) / 1000 };
      write(this.voice, say(this.heard ? "check_heard" : "check_silent"));
    } catch {
      write(this.voice, say("check_no_microphone"));
    }
    this.record.disabled = false;
    this.#may();
    if (this.heard) (this.app.can.echo ? this.echo : this.finish).focus();
  }

  /** Without an echo, what is known of the line is whether the telephone is registered. */
  show() {
    const { can, phone, say } = this.app;
    if (can.echo || !this.dialog.isOpen) return;
    this.measured = phone.registration === "registered";
    write(this.figures, say(`registration_${phone.registration}`));
    this.#may();
  }

  /** Calls the exchange's echo and measures the line there and back. */
  async #echo() {
    const { app } = this;
    const { say, exchange, phone } = app;
    if (this.#echoing) return;
    if (!exchange || phone.registration !== "registered") {
      write(this.figures, say("check_not_registered"));
      return;
    }
    this.#echoing = true;
    this.echo.disabled = true;
    write(this.figures, say("check_calling"));
    let over = "";
    /** @type {() => void} */
    let talking = () => {};
    const connected = new Promise((resolve) => (talking = () => resolve(true)));
    /** @type {import("../phone.js").Line | null} */
    let line = null;
    try {
      line = await exchange.call("echo", "", {
        ringing: () => {}, talking, deaf: () => (over = "microphone"),
        ended: () => (over ||= "ended"),
        failed: (reason) => (over = reason),
      });
      await Promise.race([connected, rest(CONNECT * 1000)]);
      const samples = [];
      /** @type {import("../quality.js").Counts | null} */
      let counts = null;
      for (let second = 0; second < ECHO && !over && this.dialog.isOpen; second++) {
        await rest(1000);
        const reports = await line.stats();
        const measured = measure(reports, counts);
        if (counts) samples.push(measured.sample);
        counts = measured.counts;
        write(this.figures, say("check_speak", { left: ECHO - second - 1 }));
      }
      if (samples.length < 3 || !counts?.received) throw new Error(over || "no sound");
      this.result = { ...this.result, ...summary(samples), level: this.result?.level ?? 0 };
      this.measured = true;
      this.#show(this.result);
    } catch {
      this.measured = false;
      fill(this.figures, [h("p", { class: "refusal" }, say("check_echo_failed"))]);
    }
    await line?.hangUp().catch(() => {});
    this.#echoing = false;
    this.echo.disabled = false;
    this.#may();
    if (!this.finish.disabled) this.finish.focus();
  }

  /** @param {import("../quality.js").Sample} sample */
  #show(sample) {
    const { say } = this.app;
    const bad = failing(sample);
    const row = (/** @type {"loss" | "jitter" | "round_trip"} */ name, /** @type {string} */ unit) =>
      h(
        "div",
        { class: bad.includes(name) ? "bad" : "good" },
        h("dt", {}, say(`figure_${name}`)),
        h("dd", {}, `${sample[name]} ${unit}`, h("small", {}, ` ${say("check_limit", { limit: LIMITS[name], unit })}`)),
      );
    fill(this.figures, [
      h("dl", {}, row("loss", "%"), row("jitter", say("ms")), row("round_trip", say("ms"))),
      bad.length
        ? h("div", { class: "advice" }, h("p", { class: "refusal" }, say("check_poor")), h("ul", {}, bad.map((name) => h("li", {}, say(`advice_${name}`)))))
        : h("p", { class: "done" }, say("check_good")),
    ]);
  }

  #may() {
    this.finish.disabled = !(this.heard && this.measured);
  }

  async #finish() {
    const { api, guarded, sounds } = this.app;
    const headset = this.#stream?.getAudioTracks()[0]?.label ?? "";
    const figures = this.app.can.echo ? this.result : { level: this.result?.level };
    const told = await guarded(() => api.post("/desk/phone/tested", { headset: headset.slice(0, 200), ...figures }));
    if (!told) return;
    sounds.quiet();
    const { desk } = this.app;
    if (desk.state) desk.state = { ...desk.state, operator: { ...desk.state.operator, tested: true } };
    this.dialog.close();
    this.app.changed();
  }

  #release() {
    this.#stopMeter?.();
    this.#stopMeter = null;
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
  }

  #leave() {
    this.#release();
    this.app.sounds.quiet();
  }
}

/** @param {number} milliseconds */
function rest(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
