"""The layers of a generator and the tracks between them, and the plan of a piece through all of them."""

from collections.abc import Sequence
from typing import Any, cast

import msgspec
import torch
from torch import nn
from TTS.vocoder.models.hifigan_generator import LRELU_SLOPE, HifiganGenerator

from app.engine.xtts.vocoder.amx.kernel import ADD, FINISH, LAST, SET
from app.engine.xtts.vocoder.amx.layers import Layer, Upsampler, filled_up, read_convolution, read_pairs, read_upsampler
from app.engine.xtts.vocoder.amx.memory import Reservations
from app.engine.xtts.vocoder.amx.plan import Plan, Span, Track
from app.engine.xtts.vocoder.generator import LAST_SLOPE, groups_of


class Pair(msgspec.Struct, frozen=True):
    """Two convolutions beside a way past them.

    inner              between the two
    past, activated    behind the pair, and the same behind the leaky ReLU; None behind the last pair of a branch
    """

    one: Layer
    two: Layer
    inner: Track
    past: Track | None
    activated: Track | None


class Stage(msgspec.Struct, frozen=True):
    """An upsampler and the parallel branches behind it.

    past, activated   behind the upsampler, and the same behind the leaky ReLU
    sums              over the branches; the first one is ahead of the others
    mean              of the branches: for the next upsampler, behind the leaky ReLU; of the last stage as it is
    """

    upsampler: Upsampler
    branches: Sequence[Sequence[Pair]]
    past: Track
    activated: Track
    sums: Track
    mean: Track


class Network:
    """bias   of the first convolution and of each upsampler, with what the speaker's embedding adds: see `biases`"""

    def __init__(self, generator: HifiganGenerator, reservations: Reservations) -> None:
        self.first = read_convolution(generator.conv_pre)
        upsamplers = [read_upsampler(layer) for layer in generator.ups]
        radius = self.first.radius
        self.input = reservations.track("input", self.first.inputs, 2, 1, kept=2 * radius, behind=radius)
        self.pre = reservations.track("pre", self.first.outputs, 2, 1, kept=1, behind=1)
        last = cast("nn.Conv1d", generator.conv_post)
        self.last_radius = (last.kernel_size[0] - 1) // 2
        channels = filled_up(last.in_channels)
        weights = torch.zeros(last.kernel_size[0], channels)
        weights[:, : last.in_channels] = last.weight.detach()[0].T
        self.last_weights = weights.flatten()
        self.last_bias = torch.zeros(1) if last.bias is None else last.bias.detach().float()
        self.stages: list[Stage] = []
        self.rate = 1
        for upsampler, group in zip(upsamplers, groups_of(generator), strict=True):
            self.rate *= upsampler.stride
            branches = [read_pairs(block) for block in group]
            self.stages.append(self._stage(upsampler, branches, reservations, is_last=upsampler is upsamplers[-1]))
        self.strides = [1, *(upsampler.stride for upsampler in upsamplers)]
        self.biases = [self.first.bias.clone(), *(stage.upsampler.layer.bias.clone() for stage in self.stages)]

    def _stage(
        self,
        upsampler: Upsampler,
        groups: Sequence[Sequence[tuple[Layer, Layer]]],
        reservations: Reservations,
        *,
        is_last: bool,
    ) -> Stage:
        channels = upsampler.layer.outputs // upsampler.stride
        lags = [sum(one.radius + two.radius for one, two in group) for group in groups]
        assert len(groups) > 1 and lags == sorted(lags)

        def track(buffer: str, item_bytes: int, kept: int, behind: int = 0) -> Track:
            return reservations.track(buffer, channels, item_bytes, self.rate, kept=kept, behind=behind)

        branches: list[list[Pair]] = []
        for group in groups:
            pairs: list[Pair] = []
            for number, (one, two) in enumerate(group):
                inner, past, activated = track("inner", 2, 2 * two.radius, two.radius), None, None
                if number < len(group) - 1:
                    next_one, next_two = group[number + 1]
                    past = track(f"past {number % 2}", 4, next_one.radius + next_two.radius)
                    activated = track(f"activated {number % 2}", 2, 2 * next_one.radius, next_one.radius)
                pairs.append(Pair(one, two, inner, past, activated))
            branches.append(pairs)
        firsts = [group[0] for group in groups]
        radius = max(one.radius for one, _ in firsts)
        return Stage(
            upsampler,
            branches,
            past=track("past", 4, max(one.radius + two.radius for one, two in firsts)),
            activated=track("activated", 2, 2 * radius, radius),
            sums=track("sums", 4, lags[-1] - lags[0]),
            mean=track("post", 4, 2 * self.last_radius, self.last_radius) if is_last else track("mean", 2, 1, 1),
        )

    def plan(self, plan: Plan, start: int, stop: int, samples: torch.Tensor) -> int:
        """The operations for frames `start` to `stop` of a segment. Returns how many samples they give."""
        source = Span(self.input, start, stop)
        plan.recall(source)
        plan.end(source)
        plan.wait()
        span = Span(self.pre, *plan.ahead(source, self.first.radius))
        plan.recall(span)
        plan.end(span)
        activated = {"activated": span.address(span.start), "slope": LRELU_SLOPE}
        plan.convolve(self.first, source, span.start, span.stop, self.biases[0], **activated)
        plan.keep(source)
        plan.wait()
        for stage, bias in zip(self.stages, self.biases[1:], strict=True):
            span = _plan_stage(plan, stage, span, bias)
        start, stop = plan.ahead(span, self.last_radius)
        plan.add(
            kind=FINISH,
            columns=stop - start,
            row_bytes=span.track.column_bytes,
            blocks=len(self.last_weights),
            source=span.address(start - self.last_radius),
            target=samples.data_ptr(),
            weights=self.last_weights.data_ptr(),
            bias=self.last_bias.data_ptr(),
            slope=LAST_SLOPE,
        )
        plan.keep(span)
        return stop - start


