"""press2 without its pages: flows, the engine, services, channels, speech, the store."""
