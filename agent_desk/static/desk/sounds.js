// @ts-check
/** Microphone, speakers and the tones of the page. */

/** @typedef {"microphone" | "speaker" | "ringer"} Device */

const KINDS = { microphone: "audioinput", speaker: "audiooutput", ringer: "audiooutput" };

export class Sounds {
  /** @type {AudioContext | undefined} One for all: a page may open only a few. */
  #context;
  /** Elements that play to the speaker now. @type {Set<HTMLAudioElement>} */
  #speaking = new Set();
  #ring = new Audio();
  /** @type {(() => void) | null} */
  #stopRing = null;

  /** @param {Storage} memory what was chosen is kept there */
  constructor(memory) {
    this.memory = memory;
  }

  /** @param {Device} device @returns {string} id of the chosen device, "" for the browser's choice */
  chosen(device) {
    return this.memory.getItem(`desk.${device}`) ?? "";
  }

  /** @param {Device} device @param {string} id */
  choose(device, id) {
    this.memory.setItem(`desk.${device}`, id);
    for (const audio of this.#speaking) this.#aim(audio, "speaker");
    this.#aim(this.#ring, "ringer");
  }

  /** Whether the browser lets the page choose where sound goes. */
  get aimable() {
    return "setSinkId" in HTMLMediaElement.prototype;
  }

  /** @returns {Promise<Record<Device, MediaDeviceInfo[]>>} */
  async devices() {
    const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    const of = (/** @type {string} */ kind) => all.filter((device) => device.kind === kind);
    return { microphone: of("audioinput"), speaker: of("audiooutput"), ringer: of("audiooutput") };
  }

  /** Whether the chosen device is still plugged in. @param {Device} device */
  async present(device) {
    const all = await navigator.mediaDevices.enumerateDevices();
    const ours = all.filter(({ kind }) => kind === KINDS[device]);
    return this.chosen(device) ? ours.some(({ deviceId }) => deviceId === this.chosen(device)) : ours.length > 0;
  }

  /** Opens the chosen microphone, or another one where it is gone. */
  async open() {
    const id = this.chosen("microphone");
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    try {
      return await navigator.mediaDevices.getUserMedia({ audio: { ...audio, ...(id && { deviceId: { exact: id } }) } });
    } catch (error) {
      if (!id || !(error instanceof DOMException) || error.name !== "OverconstrainedError") throw error;
      return navigator.mediaDevices.getUserMedia({ audio });
    }
  }

  /** @param {HTMLAudioElement} audio plays to the speaker until `release` */
  speak(audio) {
    this.#speaking.add(audio);
    this.#aim(audio, "speaker");
    audio.play().catch(() => {}); // the element stays on autoplay: it starts with the first key or click
  }

  /** @param {HTMLAudioElement} audio */
  release(audio) {
    this.#speaking.delete(audio);
  }

  /** Whether the browser waits for a key or a click before it lets the page make a sound. */
  get mute() {
    return this.context.state === "suspended";
  }

  get context() {
    this.#context ??= new AudioContext();
    return this.#context;
  }

  /** To be called at a key or a click. */
  wake() {
    if (this.context.state === "suspended") this.context.resume();
  }

  /** Rings until `quiet`: two tones, a pause. */
  ring() {
    if (this.#stopRing) return;
    const { gain, audio, close } = this.#output(this.#ring, "ringer");
    const tones = [523, 659].map((frequency) => new OscillatorNode(this.context, { frequency }));
    gain.gain.value = 0;
    const strike = () => {
      const now = this.context.currentTime;
      for (const start of [0, 0.45]) {
        gain.gain.setTargetAtTime(0.16, now + start, 0.015);
        gain.gain.setTargetAtTime(0, now + start + 0.3, 0.03);
      }
    };
    for (const tone of tones) {
      tone.connect(gain);
      tone.start();
    }
    strike();
    const timer = setInterval(strike, 2200);
    this.#stopRing = () => {
      clearInterval(timer);
      for (const tone of tones) tone.stop();
      audio.pause();
      close();
    };
  }

  quiet() {
    this.#stopRing?.();
    this.#stopRing = null;
  }

  /** One short tone to the headset: a call was answered by itself. */
  beep() {
    const audio = new Audio();
    const { gain, close } = this.#output(audio, "speaker");
    const tone = new OscillatorNode(this.context, { frequency: 880 });
    gain.gain.value = 0.12;
    tone.connect(gain);
    tone.start();
    tone.stop(this.context.currentTime + 0.18);
    tone.addEventListener("ended", close);
  }

  /**
   * Records from the microphone.
   * @param {MediaStream} stream @param {number} seconds @returns {Promise<AudioBuffer>}
   */
  async record(stream, seconds) {
    const recorder = new MediaRecorder(stream);
    /** @type {Blob[]} */
    const parts = [];
    recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
    const stopped = new Promise((resolve) => recorder.addEventListener("stop", resolve));
    recorder.start();
    setTimeout(() => recorder.state === "recording" && recorder.stop(), seconds * 1000);
    await stopped;
    return this.context.decodeAudioData(await new Blob(parts).arrayBuffer());
  }

  /** @param {AudioBuffer} buffer plays it to the speaker, to the end */
  async play(buffer) {
    const { gain, close } = this.#output(new Audio(), "speaker");
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(gain);
    source.start();
    await new Promise((resolve) => source.addEventListener("ended", resolve));
    close();
  }

  /**
   * @param {MediaStream} stream
   * @param {(level: number) => void} told gets the level, 0 to 1, ten times a second
   * @returns {() => void} stops it
   */
  meter(stream, told) {
    const source = this.context.createMediaStreamSource(stream);
    const analyser = new AnalyserNode(this.context, { fftSize: 1024 });
    source.connect(analyser);
    const wave = new Float32Array(analyser.fftSize);
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(wave);
      const power = wave.reduce((sum, value) => sum + value * value, 0) / wave.length;
      // -60 dB and below is silence, 0 dB is full.
      told(Math.min(1, Math.max(0, 1 + (10 * Math.log10(power || 1e-9)) / 60)));
    }, 100);
    return () => {
      clearInterval(timer);
      source.disconnect();
    };
  }

  /** @param {HTMLAudioElement} audio @param {Device} device */
  #output(audio, device) {
    this.wake();
    const target = this.context.createMediaStreamDestination();
    const gain = new GainNode(this.context);
    gain.connect(target);
    audio.srcObject = target.stream;
    this.#aim(audio, device);
    audio.play().catch(() => {}); // not before the first key or click; the title blinks all the same
    const close = () => {
      gain.disconnect();
      audio.srcObject = null;
    };
    return { gain, audio, close };
  }

  /** @param {HTMLAudioElement} audio @param {Device} device */
  #aim(audio, device) {
    const id = this.chosen(device);
    if (this.aimable && id) audio.setSinkId(id).catch(() => {}); // unplugged: the usual way then
  }
}
