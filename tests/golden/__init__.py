"""The golden corpus: answers to some 200 requests, as hashes, to prove that a change of the code changes no answer.

    python -m tests.golden record FOLDER     before a change: write FOLDER/corpus.json and its checkpoint
    python -m tests.golden compare FOLDER    after it: send the same requests again and list every difference

Samples are hashed after decoding, so they hold for one machine and one set of packages only. `xtts: tts long streamed`
has a few variants: how many segments share a decoding step depends on timing, and the rounding of float32 sums on that.
"""
