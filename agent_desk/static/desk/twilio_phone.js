// @ts-check
/**
 * The way to Twilio: its Voice SDK in the place of SIP, for companies without an Asterisk. A page is
 * only rung: it calls nobody, holds nobody and joins nobody; what does that is the matchmaker.
 */
import { Backoff } from "./backoff.js";

/** Milliseconds a registration may take. */
const PATIENCE = 20_000;
/** Milliseconds before its end at which the SDK asks for another token. */
const TOKEN_EARLY = 60_000;
/** Milliseconds between two registrations that the server's doubt asks for. */
const RENEW_EVERY = 10_000;
/** What the SDK says of a token that is not, or no longer, good. */
const TOKEN_ERRORS = new Set([20101, 20103, 20104, 20157, 31201, 31202, 31204, 31205]);
/** What it says where the microphone is not given, or cannot be had. */
const MICROPHONE_ERRORS = new Set([31208, 31401, 31402]);
/** Its sounds: ours ring and tell, and nothing is loaded from elsewhere. */
const SOUNDS = ["disconnect", "incoming", "outgoing", "dtmfs", "dtmfh", ...Array.from("0123456789", (key) => `dtmf${key}`)];

/**
 * @typedef {object} TwilioAccount
 * @property {string} token an access token
 *
 * @typedef {object} Listener
 * @property {(ring: import("./phone.js").Ring) => void} rung
 * @property {(ring: import("./phone.js").Ring) => void} quiet
 * @property {(registration: import("./phone.js").Registration) => void} registration
 * @property {() => Promise<TwilioAccount>} account asks for another token
 */

/** The SDK leaves its name with the page. */
async function sdk() {
  await import("@twilio/voice-sdk");
  return /** @type {any} */ (globalThis).Twilio.Device;
}

export class Exchange {
  /** @type {any} The SDK's Device. */
  #device = null;
  #backoff = new Backoff(500, 10_000);
  #stopped = false;
  #asking = false;
  #waiting = false;
  #renewed = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** The newest connection of the SDK, for its figures. @type {RTCPeerConnection | null} */
  #connection = null;
  /** The newest microphone's stream. @type {MediaStream | null} */
  #microphone = null;

  /**
   * @param {TwilioAccount} account
   * @param {import("./sounds.js").Sounds} sounds
   * @param {Listener} listener
   * @param {() => Promise<any>} load brings the SDK's class Device
   */
  constructor(account, sounds, listener, load = sdk) {
    this.token = account.token;
    this.sounds = sounds;
    this.listener = listener;
    this.load = load;
  }

