"""The vocoder on a CPU with AMX: products of tiles, and all that lies between them in the same pass."""
