"""One module a language: its grammar, and the rules that no other language has."""
