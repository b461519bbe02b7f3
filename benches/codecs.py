"""How many bytes a row takes in ClickHouse, and how long sums take, by column type and codec: what the schema's choices
rest on. Reads the rows of a DuckDB file of Mayfly's:

    MAYFLY_BENCH_DAYS=35 MAYFLY_BENCH_FILE=rows.duckdb cargo bench --profile ci --bench reports
    make clickhouse && ~/.cache/mayfly/chdb/bin/python benches/codecs.py rows.duckdb [TIMES [VARIANT ...]]

TIMES makes that many pages of each.
"""

import ctypes
import pathlib
import re
import sys
import tempfile
import time

import chdb

ROOT = pathlib.Path(__file__).resolve().parent.parent
FAMILIES = ["page", "source", "visit", "place", "device", "language"]
SCHEMA = (ROOT / "schema/clickhouse/0001_tables.sql").read_text()
PAGES = re.sub(r"@engine\((\w+), (\(.*?\))\)", r"\1(\2)",
               re.search(r"CREATE TABLE IF NOT EXISTS @name\(pages\).*?;", SCHEMA, re.S)[0])
PAGES = PAGES.replace("IF NOT EXISTS @name(pages)", "{table}").replace("SETTINGS @window;", "")

COUNTER = r"(\w+ Int64) CODEC\(T64, ZSTD\)"
LOW = r"LowCardinality\(String\) CODEC\(ZSTD\)"


def with_(*changes):
    text = PAGES
    for pattern, new in changes:
        text = re.sub(pattern, new, text)
    return text


VARIANTS = {
    "the schema": PAGES,
    "page LowCardinality too": with_((r"page String CODEC\(ZSTD\)", "page LowCardinality(String) CODEC(ZSTD)")),
    "all keys String, LZ4": with_((LOW, "String"), (r"page String CODEC\(ZSTD\)", "page String")),
    "all keys String, ZSTD": with_((LOW, "String CODEC(ZSTD)")),
    "LowCardinality with LZ4": with_((LOW, "LowCardinality(String)")),
    "counters LZ4": with_((COUNTER, r"\1")),
    "counters ZSTD": with_((COUNTER, r"\1 CODEC(ZSTD)")),
    "counters T64, LZ4": with_((COUNTER, r"\1 CODEC(T64, LZ4)")),
    "counters Delta, ZSTD": with_((COUNTER, r"\1 CODEC(Delta, ZSTD)")),
    "counters ZSTD(6)": with_((COUNTER, r"\1 CODEC(T64, ZSTD(6))")),
    "all default (LZ4)": with_((r" CODEC\([^\n]*\)(,?)\n", r"\1\n")),
}

QUESTIONS = {
    "pages": "SELECT page, sum(pageviews), sum(visits) FROM {table} WHERE site = 1 AND family = 'page' GROUP BY page",
    "sources": "SELECT source, sum(visits), sum(bounces), sum(visit_seconds) FROM {table} WHERE site = 1 "
               "AND family = 'visit' GROUP BY source",
}


def parquet(database, folder):
    """Writes the six families of `pages` as files, by the C interface of DuckDB."""
    duckdb = ctypes.CDLL(str(ROOT / "native/libduckdb.so"))
    handle, connection = ctypes.c_void_p(), ctypes.c_void_p()
    assert duckdb.duckdb_open(str(database).encode(), ctypes.byref(handle)) == 0
    assert duckdb.duckdb_connect(handle, ctypes.byref(connection)) == 0
    for family in FAMILIES:
        sql = f"COPY (SELECT * FROM pages_{family}) TO '{folder}/{family}.parquet' (FORMAT parquet)"
        assert duckdb.duckdb_query(connection, sql.encode(), None) == 0, sql
    duckdb.duckdb_disconnect(ctypes.byref(connection))
    duckdb.duckdb_close(ctypes.byref(handle))


def main():
    with tempfile.TemporaryDirectory() as folder:
        parquet(sys.argv[1], folder)
        engine = chdb.connect(f"{folder}/engine")

        def ask(sql):
            return engine.query(sql, "TabSeparated").bytes().decode().split()

        engine.query("CREATE DATABASE bench")
        print(f"{'':26} {'rows':>9} {'bytes':>11} {'bytes/row':>9} {'insert s':>9}", *(f"{q + ' ms':>11}" for q in QUESTIONS))
        more = int(sys.argv[2]) if len(sys.argv) > 2 else 1
        chosen = {name: VARIANTS[name] for name in sys.argv[3:]} or VARIANTS
        for number, (name, create) in enumerate(chosen.items()):
            table = f"bench.v{number}"
            engine.query(create.replace("{table}", table))
            begun = time.perf_counter()
            for family in FAMILIES:
                columns = [line.split("\t")[0] for line in engine.query(
                    f"DESCRIBE file('{folder}/{family}.parquet')", "TabSeparated").bytes().decode().splitlines()]
                names = ", ".join(columns)
                values = names
                if more > 1 and "page" in columns:
                    values = ", ".join(f"concat(page, toString(cityHash64(*) % {more}))" if one == "page" else one for one in columns)
                engine.query(f"INSERT INTO {table} ({names}, family, rows) SELECT {values}, '{family}', 1 "
                             f"FROM file('{folder}/{family}.parquet')")
            seconds = time.perf_counter() - begun
            engine.query(f"OPTIMIZE TABLE {table} FINAL")
            rows, size = map(int, ask(f"SELECT sum(rows), sum(bytes_on_disk) FROM system.parts "
                                      f"WHERE active AND database = 'bench' AND table = 'v{number}'"))
            times = []
            for sql in QUESTIONS.values():
                runs = []
                for _ in range(7):
                    begun = time.perf_counter()
                    engine.query(sql.replace("{table}", table))
                    runs.append((time.perf_counter() - begun) * 1000)
                times.append(min(runs))
            print(f"{name:26} {rows:>9} {size:>11} {size / rows:>9.1f} {seconds:>9.1f}", *(f"{t:>11.1f}" for t in times), flush=True)
            engine.query(f"DROP TABLE {table} SYNC")


if __name__ == "__main__":
    main()
