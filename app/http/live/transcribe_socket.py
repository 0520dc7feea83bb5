"""One WebSocket of `/ws/transcribe`: audio in to a LiveTranscription, its texts out.

Two tasks: one reads the socket, one sends. The first to end cancels the other. Reading stops while the transcription
has no room, so that TCP holds back a client that sends faster than its audio is transcribed.
"""

from contextlib import aclosing

import msgspec

from app.audio.live_recording import LiveDecoder
from app.errors import InvalidField
from app.http.live import transcribe_messages as messages
from app.http.live.json_socket import JsonSocket, decode, run_until_first_ends
from app.observability.request_context import request_context
from app.transcription.live import FinalText, LiveTranscription, Marker, PartialText, SpeechStarted

_decoder = msgspec.json.Decoder(messages.Message)


class TranscribeSocket(JsonSocket):
    async def receive_start(self) -> messages.Start:
        """Raises InvalidField where no `start` comes first and in time."""
        frame = await self.receive_first()
        message = None if isinstance(frame, bytes) else _decode(frame)
        if not isinstance(message, messages.Start):
            raise InvalidField('the first message must be `{"type": "start"}`', param="type")
        return message

    async def send_started(self, start: messages.Start, model: str) -> None:
        await self.send(
            messages.Started(
                request_id=request_context.get().request_id,
                model=model,
                format=start.format,
                sample_rate_hz=start.sample_rate_hz,
                silence_ms=start.silence_ms,
            )
        )

    async def converse(self, transcription: LiveTranscription, decoder: LiveDecoder | None) -> None:
        """Run until the text after `end` is sent, or until the client leaves. Without a decoder the audio is PCM."""
        await run_until_first_ends(self._read(transcription, decoder), self._write(transcription))

    async def _read(self, transcription: LiveTranscription, decoder: LiveDecoder | None) -> None:
        """Read until an exception or a cancellation."""
        has_ended = False
        while True:
            frame = await self.receive()
            if has_ended:
                raise InvalidField("nothing may follow `end`", param="type")
            if isinstance(frame, bytes):
                if decoder is None:
                    await transcription.write(frame)
                else:
                    await decoder.convert(frame, transcription.write)
                continue
            match _decode(frame):
                case messages.Flush():
                    await transcription.flush()
                case messages.End():
                    if decoder is not None:
                        await decoder.finish(transcription.write)
                    await transcription.finish()
                    has_ended = True
                case messages.Start():
                    raise InvalidField("`start` comes once; open another socket for other options", param="type")

    async def _write(self, transcription: LiveTranscription) -> None:
        async with aclosing(transcription.events()) as events:
            async for event in events:
                match event:
                    case SpeechStarted(index, start_s):
                        await self.send(messages.SpeechStarted(index=index, start_s=start_s))
                    case PartialText(index, start_s, end_s, text):
                        await self.send(messages.Partial(index=index, start_s=start_s, end_s=end_s, text=text))
                    case FinalText():
                        await self.send(_final(event))
                    case Marker.FLUSHED:
                        await self.send(messages.Flushed(audio_s=round(transcription.heard_s, 3)))
        await self.send(messages.Done(audio_s=round(transcription.heard_s, 3)))


def _decode(text: str) -> messages.Message:
    """Raises InvalidField."""
    return decode(text, _decoder)


def _final(event: FinalText) -> messages.Final:
    return messages.Final(
        index=event.index,
        start_s=event.start_s,
        end_s=event.end_s,
        text=event.text,
        language=event.language,
        words=[
            messages.SpokenWord(
                text=word.text.strip(),
                start_s=round(word.start_s, 3),
                end_s=round(word.end_s, 3),
                probability=round(word.probability, 4),
            )
            for word in event.words
        ],
    )
