"""`python -m tests.bench.xtts FOLDER`: load, memory, prefill and vocoder of a published XTTS checkpoint, as a table.

The folder may be one that `python -m tests.support.tiny_xtts FOLDER --full-size` wrote. Beside it a converted copy is
made, which is removed at the end. Speed against the TTS package is `chorus bench --compare-reference`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHAPTER = Path(__file__).parents[3] / "shared" / "data" / "alice_chapter1.txt"
RUNS = 3


def peak_mb() -> float:
    """Peak memory of this process alone. getrusage never says less than the parent had when it forked."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1e3


def load_reference(folder: Path) -> dict[str, float]:
    """Load with the TTS package: seconds and memory. Imports are not counted, on either side."""
    import warnings

    warnings.simplefilter("ignore")
    from TTS.tts.configs.xtts_config import XttsConfig
    from TTS.tts.models.xtts import Xtts

    before_mb = peak_mb()
    began_at_s = time.perf_counter()
    config = XttsConfig()
    config.load_json(str(folder / "config.json"))
    model = Xtts.init_from_config(config)
    model.load_checkpoint(config, checkpoint_dir=str(folder), eval=True)
    return {"seconds": time.perf_counter() - began_at_s, "imports_mb": before_mb, "peak_mb": peak_mb()}


def load_chorus(folder: Path) -> dict[str, float]:
    from app.engine.xtts.checkpoint.load import load_checkpoint

    before_mb = peak_mb()
    began_at_s = time.perf_counter()
    checkpoint = load_checkpoint(folder)
    seconds = time.perf_counter() - began_at_s
    loaded_mb = peak_mb()
    networks = checkpoint.networks
    parts = (networks.decoder, networks.generator, networks.conditioning_encoder, networks.perceiver)
    for part in parts:
        for tensor in part.state_dict().values():
            tensor.sum()  # every page is read once
    return {"seconds": seconds, "imports_mb": before_mb, "peak_mb": loaded_mb, "all_pages_read_mb": peak_mb()}


def vocoder(folder: Path) -> dict[str, float]:
    """Seconds and memory for 15 s and 60 s of audio in the server's chunks."""
    import torch

    from app.engine.xtts.checkpoint.load import load_checkpoint
    from app.engine.xtts.vocoder.chunks import plan_chunk
    from app.engine.xtts.vocoder.pieces import State
    from app.engine.xtts.vocoder.upsampling import LatentUpsampler
    from app.engine.xtts.vocoder.vocoder import Vocoder, VocoderJob

    checkpoint = load_checkpoint(folder)
    args = checkpoint.config.model_args
    network = Vocoder(checkpoint.networks.generator)
    upsampler = LatentUpsampler(args)
    voice = next(iter(checkpoint.speakers.values()))

    def run(audio_s: float) -> float:
        latents = torch.randn(round(audio_s / args.code_s), args.gpt_n_model_channels)
        began_at_s = time.perf_counter()
        index = start = 0
        state: State | None = None
        num_frames = upsampler.num_frames(len(latents))
        while chunk := plan_chunk(index, start, num_ready=num_frames, context=network.context, is_final=True):
            job = VocoderJob(
                latents=latents,
                speaker_embedding=voice.speaker_embedding,
                upsampler=upsampler,
                chunk=chunk,
                is_final=True,
                state=state,
            )
            [made] = network.run([job])
            made.samples.wait()
            index, start, state = index + 1, chunk.stop, made.state
        return time.perf_counter() - began_at_s

    run(5)
    short_s = statistics.median(run(15) for _ in range(RUNS))
    short_mb = peak_mb()
    long_s = statistics.median(run(60) for _ in range(RUNS))
    figures = {"15_s": short_s, "60_s": long_s, "ratio": long_s / short_s}
    return figures | {"peak_mb_after_15_s": short_mb, "peak_mb_after_60_s": peak_mb()}


