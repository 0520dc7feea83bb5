"""Whisper in CTranslate2; the only importer of ctranslate2 and faster_whisper."""
