// @ts-check
/** What is done to one SIP session: holding, joining, ending it, looking at its sound. */
import { Inviter, SessionState, Web } from "sip.js";

/** @param {import("sip.js").Session} session @returns {RTCPeerConnection | undefined} */
export function connectionOf(session) {
  const handler = /** @type {Web.SessionDescriptionHandler | undefined} */ (session.sessionDescriptionHandler);
  return handler?.peerConnection;
}

/** @param {any} session an Inviter or an Invitation, in whatever state */
export async function end(session) {
  switch (session.state) {
    case SessionState.Initial:
    case SessionState.Establishing:
      await (session instanceof Inviter ? session.cancel() : session.reject());
      break;
    case SessionState.Established:
      await session.bye();
      break;
  }
}

/** @param {import("sip.js").Session} session @param {boolean} held */
export function hold(session, held) {
  return new Promise((resolve, reject) => {
    session
      .invite({
        sessionDescriptionHandlerOptions: /** @type {any} */ ({ hold: held }),
        requestDelegate: { onAccept: () => resolve(undefined), onReject: () => reject(new Error("hold refused")) },
      })
      .catch(reject);
  });
}

/** @param {import("sip.js").Session} session @param {import("sip.js").Session} other */
export function join(session, other) {
  return new Promise((resolve, reject) => {
    session
      .refer(other, {
        requestDelegate: { onAccept: () => resolve(undefined), onReject: () => reject(new Error("transfer refused")) },
      })
      .catch(reject);
  });
}
