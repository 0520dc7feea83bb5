"""HTTP: routes, wire schemas, error mapping, streaming. Only this package and app/server import Litestar."""
