"""Answers the pack of questions on Spark, from the Parquet files of `vmxlens fleet export`.

spark.py PARQUET_FOLDER PACK.json [DERIVE COMMAND...]

Prints one JSON object: the rows of each question, and whether rows derived by `pipe` are those of the dimension. Runs on
`local-cluster`, that is on worker processes of their own with a real shuffle.
"""

import json
import os
import sys

# Workers look for the driver by the machine's name, which need not lead to it.
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")

from pyspark.sql import SparkSession  # noqa: E402

folder, pack, *command = sys.argv[1:]
master = os.environ.get("SPARK_MASTER", "local-cluster[2,1,1024]")
spark = (
    SparkSession.builder.master(master)
    .appName("vmxlens fleet")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.shuffle.partitions", os.environ.get("SPARK_PARTITIONS", "4"))
    # Compiling an expression for four hundred columns takes longer than evaluating it.
    .config("spark.sql.codegen.wholeStage", "false")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.bindAddress", "127.0.0.1")
    # Executors that do not come up are an error, not a reason to wait.
    .config("spark.deploy.maxExecutorRetries", "2")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")
for table in ("hosts", "earlier", "sets", "params", "labels", "derived"):
    spark.read.parquet(os.path.join(folder, table)).createOrReplaceTempView(table)

with open(pack, encoding="utf-8") as file:
    questions = json.load(file)
answers = {}
for question in questions:
    rows = spark.sql(question["sql"]).collect()
    answers[question["name"]] = [row.asDict() for row in rows]
    print(question["name"], len(rows), file=sys.stderr, flush=True)

derived = None
if command:
    lines = spark.sql(
        "SELECT to_json(struct(k.set_id AS set_id, k.kernel AS kernel, p.text AS params)) AS head, s.text AS text FROM "
        "(SELECT DISTINCT set_id, kernel, params_id FROM hosts) k "
        "JOIN sets s ON s.set_id = k.set_id JOIN params p ON p.params_id = k.params_id"
    ).rdd.map(lambda row: row.head[:-1] + ',"set":' + row.text + "}")
    # Without checkCode a command that fails is a command without output; env is empty if it is not given.
    path = {"PATH": os.environ["PATH"]}
    made = lines.repartition(4).pipe(" ".join(command), env=path, checkCode=True).collect()
    made = sorted(json.dumps(json.loads(line), sort_keys=True) for line in made)
    known = spark.sql(
        "SELECT d.* FROM derived d JOIN (SELECT DISTINCT set_id, kernel, params_id FROM hosts) k "
        "ON k.set_id = d.set_id AND k.kernel = d.kernel AND k.params_id = d.params_id"
    ).collect()
    known = sorted(json.dumps(row.asDict(), sort_keys=True) for row in known)
    derived = {"rows": len(made), "alike": made == known}

print(json.dumps({"answers": answers, "derived": derived, "spark": spark.version}))
spark.stop()
