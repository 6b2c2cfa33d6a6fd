// @ts-check
/** The way to Asterisk: SIP over a WebSocket, sound over WebRTC (RFC 7118). */
import { Inviter, Registerer, RegistererState, RequestPendingError, SessionState, URI, UserAgent, Web } from "sip.js";
import { Backoff } from "./backoff.js";
import { connectionOf, end, hold, join } from "./sip_session.js";

/** Seconds a registration lasts; it is renewed after four fifths of it. */
const REGISTERED_FOR = 120;
/** Milliseconds between two looks whether the exchange still answers, and of patience for each. */
const LOOK_EVERY = 10_000;
const PATIENCE = 4000;
/** Milliseconds of a key's tone and of the pause after it (RFC 4733). */
const TONE = 100;
const PAUSE = 70;
/** Milliseconds a connection may be "disconnected" before the sound counts as lost. */
const SOUND_LOST = 5000;

/**
 * @typedef {object} Account
 * @property {string} user @property {string} secret @property {string} url
 * @property {RTCIceServer[]} [ice]
 *
 * @typedef {object} Listener
 * @property {(ring: import("./phone.js").Ring) => void} rung
 * @property {(ring: import("./phone.js").Ring) => void} quiet
 * @property {(registration: import("./phone.js").Registration) => void} registration
 * @property {() => Promise<Account>} account asks for the account anew: the secret has run out
 */

