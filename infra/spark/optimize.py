"""Rewrites the lake's tables as fewer, larger files that are sorted for their readers. Changes no row.

  optimize.py                            all tables that only grow
  optimize.py --tables viewing_history   some
  optimize.py --target-mb 512

Safe beside running transformers: a commit that finds one of its files gone gives way and nothing is lost. Run it where
tables have grown beyond what the transformers compact in passing (docs/scaling.md). Left alone unless named: keyed
tables, whose merges rewrite whole files and want them small (16 MB), and the ledger, which is cut into ranges of
id_hash. It never vacuums: Sluice's own clean-up honours the pins of readers, Delta's does not know them.
"""

import argparse

from session import lake_path, lake_tables, open_session

HISTORY = 1_000


def columns_of(session, table):
    return [field.name for field in session.read.format("delta").load(lake_path(table)).schema.fields]


def only_grows(session, table):
    """A table of events, not the ledger, whose newest versions have no merges."""
    if table == "ledger" or "event_id" not in columns_of(session, table):
        return False
    history = session.sql(f"DESCRIBE HISTORY delta.`{lake_path(table)}` LIMIT {HISTORY}")
    return history.where("operation = 'MERGE'").isEmpty()


def order_of(session, table):
    """The instant that the events of a table tell, which readers ask ranges of; else when they were received."""
    columns = columns_of(session, table)
    times = [name for name in columns if name.endswith("_at") and name != "received_at"]
    return next(iter(times + [name for name in ("received_at", "event_id") if name in columns]))


def optimize(session, table, target_mb):
    session.conf.set("spark.databricks.delta.optimize.maxFileSize", str(target_mb * 1024 * 1024))
    session.conf.set("spark.databricks.delta.optimize.minFileSize", str(target_mb * 1024 * 1024))
    order = order_of(session, table)
    metrics = session.sql(f"OPTIMIZE delta.`{lake_path(table)}` ZORDER BY (`{order}`)").collect()[0]["metrics"]
    return metrics["numFilesRemoved"], metrics["numFilesAdded"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="*")
    parser.add_argument("--target-mb", type=int, default=256)
    given = parser.parse_args()
    session = open_session("optimize")
    for table in given.tables or [name for name in lake_tables(session) if only_grows(session, name)]:
        removed, added = optimize(session, table, given.target_mb)
        print(f"{table}: {removed} files became {added}", flush=True)
    session.stop()


if __name__ == "__main__":
    main()
