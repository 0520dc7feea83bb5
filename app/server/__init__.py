"""The server process around the app: listening sockets, protocols, shutdown."""
