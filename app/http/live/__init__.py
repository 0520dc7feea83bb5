"""The WebSocket `/ws/tts`."""
