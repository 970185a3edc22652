"""What an application would do: a prepared query with parameters and a write, through Sallyport.

The connection comes from the usual libpq environment (PGHOST, PGPORT, PGPASSFILE, …).
"""

import psycopg

with psycopg.connect("") as connection:
    for country in ("DE", "FR"):
        row = connection.execute(
            "select count(*), max(since) from customers where country = %s", (country,)
        ).fetchone()
        print(f"{country}: {row[0]} customers, the newest since {row[1]}")
    shipped = connection.execute(
        "update orders set status = 'shipped' where status = 'paid' and id <= %s", (100,)
    )
    print(f"shipped {shipped.rowcount} orders")
