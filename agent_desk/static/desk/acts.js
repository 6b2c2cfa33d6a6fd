// @ts-check
/** What a key of SHORTCUTS or a button of the page does. */

/**
 * @param {import("./main.js").App} app
 * @param {import("./main.js").Rooms} rooms
 * @returns {(what: string) => void}
 */
export function acts(app, rooms) {
  const { api, desk, guarded, phone, setStatus } = app;
  const { call, caller, forms, answers, inbox, colleagues, transfer } = rooms;
  /** @type {Record<string, () => unknown>} */
  const known = {
    answer: () => {
      const token = desk.state?.offer?.token ?? [...phone.rings.keys()][0];
      if (!phone.call && token !== undefined) app.answer(token);
    },
    decline: () => {
      const { offer } = desk.state ?? {};
      if (offer) guarded(() => api.post("/desk/decline", { token: offer.token }));
    },
    hang_up: () => (phone.second ? transfer.endConsult() : phone.call && phone.hangUp()),
    mute: () => phone.call && phone.mute(),
    hold: () => (app.can.hold ? phone.hold() : phone.call && app.notices.tell("info", app.say("cannot_hold"))),
    keypad: () => call.toggleKeypad(),
    transfer: () => desk.mode === "talk" && transfer.open(),
    raise: () => desk.mode === "talk" && rooms.raise.open(),
    hand_over: () => transfer.handOver(),
    end_consult: () => transfer.endConsult(),
    record: () => {
      const { talk } = desk.state ?? {};
      if (!talk || talk.recording === "off") return;
      guarded(() => api.post("/desk/record", { ticket: talk.ticket, paused: talk.recording === "on" }));
    },
    ready: () => setStatus("ready"),
    pause: () => rooms.pause.open(),
    offline: () => setStatus("offline"),
    caller: () => caller.focus(),
    accounts: () => caller.search(),
    reading: () => forms.open("reading"),
    forms: () => forms.focus(),
    answers: () => answers.focus(),
    inbox: () => inbox.focus(),
    colleagues: () => colleagues.focus(),
    wrap_up: () => call.focusCode(),
    check: () => rooms.check.open(),
    settings: () => rooms.settings.open(),
    recordings: () => rooms.recordings.open(),
    scorecards: () => rooms.scorecards.open(),
    help: () => rooms.help.open(),
    call_help: () => rooms.staff.ask(),
    sign_out: async () => {
      if (await guarded(() => api.post("/desk/sign-out"))) app.stop("signed_out");
    },
  };
  return (what) => known[what]?.();
}
