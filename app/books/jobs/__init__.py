"""Books that a server makes: jobs of its callers, on the data volume, beside requests for speech."""
