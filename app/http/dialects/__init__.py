"""How the clients of other servers speak: their wire schemas, and what their words mean in ours."""
