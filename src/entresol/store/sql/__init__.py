"""Records in a database: SQLite, embedded, or PostgreSQL. Control plane only: no worker that proxies imports this."""
