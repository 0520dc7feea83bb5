"""HTTP: routes, wire schemas, error mapping, streaming. The only package, with main, that knows Litestar."""
