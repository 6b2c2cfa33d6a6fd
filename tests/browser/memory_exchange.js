// An exchange in memory, put in the place of desk/exchange.js: what Asterisk would do, a test does.

/** Packets of 20 ms, none lost unless a test says so. */
class Line {
  constructor(events) {
    Object.assign(this, { events, done: [], held: false, began: performance.now(), lost: 0 });
  }
  async hangUp() {
    this.done.push("hung up");
    this.events.ended();
  }
  mute(muted) {
    this.done.push(muted ? "muted" : "unmuted");
  }
  async hold(held) {
    this.done.push(held ? "held" : "resumed");
  }
  press(key) {
    this.done.push(key);
  }
  async join() {
    this.done.push("joined");
  }
  async stats() {
    const packets = Math.floor((performance.now() - this.began) / 20);
    const { loss = 0, jitter = 0.004, roundTrip = 0.038 } = window.line ?? {};
    const lost = Math.round(packets * loss);
    return [
      { type: "inbound-rtp", kind: "audio", packetsReceived: packets - lost, packetsLost: lost, jitter },
      { type: "remote-inbound-rtp", kind: "audio", fractionLost: loss, jitter, roundTripTime: roundTrip },
      { type: "media-source", kind: "audio", audioLevel: 0.4 },
    ];
  }
}

export class Exchange {
  lines = [];
  calls = [];
  constructor(account, sounds, listener) {
    Object.assign(this, { account, sounds, listener });
    window.exchange = this;
  }
  async start() {
    this.listener.registration("registered");
  }
  renew() {}
  stop() {
    this.stopped = true;
  }
  async look() {}
  /** Rings the page; the ring of a token is remembered so that it can be taken back. */
  ring(token, from = "press2") {
    this.rung = {
      token,
      from,
      accept: async (events) => {
        const line = new Line(events);
        this.lines.push(line);
        setTimeout(() => events.talking(), 20);
        return line;
      },
      reject: () => {},
    };
    this.listener.rung(this.rung);
  }
  cancel() {
    this.listener.quiet(this.rung);
  }
  async call(address, token, events) {
    const line = new Line(events);
    this.calls.push({ address, token, line });
    setTimeout(() => events.ringing(), 10);
    setTimeout(() => events.talking(), 60);
    return line;
  }
}