def prefill(folder: Path) -> dict[str, float]:
    """Share of the rows of prefill's products that hold no token, for a chapter: ours, and what others would waste."""
    import torch

    from app.engine.xtts.checkpoint.load import load_checkpoint
    from app.engine.xtts.runner.batch import Batch
    from app.engine.xtts.text.tokenizer import TextTokenizer
    from app.text.segments import split_segments
    from tests.support.xtts import GREEDY, sequence_of

    checkpoint = load_checkpoint(folder)
    tokenizer = TextTokenizer(checkpoint.vocabulary, max_text_tokens=402)
    voice = next(iter(checkpoint.speakers.values()))
    segments = split_segments(CHAPTER.read_text(), language="en", max_chars=250)
    tokens = [torch.tensor(tokenizer.encode(tokenizer.clean(segment.text, "en"), "en")) for segment in segments]
    lengths = [len(text) + 3 for text in tokens]  # the voice is computed once for all
    groups = [range(start, min(start + 16, len(tokens))) for start in range(0, len(tokens), 16)]
    multiplied: list[int] = []
    first = checkpoint.networks.decoder.gpt.layers[0].mlp
    first.register_forward_pre_hook(lambda _, inputs: multiplied.append(len(inputs[0])))
    for group in groups[:1]:  # one group is enough for the products: rows are counted, not timed
        batch = Batch(checkpoint.networks.decoder, slots=16, max_codes=602, device=torch.device("cpu"))
        batch.join([sequence_of(checkpoint, tokens[number], voice, GREEDY) for number in group])
    needed = 32 + sum(lengths[number] for number in groups[0])
    padded = sum(max(lengths[number] for number in group) * len(group) for group in groups)
    ordered = sorted(lengths)
    bucketed = sum(max(ordered[number] for number in group) * len(group) for group in groups)
    return {
        "segments": len(segments),
        "wasted": 1 - needed / sum(multiplied),
        "would_be_wasted_by_right_padding_16": 1 - sum(lengths) / padded,
        "would_be_wasted_by_sorted_buckets_of_16": 1 - sum(lengths) / bucketed,
    }


MEASUREMENTS = {"load_reference": load_reference, "load_chorus": load_chorus, "vocoder": vocoder, "prefill": prefill}


def measured(name: str, folder: Path) -> dict[str, float]:
    """In a process of its own, so that peaks of memory are its own too."""
    command = [sys.executable, "-m", "tests.bench.xtts", str(folder), "--only", name]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(ended.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=MEASUREMENTS, help="one measurement, as JSON")
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(MEASUREMENTS[arguments.only](arguments.folder)))
        return
    print(f"load before: {os.getloadavg()[0]:.2f}", file=sys.stderr)
    from app.engine.xtts.checkpoint.convert import convert_checkpoint

    with tempfile.TemporaryDirectory(dir=arguments.folder.parent) as folder:
        convert_checkpoint(arguments.folder, Path(folder), model="bench", revision=None)
        weights_mb = Path(folder, "model.safetensors").stat().st_size / 1e6
        runs = [
            (measured("load_reference", arguments.folder), measured("load_chorus", Path(folder))) for _ in range(RUNS)
        ]
        reference_s = statistics.median(reference["seconds"] for reference, _ in runs)
        chorus_s = statistics.median(chorus["seconds"] for _, chorus in runs)
        rows: list[tuple[str, str, float]] = [
            ("load", "TTS package, s", reference_s),
            ("load", "Chorus, s", chorus_s),
            ("load", "ratio", reference_s / chorus_s),
            ("memory", "weights, MB", weights_mb),
        ]
        for who, figures in zip(("TTS package", "Chorus"), runs[-1], strict=True):
            rows += [("memory", f"{who}, {name}", value) for name, value in figures.items() if name != "seconds"]
        rows += [("vocoder", name, value) for name, value in measured("vocoder", Path(folder)).items()]
        if CHAPTER.exists():
            rows += [("prefill", name, value) for name, value in measured("prefill", Path(folder)).items()]
    for subject, name, value in rows:
        print(f"| {subject} | {name} | {value:.4g} |")


if __name__ == "__main__":
    main()
