//! Tables for other programs, written by DuckDB itself from a copy of the database: the one that serves never
//! reads or writes another file.

use std::path::Path;

use duckdb::{Config, Connection, params};
use serde::{Deserialize, Serialize};

use super::{date, sql::located, unavailable};
use crate::{
    domain::{
        day::Day,
        declaration::SiteId,
        row::{Family, Table, columns, has_hour},
    },
    store::StoreError,
};

/// The form of an export's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// Apache Parquet, compressed with zstd
    Parquet,
    /// RFC 4180, with a header line
    Csv,
}

impl ExportFormat {
    const fn name(self) -> &'static str {
        match self {
            ExportFormat::Parquet => "parquet",
            ExportFormat::Csv => "csv",
        }
    }

    const fn options(self) -> &'static str {
        match self {
            ExportFormat::Parquet => "FORMAT parquet, COMPRESSION zstd",
            ExportFormat::Csv => "FORMAT csv, HEADER",
        }
    }
}

/// Which days of a site are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Closed,
    /// Open ones too, as far as they are released.
    Stored,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// `pages_place.parquet`
    pub file: String,
    pub rows: u64,
}

/// Writes the rows of days of some sites, a file for each table and family and one for `days`, from a
/// copy of the database. A key is one row: what several releases brought is added up.
///
/// # Errors
/// [`StoreError`], where a file cannot be written too.
pub fn export(
    copy: &Path,
    to: &Path,
    format: ExportFormat,
    sites: &[(SiteId, String)],
    days: (Option<Day>, Option<Day>),
    which: Which,
) -> Result<Vec<Exported>, StoreError> {
    let config = Config::default()
        .enable_autoload_extension(false)
        .and_then(|config| config.with("autoinstall_known_extensions", "false"))
        .and_then(|config| config.max_memory("512MB"))
        .map_err(unavailable)?;
    let connection = Connection::open_with_flags(copy, config).map_err(unavailable)?;
    choose(&connection, sites, days, which).map_err(unavailable)?;
    let mut found = Vec::new();
    for table in Table::ALL {
        for &family in table.families() {
            let name = located(table, family);
            let rows = of_rows(table, family);
            let query = match format {
                ExportFormat::Parquet => rows,
                ExportFormat::Csv => defused(&rows, table, family),
            };
            found.push(write(&connection, to, format, &name, &query).map_err(unavailable)?);
        }
    }
    found.push(write(&connection, to, format, "days", DAYS).map_err(unavailable)?);
    Ok(found)
}

/// The site-days, by node: `chosen`.
fn choose(
    connection: &Connection,
    sites: &[(SiteId, String)],
    (first, last): (Option<Day>, Option<Day>),
    which: Which,
) -> duckdb::Result<()> {
    let days = match which {
        Which::Closed => "days",
        Which::Stored => "releases",
    };
    connection.execute_batch("CREATE TEMP TABLE named (site INTEGER, name VARCHAR)")?;
    for (site, name) in sites {
        connection.execute("INSERT INTO named VALUES (?, ?)", params![site.0, name])?;
    }
    let (first, last) = (first.unwrap_or(Day(i32::MIN / 2)), last.unwrap_or(Day(i32::MAX / 2)));
    connection.execute(
        &format!(
            "CREATE TEMP TABLE chosen AS SELECT DISTINCT named.name AS label, it.site, it.day, it.node \
             FROM {days} AS it JOIN named ON named.site = it.site WHERE it.day BETWEEN ? AND ?"
        ),
        params![date(first), date(last)],
    )?;
    Ok(())
}

const DAYS: &str = "SELECT chosen.label AS site, day, node, k, salt_epochs, coalesce(corrected, false) AS corrected, \
                    make_timestamp(closed_at_hour * 1000000) AS closed_at \
                    FROM days JOIN chosen USING (site, day, node) ORDER BY chosen.label, day, node";

