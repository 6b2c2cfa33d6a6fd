// Twilio's Voice SDK in memory, put in the place of twilio.min.js: Device and Call as documented;
// what Twilio would do, a test does through `device`.
(() => {
  class Emitter {
    #heard = new Map();
    on(name, act) {
      this.#heard.set(name, [...(this.#heard.get(name) ?? []), act]);
      return this;
    }
    emit(name, ...given) {
      for (const act of this.#heard.get(name) ?? []) act(...given);
    }
  }

  class Call extends Emitter {
    done = [];
    constructor(token) {
      super();
      this.parameters = { From: "+380671110001", CallSid: "CA1" };
      this.customParameters = new Map([["token", token]]);
    }
    async accept() {
      this.done.push("accept");
      device.stream = await device.options.getUserMedia({ audio: true });
      this.connection = new device.options.RTCPeerConnection({});
      setTimeout(() => this.emit("accept", this), 20);
    }
    reject() {
      this.done.push("reject");
      this.emit("reject");
    }
    disconnect() {
      this.done.push("disconnect");
      for (const track of device.stream?.getTracks() ?? []) track.stop();
      this.connection?.close();
      this.emit("disconnect", this);
    }
    mute(muted) {
      this.done.push(muted ? "mute" : "unmute");
    }
    sendDigits(keys) {
      this.done.push(keys);
    }
  }

  class Device extends Emitter {
    state = "unregistered";
    isBusy = false;
    calls = [];
    audio = { isOutputSelectionSupported: false };
    constructor(token, options) {
      super();
      Object.assign(this, { token, options });
      window.device = this;
    }
    async register() {
      this.become("registered");
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
    }
    destroy() {
      this.state = "destroyed";
    }
    /** Rings the page. */
    ring(token) {
      this.calls.push(new Call(token));
      this.emit("incoming", this.calls.at(-1));
    }
  }

  globalThis.Twilio = { Device, Call };
})();
