"""One WebSocket of `/ws/tts`: messages in to a Conversation, its events out.

Three tasks read the socket, send audio and events, and send `pause` and `resume`. The first to end cancels the others.
"""

from contextlib import aclosing

import msgspec
import numpy as np

from app.audio.encoders import Encoder
from app.audio.formats import OutputFormat
from app.audio.output import open_output_encoder
from app.audio.provenance import Provenance
from app.errors import InvalidField
from app.http.live import messages
from app.http.live.json_socket import JsonSocket, decode, run_until_first_ends
from app.observability.request_context import request_context
from app.pools import ENCODERS
from app.speech.conversation import Conversation
from app.speech.events import Marker, SegmentChecked, SegmentEnded, SegmentStarted, Warned, WordsSpoken

_decoder = msgspec.json.Decoder(messages.Message)


class LiveSocket(JsonSocket):
    async def receive_start(self) -> messages.Start:
        """Raises InvalidField where no `start` comes first and in time."""
        message = _decode(await self.receive_first())
        if not isinstance(message, messages.Start):
            raise InvalidField('the first message must be `{"type": "start"}`', param="type")
        return message

    async def converse(self, conversation: Conversation, output: OutputFormat) -> None:
        """Run until the audio after `end` is sent, or until the client leaves."""
        await run_until_first_ends(
            self._read(conversation), self._speak(conversation, output), self._tell_room(conversation)
        )

    async def _read(self, conversation: Conversation) -> None:
        """Read until an exception or a cancellation.

        Never stops reading, because `cancel`, pongs and the client's end come this way too.
        """
        has_ended = False
        while True:
            message = _decode(await self.receive())
            match message:
                case messages.Cancel():
                    await conversation.cancel()
                    has_ended = False
                case _ if has_ended:
                    raise InvalidField("only `cancel` may follow `end`", param="type")
                case messages.Text():
                    conversation.write(message.text)
                case messages.Flush():
                    conversation.flush()
                case messages.End():
                    conversation.finish()
                    has_ended = True
                case messages.Start():
                    raise InvalidField("`start` comes once; open another socket to speak otherwise", param="type")

    async def _tell_room(self, conversation: Conversation) -> None:
        while True:
            await conversation.full()
            await self.send(messages.Pause())
            await conversation.room()
            await self.send(messages.Resume())

    async def _speak(self, conversation: Conversation, output: OutputFormat) -> None:
        turn = _Turn(output, conversation.sample_rate_hz, conversation.provenance)
        try:
            async with aclosing(conversation.events()) as events:
                async for event in events:
                    match event:
                        case np.ndarray():
                            await self._send_audio(await ENCODERS.run(turn.encode, event))
                        case SegmentStarted(index, text, start_s):
                            await self.send(messages.SegmentStarted(index=index, text=text, start_s=start_s))
                        case SegmentEnded(index, text, start_s, end_s):
                            ended = messages.SegmentEnded(index=index, text=text, start_s=start_s, end_s=end_s)
                            await self.send(ended)
                        case WordsSpoken(index, words):
                            await self.send(messages.Words(index=index, words=words))
                        case SegmentChecked():
                            await self.send(messages.Checked(**msgspec.structs.asdict(event)))
                        case Warned(message):
                            await self.send(messages.Warned(message=message))
                        case Marker.FLUSHED:
                            await self._send_audio(await ENCODERS.run(turn.close))
                            await self.send(messages.Flushed(audio_s=conversation.given_s))
                        case Marker.CANCELLED:
                            turn.close()
                            await self.send(messages.Cancelled(audio_s=conversation.given_s))
            await self._send_audio(await ENCODERS.run(turn.close))
            await self.send(messages.Done(audio_s=conversation.given_s))
        finally:
            turn.close()

    async def _send_audio(self, data: bytes) -> None:
        if data:
            await self.send_bytes(data)


def _decode(frame: str | bytes) -> messages.Message:
    """Raises InvalidField."""
    if isinstance(frame, bytes):
        raise InvalidField("messages are JSON in text frames")
    return decode(frame, _decoder)


class _Turn:
    """The encoder of the audio between two `flushed` or `cancelled`, which is a file of its own."""

    def __init__(self, output: OutputFormat, sample_rate_hz: int, provenance: Provenance | None) -> None:
        self._output = output
        self._provenance = provenance
        self._sample_rate_hz = sample_rate_hz
        self._encoder: Encoder | None = None

    def encode(self, samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> bytes:
        if self._encoder is None:
            self._encoder = open_output_encoder(
                self._output, self._sample_rate_hz, streaming=True, provenance=self._provenance
            )
        return self._encoder.encode(samples)

    def close(self) -> bytes:
        """The rest of the file; empty if nothing was spoken. Idempotent."""
        encoder, self._encoder = self._encoder, None
        return b"" if encoder is None else encoder.close()


def started(conversation: Conversation, output: OutputFormat, engine: str) -> messages.Started:
    return messages.Started(
        request_id=request_context.get().request_id,
        engine=engine,
        format=output.format,
        media_type=output.format.mime_type,
        sample_rate_hz=output.rate_hz(conversation.sample_rate_hz),
        seed=conversation.seed,
        max_pending_chars=conversation.max_pending_chars,
        provenance=conversation.provenance,
    )
