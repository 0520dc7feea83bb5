"""Answers: audio whole, streamed, as a file with ranges, and as events with timestamps."""
