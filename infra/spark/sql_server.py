"""SQL on the lake's tables for JDBC clients: Spark's Thrift server, with every table as sluice.<table>.

Tables that come later are found by looking again. Connect with any Hive JDBC client:
  beeline -u jdbc:hive2://127.0.0.1:10000/sluice
Writing to the lake's tables from here breaks what verify counts: they follow the ledger alone.
"""

import os
import signal
import sys
import threading

from session import lake_path, lake_tables, open_session

LOOK_EVERY_S = 60
PORT = os.environ.get("SPARK_SQL_PORT", "10000")
READY_FILE = "/tmp/registered"


def register(session):
    """Makes names for tables that have none yet; nothing of a table is touched. Returns how many there are."""
    session.sql("CREATE DATABASE IF NOT EXISTS sluice")
    known = {row.tableName for row in session.sql("SHOW TABLES IN sluice").collect()}
    tables = lake_tables(session)
    for table in tables:
        if table not in known:
            session.sql(f"CREATE TABLE IF NOT EXISTS sluice.`{table}` USING DELTA LOCATION '{lake_path(table)}'")
    return len(tables)


def main():
    # One of an earlier life.
    if os.path.exists(READY_FILE):
        os.remove(READY_FILE)
    # All clients see the names that are registered here.
    session = open_session("sql server", {"spark.sql.hive.thriftServer.singleSession": "true"})
    stopping = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopping.set())
    server = session._jvm.org.apache.spark.sql.hive.thriftserver.HiveThriftServer2
    session._jvm.java.lang.System.setProperty("hive.server2.thrift.port", PORT)
    server.startWithSparkSession(session._jsparkSession, False)
    told = None
    while not stopping.is_set():
        try:
            line = f"{register(session)} tables are in sluice"
            open(READY_FILE, "w").close()
        except Exception as error:
            line = f"{str(error).splitlines()[0]}; it is tried again"
        if line != told:
            print(line, file=sys.stderr, flush=True)
        told = line
        stopping.wait(LOOK_EVERY_S)
    session.stop()


if __name__ == "__main__":
    main()
