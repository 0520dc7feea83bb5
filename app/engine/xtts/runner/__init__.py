"""The batch: prompts join it, all slots take steps together, sequences leave it."""
