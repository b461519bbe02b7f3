//! What the store really holds, read by SQL from its file.

use std::{fs, path::Path};

use duckdb::{AccessMode, Config, Connection};
use mayfly::{
    domain::{
        day::{Day, Hour},
        row::{Row, Table, columns},
    },
    store::duckdb::{DuckStore, Limits},
};

/// A copy of a data directory's store, so that reading changes nothing. The server must not run.
pub struct Stored {
    connection: Connection,
    _copy: tempfile::TempDir,
}

impl Stored {
    pub fn of(data: &Path) -> Stored {
        let copy = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(data).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_owned();
            if name.to_string_lossy().starts_with("mayfly.duckdb") {
                fs::copy(&path, copy.path().join(name)).unwrap();
            }
        }
        let file = copy.path().join("mayfly.duckdb");
        // Killed while it folded its log: the product's own opening puts that right.
        if copy.path().join("mayfly.duckdb.fold").exists() {
            drop(DuckStore::open(&file, &Limits::default()).unwrap());
        }
        let config = Config::default().access_mode(AccessMode::ReadWrite).unwrap();
        let connection = Connection::open_with_flags(file, config).unwrap();
        Stored { connection, _copy: copy }
    }

    /// All rows of a site's day.
    pub fn rows(&self, site: u32, day: Day) -> Vec<Row> {
        let mut rows = Vec::new();
        for table in Table::ALL {
            for &family in table.families() {
                let keys: Vec<_> = columns(table, family).iter().map(|column| column.name()).collect();
                let (keys, counters) = (keys.join(", "), table.counters().join(", "));
                let sql = format!(
                    "SELECT hour, {keys}, {counters} FROM {} WHERE site = ? AND family = ? AND day = ?::DATE",
                    table.name()
                );
                let width = columns(table, family).len();
                let mut statement = self.connection.prepare(&sql).unwrap();
                let found = statement.query_map((site, family.name(), day.to_string()), |row| {
                    let hour: i8 = row.get(0)?;
                    let key = |at: usize| Ok(row.get::<_, String>(1 + at)?.into());
                    let count = |at: usize| row.get(1 + width + at);
                    Ok(Row {
                        table,
                        family,
                        day,
                        hour: u8::try_from(hour).ok().map(Hour),
                        keys: (0..width).map(key).collect::<duckdb::Result<_>>()?,
                        counts: (0..table.counters().len()).map(count).collect::<duckdb::Result<_>>()?,
                    })
                });
                rows.extend(found.unwrap().map(|row| row.unwrap()));
            }
        }
        rows
    }

    /// A number that a query without parameters gives.
    pub fn number(&self, sql: &str) -> i64 {
        self.connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// The rows of numbers that a query without parameters gives.
    pub fn list<const N: usize>(&self, sql: &str) -> Vec<[i64; N]> {
        let mut statement = self.connection.prepare(sql).unwrap();
        let mut rows = statement.query([]).unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            found.push(std::array::from_fn(|at| row.get(at).unwrap()));
        }
        found
    }

    /// The rows of texts that a query without parameters gives.
    pub fn texts<const N: usize>(&self, sql: &str) -> Vec<[String; N]> {
        let mut statement = self.connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| {
            let texts: Vec<String> = (0..N).map(|at| row.get(at)).collect::<duckdb::Result<_>>()?;
            Ok(texts.try_into().unwrap())
        });
        rows.unwrap().map(|row| row.unwrap()).collect()
    }

    /// Every value of every row of every table, one a line.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let tables = ["pages", "events", "flows", "funnels", "ledger", "releases", "days"];
        for table in tables {
            let sql = format!("SELECT to_json(it)::VARCHAR FROM {table} it");
            let sql = if self.connection.prepare(&sql).is_ok() {
                sql
            } else {
                format!("SELECT it::VARCHAR FROM {table} it")
            };
            let mut statement = self.connection.prepare(&sql).unwrap();
            let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
            rows.for_each(|row| out.push_str(&(row.unwrap() + "\n")));
        }
        out
    }
}
