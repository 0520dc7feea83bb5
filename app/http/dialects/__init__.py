"""Wire schemas of other servers' clients, and their translation into a SpeechRequest."""
