"""The golden corpus: answers to some 200 requests, as hashes, to prove that a change of the code changes no answer.

    python -m tests.golden record FOLDER     before a change: write FOLDER/corpus.json and its checkpoint
    python -m tests.golden compare FOLDER    after it: send the same requests again and list every difference

Samples are hashed after decoding, so they hold for one machine and one set of packages only. Streamed XTTS answers of
several segments have a few variants: the windows that share a call of the vocoder depend on timing, and the rounding of
its sums on their number. In `xtts: tts long streamed`, 39 of 749,632 samples differ by one step of 16 bits.
"""