export class Exchange {
  #agent;
  #registerer;
  #backoff = new Backoff(500, 10_000);
  #stopped = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {Account} account
   * @param {import("./sounds.js").Sounds} sounds
   * @param {Listener} listener
   */
  constructor(account, sounds, listener) {
    this.host = new URL(account.url).hostname;
    this.sounds = sounds;
    this.listener = listener;
    this.#agent = new UserAgent({
      uri: address(account.user, this.host),
      authorizationUsername: account.user,
      authorizationPassword: account.secret,
      contactName: account.user,
      transportOptions: { server: account.url, connectionTimeout: 5, traceSip: false },
      logLevel: "error",
      logBuiltinEnabled: false,
      // An offer is given back by the queue, not by the telephone.
      noAnswerTimeout: 120,
      gracefulShutdown: false,
      sessionDescriptionHandlerFactory: Web.defaultSessionDescriptionHandlerFactory(() => sounds.open()),
      sessionDescriptionHandlerFactoryOptions: {
        iceGatheringTimeout: 500,
        peerConnectionConfiguration: { iceServers: account.ice ?? [] },
      },
      delegate: {
        onInvite: (invitation) => this.#rung(invitation),
        onDisconnect: (error) => error && this.#lost(),
      },
    });
    this.#registerer = this.#newRegisterer();
  }

  #newRegisterer() {
    const registerer = new Registerer(this.#agent, { expires: REGISTERED_FOR, refreshFrequency: 80 });
    registerer.stateChange.addListener((state) => {
      if (registerer === this.#registerer && state === RegistererState.Unregistered) this.#lost();
    });
    return registerer;
  }

  /** Connects and registers; goes on trying until `stop`. */
  async start() {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.listener.registration("connecting");
    try {
      if (this.#agent.isConnected()) await this.#register();
      else {
        await (this.#agent.state === "Started" ? this.#agent.reconnect() : this.#agent.start());
        await this.#register();
      }
    } catch {
      this.#lost();
    }
  }

  /** Lets everything go at once, without a word to Asterisk: a talk is taken up again elsewhere. */
  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#agent.stop();
  }

  /** Looks whether the exchange still answers: a WebSocket may be dead without knowing it. */
  async look() {
    if (this.#stopped || !this.#agent.isConnected()) return;
    if (await this.#answers()) return;
    await Promise.race([this.#agent.transport.disconnect(), later(PATIENCE)]).catch(() => {});
    this.#lost();
  }

  /** Nothing: the exchange itself looks again after a telephone that fell silent. */
  renew() {}

  /**
   * @param {string} who user part of the address: "op-iryna", "echo"
   * @param {string} token
   * @param {import("./phone.js").LineEvents} events
   * @returns {Promise<import("./phone.js").Line>}
   */
  async call(who, token, events) {
    const extraHeaders = token ? [`X-Press2-Token: ${token}`] : [];
    const inviter = new Inviter(this.#agent, address(who, this.host), { extraHeaders });
    const line = this.#line(inviter, events);
    await inviter.invite({
      requestDelegate: { onProgress: () => events.ringing(), onReject: () => events.failed("refused") },
    });
    return line;
  }

  async #register() {
    try {
      await this.#send();
    } catch (error) {
      if (!(error instanceof RequestPendingError)) throw error;
      // A request went down with the last connection; its own time would run for half a minute.
      this.#registerer = this.#newRegisterer();
      await this.#send();
    }
  }

  #send() {
    return this.#registerer.register({
      requestDelegate: {
        onAccept: () => this.#registered(), // the state does not change when one registers again
        onReject: ({ message }) => {
          if ([401, 403, 404].includes(message.statusCode ?? 0)) this.#unknown();
        },
      },
    });
  }

  #registered() {
    this.#backoff.reset();
    this.listener.registration("registered");
    clearTimeout(this.#timer);
    const watch = async () => {
      await this.look();
      if (!this.#stopped && this.#agent.isConnected()) this.#timer = setTimeout(watch, LOOK_EVERY);
    };
    this.#timer = setTimeout(watch, LOOK_EVERY);
  }

  #lost() {
    if (this.#stopped) return;
    this.listener.registration("lost");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.start(), this.#backoff.wait());
  }

  /** The secret has run out, or the exchange was started anew and has not been told of us yet. */
  async #unknown() {
    const account = await this.listener.account().catch(() => null);
    if (!account) return;
    this.#agent.configuration.authorizationPassword = account.secret; // read anew for each challenge
  }

  /** @returns {Promise<boolean>} */
  #answers() {
    const { userAgentCore, configuration } = this.#agent;
    const target = new URI("sip", "", this.host);
    const message = userAgentCore.makeOutgoingRequestMessage("OPTIONS", target, configuration.uri, configuration.uri, {});
    return new Promise((resolve) => {
      setTimeout(() => resolve(false), PATIENCE);
      userAgentCore.request(message, {
        onAccept: () => resolve(true),
        // Any answer that came over the wire will do; 408 and 503 are SIP.js's own.
        onReject: ({ message: { statusCode } }) => resolve(statusCode !== 408 && statusCode !== 503),
      });
    });
  }

  /** @param {import("sip.js").Invitation} invitation */
  #rung(invitation) {
    /** @type {import("./phone.js").Ring} */
    const ring = {
      token: invitation.request.getHeader("X-Press2-Token") ?? "",
      from: invitation.remoteIdentity.displayName || invitation.remoteIdentity.uri.user || "",
      accept: async (events) => {
        const line = this.#line(invitation, events);
        await invitation.accept();
        return line;
      },
      reject: () => invitation.reject().catch(() => {}),
    };
    invitation.stateChange.addListener((state) => {
      if (state === SessionState.Terminated || state === SessionState.Terminating) this.listener.quiet(ring);
    });
    this.listener.rung(ring);
  }

  /**
   * @param {import("sip.js").Session} session
   * @param {import("./phone.js").LineEvents} events
   * @returns {import("./phone.js").Line}
   */
  #line(session, events) {
    const audio = new Audio();
    audio.autoplay = true;
    const release = () => {
      audio.srcObject = null;
      this.sounds.release(audio);
    };
    session.stateChange.addListener((state) => {
      if (state === SessionState.Established) this.#listen(session, audio, events);
      if (state !== SessionState.Terminated) return;
      release();
      events.ended();
    });
    // Asterisk does not refer us to anybody.
    session.delegate = { onRefer: (referral) => void referral.reject() };
    return {
      hangUp: () => end(session),
      mute: (muted) => {
        for (const { track } of connectionOf(session)?.getSenders() ?? []) if (track) track.enabled = !muted;
      },
      hold: (held) => hold(session, held),
      press: (key) => {
        const tones = connectionOf(session)?.getSenders()[0]?.dtmf;
        tones?.insertDTMF(tones.toneBuffer + key, TONE, PAUSE); // insertDTMF replaces what is waiting
      },
      join: (other) => join(session, /** @type {any} */ (other).session),
      stats: async () => {
        const stats = await connectionOf(session)?.getStats();
        return stats ? [.../** @type {any} */ (stats).values()] : [];
      },
      // @ts-ignore: for `join`, between lines of this exchange
      session,
    };
  }

  /**
   * @param {import("sip.js").Session} session
   * @param {HTMLAudioElement} audio
   * @param {import("./phone.js").LineEvents} events
   */
  #listen(session, audio, events) {
    const handler = /** @type {Web.SessionDescriptionHandler} */ (session.sessionDescriptionHandler);
    const connection = connectionOf(session);
    audio.srcObject = handler.remoteMediaStream;
    this.sounds.speak(audio);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let giveUp;
    const failed = () => {
      events.failed("lost");
      end(session).catch(() => {});
    };
    const watch = () => {
      clearTimeout(giveUp);
      const state = connection?.connectionState;
      if (state === "connected") events.talking();
      else if (state === "failed") failed();
      else if (state === "disconnected") giveUp = setTimeout(failed, SOUND_LOST);
    };
    connection?.addEventListener("connectionstatechange", watch);
    watch();
    for (const { track } of connection?.getSenders() ?? []) track?.addEventListener("ended", () => events.deaf());
  }
}

/** @param {string} user @param {string} host */
function address(user, host) {
  return new URI("sip", user, host);
}

/** @param {number} milliseconds */
function later(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