def _plan_stage(plan: Plan, stage: Stage, source: Span, bias: torch.Tensor) -> Span:
    """Returns the mean of the branches."""
    past, activated = _plan_upsampler(plan, stage, source, bias)
    plan.keep(past, activated)
    sums = mean = None
    for number, pairs in enumerate(stage.branches):
        *others, last = pairs
        behind = past, activated
        for pair in others:
            behind = _plan_pair(plan, pair, *behind)
        inner = _plan_inner(plan, last, behind[1])
        span = plan.ahead(inner, last.two.radius)
        fields: dict[str, Any] = {"residual": behind[0].address(span[0])}
        if sums is None:
            sums = Span(stage.sums, *span)
            plan.recall(sums)
        fields |= {"sum": sums.address(span[0]), "summing": ADD if number else SET}
        if number == len(stage.branches) - 1:
            mean = Span(stage.mean, *span)
            plan.recall(mean)
            plan.end(mean)
            is_float = stage.mean.column_bytes == stage.sums.column_bytes
            written = {"target" if is_float else "activated": mean.address(mean.start), "slope": LRELU_SLOPE}
            fields |= {"summing": LAST, "share": 1 / len(stage.branches), **written}
            plan.keep(sums)
        plan.convolve(last.two, inner, *span, last.two.bias, **fields)
        plan.keep(inner)
        plan.wait()
    assert mean is not None
    return mean


def _plan_upsampler(plan: Plan, stage: Stage, source: Span, bias: torch.Tensor) -> tuple[Span, Span]:
    """Returns what comes from it, and the same behind the leaky ReLU."""
    layer, stride, trim = stage.upsampler.layer, stage.upsampler.stride, stage.upsampler.trim
    begin = source.start * stride - trim
    stop = source.stop * stride if plan.is_last else max(0, source.stop * stride - trim)
    past, activated = (Span(track, max(0, begin), stop) for track in (stage.past, stage.activated))
    plan.recall(past, activated)
    addresses = {"target": past.address(begin), "activated": activated.address(begin)}
    num_rows = source.stop + (1 if plan.is_last else 0)
    plan.convolve(layer, source, source.start, num_rows, bias, slope=LRELU_SLOPE, **addresses)
    plan.keep(source)
    plan.wait()
    # It wrote columns outside of the segment too, which are zeros for the convolutions.
    if not source.start:
        plan.clear(activated, begin, 0)
    plan.end(activated)
    plan.wait()
    return past, activated


def _plan_pair(plan: Plan, pair: Pair, past: Span, activated: Span) -> tuple[Span, Span]:
    """Returns what comes from it, and the same behind the leaky ReLU."""
    assert pair.past is not None and pair.activated is not None
    inner = _plan_inner(plan, pair, activated)
    span = plan.ahead(inner, pair.two.radius)
    next_past, next_activated = Span(pair.past, *span), Span(pair.activated, *span)
    plan.recall(next_past, next_activated)
    plan.end(next_activated)
    start = span[0]
    addresses = {"target": next_past.address(start), "activated": next_activated.address(start)}
    plan.convolve(pair.two, inner, *span, pair.two.bias, residual=past.address(start), slope=LRELU_SLOPE, **addresses)
    plan.keep(inner)
    plan.wait()
    plan.keep(next_past, next_activated)
    return next_past, next_activated


def _plan_inner(plan: Plan, pair: Pair, activated: Span) -> Span:
    inner = Span(pair.inner, *plan.ahead(activated, pair.one.radius))
    plan.recall(inner)
    plan.end(inner)
    address = inner.address(inner.start)
    plan.convolve(pair.one, activated, inner.start, inner.stop, pair.one.bias, activated=address, slope=LRELU_SLOPE)
    plan.wait()
    return inner
