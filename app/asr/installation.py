"""What a recogniser needs, and the commands that add it. Imports none of it."""

HOW_TO_INSTALL = (
    "this server has no speech recogniser: `make asr` adds one to a checkout, and "
    "`pip install 'chorus-tts-server[asr]'` to another installation; then start the server again"
)
