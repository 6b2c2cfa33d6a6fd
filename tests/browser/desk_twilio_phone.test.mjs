// The desk's way to Twilio, with the documented Device and Call of its Voice SDK played here.
// Run by node: `node --test tests/browser`.
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Refusal, Unreachable } from "../../agent_desk/static/desk/api.js";
import { Phone } from "../../agent_desk/static/desk/phone.js";
import { Told } from "../../agent_desk/static/desk/told.js";
import { Exchange } from "../../agent_desk/static/desk/twilio_phone.js";

class Call extends EventEmitter {
  done = [];
  constructor(token, from = "+380671110001") {
    super();
    this.parameters = { From: from, CallSid: `CA${"0".repeat(32)}` };
    this.customParameters = new Map(token ? [["token", token]] : []);
  }
  accept() {
    this.done.push("accept");
  }
  reject() {
    this.done.push("reject");
    this.emit("reject");
  }
  disconnect() {
    this.done.push("disconnect");
    this.emit("disconnect", this);
  }
  mute(muted) {
    this.done.push(muted ? "mute" : "unmute");
  }
  sendDigits(keys) {
    this.done.push(keys);
  }
}

let devices, good, hanging;

class Device extends EventEmitter {
  state = "unregistered";
  isBusy = false;
  tokens = [];
  constructor(token, options) {
    super();
    Object.assign(this, { token, options });
    this.audio = {
      isOutputSelectionSupported: true,
      speakerDevices: { set: async (id) => (this.speaker = id) },
    };
    devices.push(this);
  }
  async register() {
    if (this.state !== "unregistered") throw new Error(`InvalidStateError: ${this.state}`);
    this.state = "registering";
    if (hanging) return;
    if (good(this.token)) this.become("registered");
    else {
      this.emit("error", { code: 20104, message: "AccessTokenExpired" });
      this.become("unregistered");
      throw new Error("not registered");
    }
  }
  async unregister() {
    this.become("unregistered");
  }
  become(state) {
    this.state = state;
    this.emit(state);
  }
  updateToken(token) {
    this.token = token;
    this.tokens.push(token);
  }
  destroy() {
    this.state = "destroyed";
    this.removeAllListeners();
  }
}

let heard, rings, exchange, tokens, microphone, sounds;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  [devices, heard, rings, tokens] = [[], [], [], ["second", "third"]];
  good = () => true;
  hanging = false;
  microphone = new EventTarget();
  sounds = {
    speaking: [],
    open: async () => ({ getTracks: () => [microphone] }),
    speak: (audio) => sounds.speaking.push(audio),
    release: (audio) => sounds.speaking.splice(sounds.speaking.indexOf(audio), 1),
  };
  exchange = new Exchange(
    { token: "first" },
    sounds,
    {
      rung: (ring) => rings.push(ring),
      quiet: (ring) => rings.splice(rings.indexOf(ring), 1),
      registration: (registration) => heard.push(registration),
      account: async () => ({ token: tokens.shift() }),
    },
    async () => Device,
  );
});

afterEach(() => {
  exchange.stop();
  mock.timers.reset();
});

const settled = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

/** @param {number} milliseconds */
const later = async (milliseconds) => {
  mock.timers.tick(milliseconds);
  await settled();
};

function events() {
  const told = [];
  const note = (name) => (more) => told.push(more ? `${name} ${more}` : name);
  return { told, ended: note("ended"), failed: note("failed"), talking: note("talking"), deaf: note("deaf"), ringing: note("ringing") };
}

async function talk() {
  await exchange.start();
  const call = new Call("t1");
  devices[0].emit("incoming", call);
  const what = events();
  const line = await rings[0].accept(what);
  await devices[0].options.getUserMedia({ audio: true });
  call.emit("accept", call);
  return { call, line, ...what };
}

test("a page registers with its token and says so", async () => {
  await exchange.start();
  assert.equal(devices[0].token, "first");
  assert.deepEqual(heard, ["connecting", "registered"]);
  await exchange.start();
  assert.equal(devices.length, 1, "who is registered has nothing to do");
});

test("nothing is loaded from elsewhere: every sound of the SDK is ours", async () => {
  await exchange.start();
  assert.deepEqual([...new Set(Object.values(devices[0].options.sounds))], ["/static/desk/silence.wav"]);
  assert.equal(Object.keys(devices[0].options.sounds).length, 15);
});

