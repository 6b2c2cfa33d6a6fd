// @ts-check
/** A line to Asterisk: SIP over a WebSocket, sound and keys over WebRTC (RFC 7118, RFC 4733). */
import { Web } from "sip.js";

/** Milliseconds of a key's tone and of the pause after it. */
const TONE = 100;
const PAUSE = 70;

/**
 * @param {{ port: number, secret: string }} account
 * @param {HTMLAudioElement} audio where the other side is heard
 * @returns {import("./phone.js").Open}
 */
export function sipLines(account, audio) {
  return async (number, events) => {
    const host = location.hostname;
    const manager = new Web.SessionManager(`ws://${host}:${account.port}/ws`, {
      aor: `sip:caller@${host}`,
      media: { constraints: { audio: true, video: false }, remote: { audio } },
      reconnectionAttempts: 0,
      delegate: {
        onCallAnswered: (session) => whenConnected(session, events),
        onCallHangup: () => {
          events.ended();
          manager.disconnect().catch(() => {}); // an exchange that died has done so already
        },
        onServerDisconnect: (error) => error && events.failed("lost"),
      },
      userAgentOptions: {
        authorizationUsername: "caller",
        authorizationPassword: account.secret,
        logLevel: "error",
        sessionDescriptionHandlerFactory: withNumbers(
          Web.defaultSessionDescriptionHandlerFactory(microphone(events.silent)),
        ),
        // Asterisk is on this network: no outside server is asked for our address.
        sessionDescriptionHandlerFactoryOptions: {
          iceGatheringTimeout: 500,
          peerConnectionConfiguration: { iceServers: [] },
        },
      },
    });
    await manager.connect();
    const session = await manager.call(`sip:${number}@${host}`, {}, {
      requestDelegate: {
        onProgress: events.ringing,
        onReject: () => events.failed("refused"),
      },
    });
    return { press: (key) => press(session, key), hangUp: () => manager.hangup(session) };
  };
}

/**
 * Puts numbers for the ".local" names that a browser without a microphone tells instead of its
 * addresses. Asterisk cannot look them up and would give up at once (pjnath, PJNATH_EICEFAILED);
 * with a number it tries until the browser's own check has shown where it really is.
 * @param {Web.SessionDescriptionHandlerFactory} make
 * @returns {Web.SessionDescriptionHandlerFactory}
 */
function withNumbers(make) {
  return (session, options) => {
    const handler = make(session, options);
    const describe = handler.getDescription.bind(handler);
    handler.getDescription = async (...wishes) => {
      const { body, contentType } = await describe(...wishes);
      return { body: body.replace(/[\w-]+\.local(?= \d+ typ host)/g, "127.0.0.1"), contentType };
    };
    return handler;
  };
}

/** @param {import("sip.js").Session} session @returns {RTCPeerConnection | undefined} */
function connectionOf(session) {
  const handler = /** @type {Web.SessionDescriptionHandler} */ (session.sessionDescriptionHandler);
  return handler.peerConnection;
}

/**
 * Reports the answer when sound can travel: a key pressed before that would be lost.
 * @param {import("sip.js").Session} session
 * @param {import("./phone.js").Events} events
 */
function whenConnected(session, events) {
  const connection = connectionOf(session);
  const look = () => {
    if (connection?.connectionState === "connected") events.answered();
    if (connection?.connectionState === "failed") events.failed("lost");
  };
  connection?.addEventListener("connectionstatechange", look);
  look();
}

/**
 * Sends a key behind those that are still being sent: insertDTMF replaces what is waiting.
 * @param {import("sip.js").Session} session
 * @param {string} key
 */
function press(session, key) {
  const tones = connectionOf(session)?.getSenders()[0]?.dtmf;
  tones?.insertDTMF(tones.toneBuffer + key, TONE, PAUSE);
}

/**
 * Brings the microphone's sound; where there is none, silence, so that a call by keys still works.
 * @param {() => void} silent
 */
function microphone(silent) {
  return async (/** @type {MediaStreamConstraints} */ constraints) => {
    try {
      return await navigator.mediaDevices.getUserMedia(constraints);
    } catch {
      silent();
      return silence();
    }
  };
}

/** @type {AudioContext | undefined} One for all calls: a page may open only a few. */
let context;

/** Silence that is really sent: keys travel in the stream of sound. */
function silence() {
  context ??= new AudioContext();
  const source = new ConstantSourceNode(context, { offset: 0 });
  const target = context.createMediaStreamDestination();
  source.connect(target);
  source.start();
  return target.stream;
}
