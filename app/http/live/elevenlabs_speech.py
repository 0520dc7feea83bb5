"""ElevenLabs' WebSockets `text-to-speech/{voice_id}/stream-input` and `multi-stream-input`."""

from collections.abc import Callable, Mapping
from typing import Any

from app.audio.formats import OutputFormat
from app.errors import InvalidField, quoted
from app.http.dialects.elevenlabs import VoiceSettings, with_pauses
from app.http.live.elevenlabs_context import Context
from app.http.live.elevenlabs_messages import SpeechForm, SpeechMessage, StreamQuery
from app.http.live.elevenlabs_socket import ElevenLabsSocket
from app.speech.conversation import Conversation

Converse = Callable[[VoiceSettings | None], Conversation]


class SpeechContext(Context):
    is_flushed = False
    """the client's last text was flushed, so closing speaks it"""

    def write(self, text: str, *, flush: bool, is_spoken_at_once: bool) -> None:
        if text:
            self.conversation.write(with_pauses(text))
            self.is_flushed = False
        if flush:
            self.is_flushed = True
        if flush or (is_spoken_at_once and text.strip()):
            self.conversation.flush()

    async def close(self) -> None:
        """Speak text that was flushed, then end. Closing again, or closing with text that was not flushed, is silence
        at once: that is how clients interrupt.
        """
        if self.is_flushed:
            await super().close()
        else:
            await self.silence()


class SpeechSocket(ElevenLabsSocket[SpeechMessage, SpeechContext]):
    kind = SpeechMessage
    form = SpeechForm()
    _converse: Converse

    @property
    def has_close_socket(self) -> bool:
        return self.has_contexts

    async def converse(
        self, converse: Converse, query: StreamQuery, output: OutputFormat, first: Mapping[str, Any] | None
    ) -> None:
        """As `run`. `converse` opens the Conversation of a context with the settings of its first message."""
        self._converse = converse
        await self.run(query, output, first)

    async def take(self, id: str, context: SpeechContext | None, message: SpeechMessage) -> None:
        if self.has_contexts:
            await self._take_of_several(id, context, message)
        else:
            self._take_alone(id, context, message)

    def _take_alone(self, id: str, context: SpeechContext | None, message: SpeechMessage) -> None:
        """An empty text is the end."""
        if context is not None and context.is_closing:
            raise InvalidField("nothing may follow the end of the input: an empty text, or a time-out", param="text")
        if message.text is None:
            raise InvalidField("text: it is missing", param="text")
        context = context or self._open(id, message)
        if message.text:
            self._write(context, message)
            return
        context.finish()
        self.end_input()

    async def _take_of_several(self, id: str, context: SpeechContext | None, message: SpeechMessage) -> None:
        if message.text and not message.close_context:
            if context is not None and context.is_closing:  # the id means another context now
                await context.silence()
                context = None
            self._write(context or self._open(id, message), message)
        elif context is not None and message.close_context:
            await context.close()
        elif context is not None and message.flush and not context.is_closing:
            context.write("", flush=True, is_spoken_at_once=False)
        elif context is None and (message.close_context or message.flush) and not self.has_ended(id):
            raise InvalidField(f"no context {quoted(id)} is open: a text opens one", param="context_id")

    def _open(self, id: str, message: SpeechMessage) -> SpeechContext:
        """Raises TooManyConcurrentRequests and what Conversation raises."""

        def make(context_id: str | None) -> SpeechContext:
            return SpeechContext(
                context_id,
                self._converse(message.voice_settings),
                self.output,
                form=self.form,
                is_synced=self.query.sync_alignment,
                send=self.send,
            )

        return self.open(id, make)

    def _write(self, context: SpeechContext, message: SpeechMessage) -> None:
        context.write(message.text or "", flush=bool(message.flush), is_spoken_at_once=self.query.auto_mode)
