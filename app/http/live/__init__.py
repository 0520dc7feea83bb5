"""The WebSocket `/ws/tts`: its messages, and one connection from `start` to its end."""
