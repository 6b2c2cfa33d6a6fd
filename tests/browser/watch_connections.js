// Keeps every RTCPeerConnection of the page, so that a test can count its packets.
globalThis.connections = [];
globalThis.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) {
    super(...given);
    globalThis.connections.push(this);
  }
};
