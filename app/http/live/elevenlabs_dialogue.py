"""ElevenLabs' WebSockets `text-to-dialogue/stream-input` and `multi-stream-input`: contexts in several voices."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from app.audio.formats import OutputFormat
from app.engine.values import Voice
from app.errors import InvalidField, quoted
from app.http.dialects.elevenlabs import VoiceSettings, with_pauses
from app.http.dialects.elevenlabs_dialogue import AudioTags
from app.http.live.elevenlabs_context import Context, Send
from app.http.live.elevenlabs_dialogue_messages import DialogueForm, DialogueInput, DialogueMessage
from app.http.live.elevenlabs_forms import MessageForm
from app.http.live.elevenlabs_messages import StreamQuery
from app.http.live.elevenlabs_socket import ElevenLabsSocket
from app.speech.conversation import Conversation

Converse = Callable[[Sequence[Voice], VoiceSettings | None], Conversation]
FindVoice = Callable[[str], Awaitable[Voice]]


class DialogueContext(Context):
    """`voices` has the id of each voice that the first message names."""

    def __init__(
        self,
        id: str | None,
        conversation: Conversation,
        output: OutputFormat,
        voices: Mapping[str, str],
        *,
        form: MessageForm,
        is_synced: bool,
        send: Send,
    ) -> None:
        super().__init__(id, conversation, output, form=form, is_synced=is_synced, send=send)
        self._voices = voices
        self._speaker_id: str | None = None
        self._tags = AudioTags()

    def say(self, line: DialogueInput) -> None:
        """Raises InvalidField and what Conversation raises."""
        speaker_id = self._voices.get(line.voice_id)
        if speaker_id is None:
            known = ", ".join(quoted(name) for name in self._voices)
            raise InvalidField(
                f"{quoted(line.voice_id)} is not one of `voices` in the first message of this context: {known}",
                param="voice_id",
            )
        if line.new_turn or speaker_id != self._speaker_id:
            self._write(self._tags.flush())
            self.conversation.begin_turn(speaker_id)
            self._speaker_id = speaker_id
        self._write(self._tags.push(line.text))
        self.warn(f"an audio tag is left out: {tag}" for tag in self._tags.found)

    def flush(self) -> None:
        self._write(self._tags.flush())
        self.conversation.flush()

    def finish(self) -> None:
        self._write(self._tags.flush())
        super().finish()

    def _write(self, text: str) -> None:
        if text:
            self.conversation.write(with_pauses(text))


class DialogueSocket(ElevenLabsSocket[DialogueMessage, DialogueContext]):
    kind = DialogueMessage
    form = DialogueForm()
    _converse: Converse
    _find_voice: FindVoice

    async def converse(
        self,
        converse: Converse,
        find_voice: FindVoice,
        query: StreamQuery,
        output: OutputFormat,
        first: Mapping[str, Any] | None,
    ) -> None:
        """As `run`. `converse` opens the Conversation of a context with the voices and settings of its first message;
        it speaks in the first of the voices until a turn begins.
        """
        self._converse, self._find_voice = converse, find_voice
        await self.run(query, output, first)

    def opens_context(self, message: DialogueMessage) -> bool:
        return message.voices is not None

    async def take(self, id: str, context: DialogueContext | None, message: DialogueMessage) -> None:
        """`voices` open a context. Closing speaks the rest, closing again is silence at once."""
        if message.voices is not None:
            context = await self._open(id, context, message)
        has_text = bool(message.inputs or message.flush)
        if context is None:
            if has_text or not self.has_ended(id):
                raise InvalidField(f"no context {quoted(id)} is open: `voices` open one", param="voices")
            return
        if has_text and context.is_closing:
            raise InvalidField("nothing may follow the end of a context", param="inputs")
        for line in message.inputs or ():
            context.say(line)
        if message.flush:
            context.flush()
        if message.close_context:
            await context.close()

    async def _open(self, id: str, context: DialogueContext | None, message: DialogueMessage) -> DialogueContext:
        if context is not None and not context.is_closing:
            raise InvalidField("voices: only the first message of a context names them", param="voices")
        found = {name: await self._find_voice(name) for name in message.voices or ()}
        if context is not None:  # the id means another context now
            await context.silence()

        def make(context_id: str | None) -> DialogueContext:
            return DialogueContext(
                context_id,
                self._converse([*found.values()], message.voice_settings),
                self.output,
                {name: voice.id for name, voice in found.items()},
                form=self.form,
                is_synced=self.query.sync_alignment,
                send=self.send,
            )

        return self.open(id, make)
