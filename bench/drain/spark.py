"""`spark.py <folder> <events> <brokers> <topic>`: Spark Structured Streaming from the same topic to one Delta table.

The least that Spark can be asked for: one wide table, no check of values, no repeats found. Prints JSON as `Drained`.
Environment: SLUICE_JARS, the jars of Delta and of Spark's Kafka source, comma-separated.
"""

import json
import os
import sys
import time

EVENTS_A_TRIGGER = 200_000
SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # Quicker here than with its default of 1 GB.
    "spark.driver.memory": "2g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.jars": os.environ["SLUICE_JARS"],
}
EVENT = """user_id STRING, movie_id STRING, watched_at TIMESTAMP, device STRING, duration_minutes INT, city STRING,
  country STRING, resolution STRING, region STRING, buffering_count INT, avg_bitrate FLOAT, collected_at TIMESTAMP,
  payment_id STRING, subscription_id STRING, amount DECIMAL(12,2), currency STRING, paid_at TIMESTAMP, title STRING,
  `cast` ARRAY<STRING>, rating DOUBLE, release_year INT, related_to ARRAY<STRING>, updated_at TIMESTAMP,
  product_id STRING, action STRING, clicked_at TIMESTAMP, app_version STRING"""
LINE = f"batch STRING, line INT, event_id STRING, received_at TIMESTAMP, source STRING, type STRING, event STRUCT<{EVENT}>"

folder, events, brokers, topic = sys.argv[1:5]


def jvm_status(field):
    """Peak memory or a time of the Java process below this one."""
    from glob import glob

    for path in glob("/proc/[0-9]*/status"):
        try:
            with open(path) as file:
                status = dict(line.split(":", 1) for line in file if ":" in line)
        except OSError:
            continue
        if status["Name"].strip() == "java" and is_below(status["PPid"].strip()):
            return status["Pid"].strip(), status[field].strip()
    raise RuntimeError("no Java process below this one")


def is_below(pid):
    while pid not in ("0", "1"):
        if pid == str(os.getpid()):
            return True
        with open(f"/proc/{pid}/status") as file:
            pid = next(line.split()[1] for line in file if line.startswith("PPid:"))
    return False


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


from pyspark.sql import SparkSession  # noqa: E402
from pyspark.sql.functions import col, from_json  # noqa: E402

builder = SparkSession.builder.master("local[2]").appName("drain")
for name, value in SETTINGS.items():
    builder = builder.config(name, value)
session = builder.getOrCreate()
session.sparkContext.setLogLevel("ERROR")

began = time.time()
source = (
    session.readStream.format("kafka")
    .option("kafka.bootstrap.servers", brokers)
    .option("subscribe", topic)
    .option("startingOffsets", "earliest")
    .option("maxOffsetsPerTrigger", EVENTS_A_TRIGGER)
    .load()
)
rows = source.select(from_json(col("value").cast("string"), LINE).alias("r")).select("r.*").select("*", "event.*").drop("event")
query = (
    rows.writeStream.format("delta")
    .option("checkpointLocation", os.path.join(folder, "spark-checkpoint"))
    .trigger(availableNow=True)
    .start(os.path.join(folder, "spark-table"))
)
query.awaitTermination()
seconds = time.time() - began
progress = [p for p in query.recentProgress if p["numInputRows"] > 0]
warm = progress[len(progress) // 2 :]
pid, peak = jvm_status("VmHWM")
count = session.read.format("delta").load(os.path.join(folder, "spark-table")).count()
if count != int(events):
    raise RuntimeError(f"expected {events} rows, found {count}")
print(
    json.dumps(
        {
            "seconds": seconds,
            "warm_per_second": sum(p["numInputRows"] for p in warm) / (sum(p["durationMs"]["triggerExecution"] for p in warm) / 1000),
            "peak_mb": int(peak.split()[0]) // 1024,
            "cpu_seconds": cpu_seconds(pid),
        }
    )
)
