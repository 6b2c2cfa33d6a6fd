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

/** Whether a frequency is louder than so many dB at a moment within so many milliseconds. */
globalThis.heard = async (frequency, level, milliseconds) => {
  const end = performance.now() + milliseconds;
  do {
    for (const connection of connections) {
      if (connection.connectionState !== "connected") continue;
      for (const { track } of connection.getReceivers()) {
        if (track?.kind !== "audio" || track.readyState !== "live") continue;
        if (levelNow(analyserOf(track), frequency) > level) return true;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 40));
  } while (performance.now() < end);
  return false;
};
