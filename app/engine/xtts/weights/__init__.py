"""From a checkpoint on the hub or in a folder to networks in memory."""
