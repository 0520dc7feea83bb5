"""The order of the rules, the same in every language: forms with more context come first."""

from collections.abc import Iterable, Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.rule import Rule
from app.text.normalization.rules import dates, electronic, measures, money, numbers, primes, telephone, times


def ordered_rules(
    grammar: Grammar,
    *,
    words: Iterable[Rule] = (),
    date_rules: Iterable[Rule] = (),
    time_rules: Iterable[Rule] = (),
    amount_rules: Iterable[Rule] = (),
    ordinal_rules: Iterable[Rule] = (),
    year_rules: Iterable[Rule] = (),
    last_rules: Iterable[Rule] = (),
) -> Iterator[Rule]:
    """The common rules with a language's own ones in their places.

    words          abbreviations and signs whose reading depends on their neighbours
    amount_rules   before money and measures
    year_rules     years, decades and eras, after ordinals
    last_rules     endings that touch words which other rules have said
    """
    for rule in _in_order(grammar, words, date_rules, time_rules, amount_rules, ordinal_rules, year_rules, last_rules):
        yield rule.with_ascii_boundaries() if grammar.letters_touch_numbers else rule


def _in_order(
    grammar: Grammar,
    words: Iterable[Rule],
    date_rules: Iterable[Rule],
    time_rules: Iterable[Rule],
    amount_rules: Iterable[Rule],
    ordinal_rules: Iterable[Rule],
    year_rules: Iterable[Rule],
    last_rules: Iterable[Rule],
) -> Iterator[Rule]:
    yield from numbers.long_number_rules(grammar)
    yield from primes.rules(grammar)
    yield from words
    yield from numbers.leading_abbreviation_rules(grammar)
    yield from electronic.rules(grammar)
    yield from numbers.amount_range_rules(grammar)
    yield from date_rules
    yield from dates.rules(grammar)
    yield from telephone.rules(grammar)
    yield from time_rules
    yield from times.rules(grammar)
    yield from numbers.ratio_rules(grammar)
    yield from amount_rules
    yield from money.rules(grammar)
    yield from measures.rules(grammar)
    yield from numbers.magnitude_rules(grammar)
    yield from ordinal_rules
    yield from numbers.power_rules(grammar)
    yield from numbers.fraction_rules(grammar)
    yield from year_rules
    yield from numbers.range_rules(grammar)
    yield from numbers.roman_rules(grammar)
    yield from numbers.abbreviation_rules(grammar)
    yield from numbers.plain_rules(grammar)
    yield from numbers.sign_rules(grammar)
    yield from last_rules
