"""Options of PyAV that its versions have under other names, or not at all."""

from typing import Any

import av

_MAJOR = int(av.__version__.partition(".")[0])

TAG_OPTIONS: dict[str, Any] = {} if _MAJOR >= 19 else {"metadata_errors": "replace"}
"""For av.open: before version 19, PyAV raises for tags that are not UTF-8 unless it is told to replace them."""
ONE_THREAD: dict[str, Any] = {"threads": 1} if _MAJOR >= 19 else {}
"""For av.AudioResampler: from version 19 on it has a thread for each core, with a stack of 8 MB, until Python's next
garbage collection. On a machine of 64 cores one file needed more memory than a decoding process may have."""
