"""The WebSockets `/ws/tts` and `/ws/transcribe`."""
