"""Speech beside its text while it is delivered: times of words, verdicts, and segments that are spoken again."""
