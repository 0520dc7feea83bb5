"""The journey of a request: text, voice, engine, one continuous stream of samples."""