test("a call rings with the offer's token, and is quiet when the caller gives up", async () => {
  await exchange.start();
  const call = new Call("t1");
  devices[0].emit("incoming", call);
  assert.deepEqual([rings[0].token, rings[0].from], ["t1", "+380671110001"]);
  call.emit("cancel");
  assert.deepEqual(rings, []);
  devices[0].emit("incoming", new Call(""));
  assert.equal(rings[0].token, "", "a call without an offer");
});

test("a ring is refused", async () => {
  await exchange.start();
  const call = new Call("t1");
  devices[0].emit("incoming", call);
  rings[0].reject();
  assert.deepEqual(call.done, ["reject"]);
  assert.deepEqual(rings, []);
});

test("a talk: answered, muted, keys, hung up", async () => {
  const { call, line, told } = await talk();
  assert.deepEqual(told, ["talking"]);
  line.mute(true);
  line.press("5");
  line.mute(false);
  await line.hangUp();
  await settled();
  assert.deepEqual(call.done, ["accept", "mute", "5", "unmute", "disconnect"]);
  assert.deepEqual(told, ["talking", "ended"]);
});

test("who is chosen as the loudspeaker in a talk is heard at once, and let go after it", async () => {
  const { line } = await talk();
  await sounds.speaking[0].setSinkId("headset");
  assert.equal(devices[0].speaker, "headset");
  await line.hangUp();
  await settled();
  assert.deepEqual(sounds.speaking, []);
});

test("a talk that Twilio ends with an error is broken, before or after its end is told", async () => {
  for (const order of [["error", "disconnect"], ["disconnect", "error"]]) {
    const { call, told } = await talk();
    for (const name of order) call.emit(name, { code: 53405 });
    await settled();
    assert.deepEqual(told, ["talking", "failed lost"], order.join());
    rings.length = 0;
  }
});

test("an error that was survived does not make a good end a bad one", async () => {
  const { call, told } = await talk();
  call.emit("error", { code: 31005 });
  await later(1);
  call.emit("disconnect", call);
  await settled();
  assert.deepEqual(told, ["talking", "ended"]);
});

test("a microphone that is not given is told as such", async () => {
  await exchange.start();
  const call = new Call("t1");
  devices[0].emit("incoming", call);
  const what = events();
  await rings[0].accept(what);
  call.emit("disconnect", call);
  call.emit("error", { code: 31401 });
  await settled();
  assert.deepEqual(what.told, ["failed microphone"]);
});

test("a microphone that is taken away in a talk is told", async () => {
  const { told } = await talk();
  microphone.dispatchEvent(new Event("ended"));
  assert.deepEqual(told, ["talking", "deaf"]);
});

test("what a page of Twilio's cannot do is refused and changes nothing", async () => {
  const phone = new Phone(async () => "", () => {});
  await exchange.start();
  phone.connect(exchange);
  const call = new Call("t1");
  devices[0].emit("incoming", call);
  phone.rung(rings[0]);
  await phone.answer("t1");
  call.emit("accept", call);
  await phone.hold();
  assert.equal(phone.call.held, false);
  assert.deepEqual(call.done, ["accept"]);
  await assert.rejects(exchange.call("op-iryna", "t2", events()));
});

test("figures come from the connection the SDK made", async () => {
  const real = globalThis.RTCPeerConnection;
  globalThis.RTCPeerConnection = class {
    async getStats() {
      return new Map([["in", { type: "inbound-rtp", kind: "audio", packetsReceived: 50 }]]);
    }
  };
  try {
    await exchange.start();
    const call = new Call("t1");
    devices[0].emit("incoming", call);
    const line = await rings[0].accept(events());
    assert.deepEqual(await line.stats(), []);
    new devices[0].options.RTCPeerConnection({});
    call.emit("accept", call);
    assert.deepEqual(await line.stats(), [{ type: "inbound-rtp", kind: "audio", packetsReceived: 50 }]);
  } finally {
    globalThis.RTCPeerConnection = real;
  }
});

test("a lost registration is told and comes back", async () => {
  await exchange.start();
  devices[0].become("unregistered");
  assert.equal(heard.at(-1), "lost");
  await later(700);
  assert.deepEqual(heard, ["connecting", "registered", "lost", "connecting", "registered"]);
  assert.equal(devices.length, 1);
});

test("a registration that the SDK brings back by itself is not asked for twice", async () => {
  await exchange.start();
  devices[0].become("unregistered");
  devices[0].become("registered");
  await later(30_000);
  assert.deepEqual(heard, ["connecting", "registered", "lost", "registered"]);
});

