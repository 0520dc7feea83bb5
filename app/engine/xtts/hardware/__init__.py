"""What the machine has: its GPU, the driver, the memory."""