fn of_rows(table: Table, family: Family) -> String {
    let mut keys = vec!["day"];
    keys.extend(has_hour(table, family).then_some("hour"));
    keys.extend(columns(table, family).iter().map(|column| column.name()));
    let sums: Vec<String> =
        table.counters().iter().map(|name| format!("sum({name})::BIGINT AS {name}")).collect();
    let (keys, sums) = (keys.join(", "), sums.join(", "));
    format!(
        "SELECT chosen.label AS site, {keys}, {sums} FROM {} JOIN chosen USING (site, day, node) \
         GROUP BY chosen.label, {keys} ORDER BY chosen.label, {keys}",
        located(table, family)
    )
}

/// Rows for a file that a spreadsheet may open: a text that it would run as a formula gets an apostrophe before it.
fn defused(rows: &str, table: Table, family: Family) -> String {
    let text = |name: &str| {
        format!(
            "CASE WHEN left({name}, 1) IN ('=', '+', '-', '@', chr(9), chr(13)) THEN chr(39) || {name} ELSE {name} \
             END AS {name}"
        )
    };
    let texts: Vec<String> = columns(table, family).iter().map(|column| text(column.name())).collect();
    match texts.is_empty() {
        true => rows.to_owned(),
        false => format!("SELECT * REPLACE ({}) FROM ({rows})", texts.join(", ")),
    }
}

fn write(
    connection: &Connection,
    to: &Path,
    format: ExportFormat,
    name: &str,
    query: &str,
) -> duckdb::Result<Exported> {
    let file = format!("{name}.{}", format.name());
    let path = to.join(&file).to_string_lossy().replace('\'', "''");
    let rows = connection.execute(&format!("COPY ({query}) TO '{path}' ({})", format.options()), [])?;
    Ok(Exported { file, rows: rows as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            day::Hour,
            row::{DayRow, Release, ReleaseId, Row},
        },
        store::{
            Store,
            duckdb::{DuckStore, Limits},
        },
    };

    #[test]
    fn a_csv_runs_no_formula_and_parquet_has_the_text_as_it_is() {
        let (site, day, node) = (SiteId(1), Day(20_779), 0);
        let row = |source: &str| Row {
            table: Table::Pages,
            family: Family::Source,
            day,
            hour: has_hour(Table::Pages, Family::Source).then_some(Hour(3)),
            keys: ["Campaigns".into(), source.into()].into(),
            counts: vec![1; Table::Pages.counters().len()].into(),
        };
        let texts = ["=HYPERLINK(\"x\")", "+1", "-1", "@x", "\tx", "\rx", "news=1", ""];
        let close = DayRow {
            site,
            day,
            node,
            closed_at_hour: 0,
            k: 5,
            salt_epochs: 1,
            settings_version: 1,
            sizes: Default::default(),
            corrected: false,
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.duckdb");
        let store = DuckStore::open(&path, &Limits::default()).unwrap();
        let id = ReleaseId { site, day, node, number: 1 };
        store.insert(&Release { id, rows: texts.map(row).into(), close: Some(close) }).unwrap();
        drop(store);
        let found = |format: ExportFormat, reader: &str| {
            export(
                &path,
                folder.path(),
                format,
                &[(site, "example.com".to_owned())],
                (None, None),
                Which::Closed,
            )
            .unwrap();
            let file = folder.path().join(format!("pages_source.{}", format.name()));
            let sql = format!(
                "SELECT source FROM {reader}('{}'{})",
                file.display(),
                match format {
                    ExportFormat::Parquet => "",
                    ExportFormat::Csv => ", all_varchar = true, quote = '\"', escape = '\"'",
                }
            );
            let connection = Connection::open_in_memory().unwrap();
            let mut statement = connection.prepare(&sql).unwrap();
            let found = statement.query_map([], |row| row.get::<_, Option<String>>(0)).unwrap();
            let mut found: Vec<String> = found.map(|text| text.unwrap().unwrap_or_default()).collect();
            found.sort_unstable();
            found
        };
        let sorted = |mut texts: Vec<String>| {
            texts.sort_unstable();
            texts
        };
        assert_eq!(found(ExportFormat::Parquet, "read_parquet"), sorted(texts.map(str::to_owned).into()));
        let defused = texts.map(|text| match text {
            "news=1" | "" => text.to_owned(),
            _ => format!("'{text}"),
        });
        assert_eq!(found(ExportFormat::Csv, "read_csv"), sorted(defused.into()));
    }
}
