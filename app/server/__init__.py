"""The server process around the app: its listening sockets, its HTTP and WebSocket protocols, its shutdown."""
