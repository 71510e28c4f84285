"""A Spark session on the lake: Delta, the object store, and commits that no other process can overwrite.

Environment: S3_ENDPOINT, S3_REGION, S3_ACCESS_KEY, S3_SECRET_KEY (without keys: the provider chain of S3A), S3_BUCKET,
SPARK_MASTER (default local[*]), SPARK_DRIVER_MEMORY, SLUICE_JARS (folder of pom.xml's jars).
"""

import glob
import os

SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # Nothing is kept there: tables have places of their own.
    "spark.sql.warehouse.dir": "/tmp/spark-warehouse",
    # All our instants are UTC.
    "spark.sql.session.timeZone": "UTC",
    # One conditional PUT a commit; see ConditionalPutLogStore.
    "spark.delta.logStore.s3.impl": "sluice.ConditionalPutLogStore",
    "spark.delta.logStore.s3a.impl": "sluice.ConditionalPutLogStore",
    "spark.hadoop.fs.s3a.create.conditional.enabled": "true",
    "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
    "spark.hadoop.fs.s3a.path.style.access": "true",
    # A log of some 100,000 files; Delta's own 50 cost most of the time of a small query.
    "spark.databricks.delta.snapshotPartitions": "8",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}


def bucket():
    return os.environ.get("S3_BUCKET", "sluice")


def lake_path(table):
    return f"s3a://{bucket()}/lake/{table}"


def open_session(name, settings=None):
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName(name).master(os.environ.get("SPARK_MASTER", "local[*]"))
    for key, value in {**SETTINGS, **_from_environment(), **(settings or {})}.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("WARN")
    return session


def _from_environment():
    jars = sorted(glob.glob(os.path.join(os.environ.get("SLUICE_JARS", "/opt/sluice/jars"), "*.jar")))
    given = {
        "spark.jars": ",".join(jars),
        "spark.driver.memory": os.environ.get("SPARK_DRIVER_MEMORY", "1g"),
        "spark.hadoop.fs.s3a.endpoint": os.environ.get("S3_ENDPOINT", ""),
        "spark.hadoop.fs.s3a.endpoint.region": os.environ.get("S3_REGION", "us-east-1"),
        "spark.hadoop.fs.s3a.access.key": os.environ.get("S3_ACCESS_KEY", ""),
        "spark.hadoop.fs.s3a.secret.key": os.environ.get("S3_SECRET_KEY", ""),
    }
    return {key: value for key, value in given.items() if value}


def lake_tables(session):
    """Names of the tables below lake/, the ledger among them."""
    folder = session._jvm.org.apache.hadoop.fs.Path(f"s3a://{bucket()}/lake")
    files = folder.getFileSystem(session._jsc.hadoopConfiguration())
    names = [status.getPath().getName() for status in files.listStatus(folder) if status.isDirectory()]
    delta = session._jvm.io.delta.tables.DeltaTable
    return sorted(name for name in names if delta.isDeltaTable(session._jsparkSession, lake_path(name)))
