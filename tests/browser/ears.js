// Keeps every RTCPeerConnection of the page and measures the sound that comes out of it.
globalThis.connections = [];
globalThis.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) {
    super(...given);
    globalThis.connections.push(this);
  }
};

const analysers = new WeakMap();
let hearing;

function analyserOf(track) {
  hearing ??= new AudioContext();
  if (!analysers.has(track)) {
    const analyser = new AnalyserNode(hearing, { fftSize: 4096, smoothingTimeConstant: 0 });
    hearing.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    analysers.set(track, analyser);
  }
  return analysers.get(track);
}

function levelNow(analyser, frequency) {
  const levels = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(levels);
  const place = Math.round((frequency * analyser.fftSize) / hearing.sampleRate);
  return Math.max(...levels.subarray(place - 1, place + 2));
}

/** The loudest moment (dB) of each frequency within so many milliseconds, over all connections. */
globalThis.loudest = async (frequencies, milliseconds) => {
  const found = frequencies.map(() => -200);
  const end = performance.now() + milliseconds;
  do {
    for (const connection of connections) {
      if (connection.connectionState !== "connected") continue;
      for (const { track } of connection.getReceivers()) {
        if (track?.kind !== "audio" || track.readyState !== "live") continue;
        const analyser = analyserOf(track);
        frequencies.forEach((frequency, place) => {
          found[place] = Math.max(found[place], levelNow(analyser, frequency));
        });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 40));
  } while (performance.now() < end);
  return found;
};