  /** Connects and registers; goes on trying until `stop`. */
  async start() {
    if (this.#stopped || this.#device?.state === "registered") return;
    clearTimeout(this.#timer);
    this.#waiting = false;
    this.listener.registration("connecting");
    // A lost registration is known by its time: the SDK itself may wait for ever.
    this.#timer = setTimeout(() => this.#lost(), PATIENCE);
    try {
      if (this.#device?.state === "registering" && !this.#device.isBusy) this.#drop();
      this.#device ??= this.#listen(new (await this.load())(this.token, this.#options()));
      if (!this.#stopped && this.#device.state === "unregistered") await this.#device.register();
    } catch {
      this.#lost();
    }
  }

  /** Lets everything go at once. */
  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#drop();
  }

  /** Tries at once where the registration is lost: the network is said to be back. */
  async look() {
    if (this.#device?.state !== "unregistered") return;
    this.#backoff.reset();
    await this.start();
  }

  /** Registers anew, not too often: the server believes that the telephone cannot be rung. */
  async renew() {
    const device = this.#device;
    if (device?.state !== "registered" || device.isBusy || performance.now() - this.#renewed < RENEW_EVERY) return;
    this.#renewed = performance.now();
    await device.unregister().catch(() => {}); // it has just been lost, and comes back by itself
  }

  /** A page of Twilio's may call nobody. @returns {Promise<import("./phone.js").Line>} */
  async call() {
    throw new Error("this telephone is only rung");
  }

  #options() {
    const { sounds } = this;
    const keep = (/** @type {RTCPeerConnection} */ connection) => (this.#connection = connection);
    return {
      // A caller who comes back may ring before his broken call is over.
      allowIncomingWhileBusy: true,
      codecPreferences: ["opus", "pcmu"],
      logLevel: "error",
      tokenRefreshMs: TOKEN_EARLY,
      sounds: Object.fromEntries(SOUNDS.map((name) => [name, "/static/desk/silence.wav"])),
      getUserMedia: async () => (this.#microphone = await sounds.open()),
      RTCPeerConnection: globalThis.RTCPeerConnection && watched(globalThis.RTCPeerConnection, keep),
    };
  }

  /** @param {any} device */
  #listen(device) {
    const now = (/** @type {(...given: any[]) => void} */ act) => (/** @type {any[]} */ ...given) => {
      if (device === this.#device && !this.#stopped) act(...given);
    };
    device.on("registered", now(() => this.#registered()));
    device.on("unregistered", now(() => this.#lost()));
    device.on("incoming", now((call) => this.#rung(call)));
    device.on("tokenWillExpire", now(() => this.#newToken()));
    device.on("error", now((error) => TOKEN_ERRORS.has(error?.code) && this.#newToken()));
    return device;
  }

  #registered() {
    clearTimeout(this.#timer);
    this.#waiting = false;
    this.#backoff.reset();
    this.#renewed = performance.now();
    this.listener.registration("registered");
  }

  #lost() {
    if (this.#stopped || this.#waiting) return; // the SDK tells of one loss in several ways
    this.#waiting = true;
    this.listener.registration("lost");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.start(), this.#backoff.wait());
  }

  #drop() {
    const device = this.#device;
    this.#device = null;
    if (device && device.state !== "destroyed") device.destroy();
  }

  /** The one at hand ends soon, or was refused. */
  async #newToken() {
    if (this.#asking) return;
    this.#asking = true;
    const account = await this.listener.account().catch(() => null);
    this.#asking = false;
    if (this.#stopped) return;
    if (!account) return void setTimeout(() => this.#newToken(), this.#backoff.wait());
    this.token = account.token;
    this.#device?.updateToken(account.token);
  }

  /** @param {any} call an incoming Call of the SDK */
  #rung(call) {
    /** @type {import("./phone.js").Ring} */
    const ring = {
      token: call.customParameters.get("token") ?? "",
      from: call.parameters.From ?? "",
      accept: async (events) => {
        const line = this.#line(call, events);
        call.accept();
        return line;
      },
      reject: () => call.reject(),
    };
    for (const over of ["cancel", "reject", "disconnect", "transportClose"]) {
      call.on(over, () => this.listener.quiet(ring));
    }
    this.listener.rung(ring);
  }

  /**
   * @param {any} call
   * @param {import("./phone.js").LineEvents} events
   * @returns {import("./phone.js").Line}
   */
  #line(call, events) {
    const speaker = this.#speaker();
    /** @type {RTCPeerConnection | null} */
    let connection = null;
    let reason = "";
    call.on("accept", () => {
      connection = this.#connection;
      this.sounds.speak(speaker);
      for (const track of this.#microphone?.getTracks() ?? []) track.addEventListener("ended", () => events.deaf());
      events.talking();
    });
    const over = () =>
      // The SDK tells why a call broke in the same breath, before or after its end.
      queueMicrotask(() => {
        this.sounds.release(speaker);
        if (reason) events.failed(reason);
        else events.ended();
      });
    call.on("error", (/** @type {any} */ error) => {
      reason = MICROPHONE_ERRORS.has(error?.code) ? "microphone" : "lost";
      setTimeout(() => (reason = ""));
    });
    call.on("disconnect", over);
    call.on("cancel", over);
    return {
      hangUp: async () => call.disconnect(),
      mute: (muted) => call.mute(muted),
      hold: () => Promise.reject(new Error("nobody is held here")),
      press: (key) => call.sendDigits(key),
      join: () => Promise.reject(new Error("nobody is joined here")),
      stats: async () => (connection ? [.../** @type {any} */ (await connection.getStats()).values()] : []),
    };
  }

  /** The SDK's own loudspeaker, as Sounds aims one: what is chosen in a talk counts at once. */
  #speaker() {
    const aim = async (/** @type {string} */ id) => {
      const audio = this.#device?.audio;
      if (audio?.isOutputSelectionSupported) await audio.speakerDevices.set(id);
    };
    return /** @type {HTMLAudioElement} */ (/** @type {unknown} */ ({ setSinkId: aim, play: async () => {} }));
  }
}

/**
 * @param {typeof RTCPeerConnection} kind
 * @param {(connection: RTCPeerConnection) => void} keep is told of each new one
 */
function watched(kind, keep) {
  return class extends kind {
    /** @param {any[]} wishes */
    constructor(...wishes) {
      super(...wishes);
      keep(this);
    }
  };
}
