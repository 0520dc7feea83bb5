"""The XTTS engine: Coqui XTTS v2, decoded for many callers in one batch.

Modules here may import torch and the TTS package, which are not in the light environment: `factory` imports this
package only when it is chosen. `models` and `download` are the exceptions: they import neither.
"""