test("the network is back: at once, not after the pause", async () => {
  await exchange.start();
  devices[0].become("unregistered");
  await exchange.look();
  assert.equal(heard.at(-1), "registered");
});

test("a registration that hangs begins anew, but not in a talk", async () => {
  hanging = true;
  await exchange.start();
  await later(20_000);
  assert.equal(heard.at(-1), "lost");
  devices[0].isBusy = true;
  await later(700);
  assert.equal(devices.length, 1);
  devices[0].isBusy = false;
  hanging = false;
  await later(20_000);
  await later(2000);
  assert.equal(devices.length, 2);
  assert.equal(devices[0].state, "destroyed");
  assert.equal(heard.at(-1), "registered");
});

test("a token is renewed before its end", async () => {
  await exchange.start();
  devices[0].emit("tokenWillExpire", devices[0]);
  await settled();
  assert.deepEqual(devices[0].tokens, ["second"]);
  assert.deepEqual(heard, ["connecting", "registered"]);
});

test("a token that ran out is replaced and the page registers with the new one", async () => {
  good = (token) => token === "second";
  await exchange.start();
  await later(700);
  assert.equal(devices[0].token, "second");
  assert.equal(heard.at(-1), "registered");
});

test("a token that cannot be fetched now is asked for again", async () => {
  let times = 0;
  exchange.listener.account = async () => {
    times += 1;
    if (times < 3) throw new Unreachable();
    return { token: "second" };
  };
  await exchange.start();
  devices[0].emit("tokenWillExpire", devices[0]);
  await settled();
  await later(2000);
  await later(2000);
  assert.deepEqual(devices[0].tokens, ["second"]);
});

test("the server's doubt is answered by a new registration, not more often than it makes sense", async () => {
  await exchange.start();
  await exchange.renew();
  assert.equal(devices[0].state, "registered", "it was registered a moment ago");
  const clock = mock.method(performance, "now", () => 1e9);
  await exchange.renew();
  assert.equal(heard.at(-1), "lost");
  await later(700);
  assert.equal(heard.at(-1), "registered");
  devices[0].isBusy = true;
  clock.mock.mockImplementation(() => 2e9);
  await exchange.renew();
  assert.equal(devices[0].state, "registered", "never in a talk");
  clock.mock.restore();
});

test("after stop nothing is told and nothing comes back", async () => {
  await exchange.start();
  exchange.stop();
  assert.equal(devices[0].state, "destroyed");
  await exchange.look();
  await exchange.start();
  await later(60_000);
  assert.deepEqual(heard, ["connecting", "registered"]);
});

test("an SDK that does not load is asked for again", async () => {
  let times = 0;
  exchange.load = async () => {
    times += 1;
    if (times === 1) throw new TypeError("Failed to fetch");
    return Device;
  };
  await exchange.start();
  assert.equal(heard.at(-1), "lost");
  await later(700);
  assert.equal(heard.at(-1), "registered");
});

// ---------------------------------------------------------------------- what the server is told

/** @param {(body: any) => Promise<any>} [answer] */
function telling(answer = async () => ({})) {
  const posts = [];
  const told = new Told(
    (body) => {
      posts.push(body.registered);
      return answer(posts.length);
    },
    async () => {},
  );
  return { told, posts };
}

test("found and lost are told, the way between is not", async () => {
  const { told, posts } = telling();
  for (const registration of ["connecting", "registered", "lost", "connecting", "lost", "connecting", "registered"]) {
    await told.tell(registration);
  }
  assert.deepEqual(posts, [false, true, false, true]);
});

test("a registration is told each time: the server may think otherwise", async () => {
  const { told, posts } = telling();
  await told.again();
  assert.deepEqual(posts, []);
  await told.tell("registered");
  await told.again();
  assert.deepEqual(posts, [true, true]);
});

test("what did not arrive is told again, and only the newest word counts", async () => {
  const { told, posts } = telling(async (times) => {
    if (times === 1) {
      told.tell("registered");
      throw new Unreachable();
    }
    if (times === 2) throw new Refusal(503, "queue_down", "");
  });
  await told.tell("lost");
  assert.deepEqual(posts, [false, true, true]);
});

test("a page that has no say any more does not insist", async () => {
  const { told, posts } = telling(async () => {
    throw new Refusal(409, "taken", "");
  });
  await told.tell("registered");
  assert.deepEqual(posts, [true]);
});
