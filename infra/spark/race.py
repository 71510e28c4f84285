"""Proves on the object store at hand that commits cannot overwrite each other: prints one line of JSON.

Many writers of one version at once, version after version; then whole tables: two Spark writers append to one table by
turns that race. Run it once against a new object store.
"""

import json
import threading
import uuid

from session import bucket, open_session

VERSIONS = 20
WRITERS = 8
APPENDS = 10


def log_store(session):
    jvm = session._jvm
    return jvm.sluice.ConditionalPutLogStore(session._jsc.hadoopConfiguration())


def races(session, folder):
    """How many writers won each version, and whether what is there is the winner's."""
    jvm = session._jvm
    store, conf = log_store(session), session._jsc.hadoopConfiguration()
    wins, honest = [], True
    for version in range(VERSIONS):
        path = jvm.org.apache.hadoop.fs.Path(f"{folder}/_delta_log/{version:020}.json")
        won = []

        def write(writer):
            lines = jvm.java.util.ArrayList()
            lines.add(json.dumps({"commitInfo": {"txnId": f"{writer}"}}))
            try:
                store.write(path, lines.iterator(), False, conf)
                won.append(writer)
            except Exception as error:
                if "FileAlreadyExistsException" not in str(error):
                    raise

        threads = [threading.Thread(target=write, args=(uuid.uuid4(),)) for _ in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        there = store.read(path, conf)
        text = there.next()
        there.close()
        wins.append(len(won))
        honest = honest and len(won) == 1 and str(won[0]) in text
    return wins, honest


def appends(session, path):
    """Rows of a table that two writers appended to at the same time."""
    session.range(0).withColumnRenamed("id", "n").write.format("delta").save(path)

    def append(start):
        for n in range(start, start + APPENDS):
            session.range(n, n + 1).withColumnRenamed("id", "n").coalesce(1).write.format("delta").mode("append").save(path)

    threads = [threading.Thread(target=append, args=(start,)) for start in (0, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(row.n for row in session.read.format("delta").load(path).collect())


def main():
    session = open_session("race")
    folder = f"s3a://{bucket()}/race-{uuid.uuid4()}"
    wins, honest = races(session, folder)
    rows = appends(session, f"{folder}/table")
    print(json.dumps({"winners": wins, "honest": honest, "rows": len(rows), "distinct": len(set(rows))}))
    files = session._jvm.org.apache.hadoop.fs.Path(folder)
    files.getFileSystem(session._jsc.hadoopConfiguration()).delete(files, True)
    session.stop()


if __name__ == "__main__":
    main()
