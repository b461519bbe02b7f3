//! Which store keeps the rows, and how it is opened: at once, or when it can be.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use super::{
    Store, StoreError,
    clickhouse::{Address, ClickStore},
    duckdb::{DuckStore, Limits},
    later::Later,
};

/// Which store keeps the rows. It can be printed: it names files of secrets, and holds none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreChoice {
    /// Its file, and the megabytes (10^6 bytes) of memory that it takes at most, 64..=1,000,000.
    DuckDb {
        path: PathBuf,
        memory_mb: u32,
    },
    ClickHouse(Address),
}

impl StoreChoice {
    /// Reads `duckdb` (a file in the data directory), `duckdb:PATH` or `clickhouse://...`.
    ///
    /// # Errors
    /// What is allowed, in words that repeat no secret.
    pub fn parse(text: &str, data: &Path) -> Result<StoreChoice, String> {
        if text.starts_with("clickhouse") {
            let work = data.join("work");
            return Address::parse(text).map(|address| StoreChoice::ClickHouse(Address { work, ..address }));
        }
        let duckdb = |path| StoreChoice::DuckDb { path, memory_mb: Limits::default().memory_mb };
        match text.split_once(':') {
            None if text == "duckdb" => Ok(duckdb(data.join("mayfly.duckdb"))),
            Some(("duckdb", path)) if !path.is_empty() => Ok(duckdb(path.into())),
            _ => Err("`duckdb`, `duckdb:PATH` or `clickhouse://[user@]host[:port]/database`".to_owned()),
        }
    }

    /// Opens it now.
    ///
    /// # Errors
    /// Those of its adapter.
    pub fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match self {
            StoreChoice::DuckDb { path, memory_mb } => {
                Arc::new(DuckStore::open(path, &Limits::of_memory(*memory_mb))?)
            }
            StoreChoice::ClickHouse(address) => Arc::new(ClickStore::open(address)?),
        })
    }

    /// Opens it now, or later if it is away.
    ///
    /// # Errors
    /// Only what no waiting mends.
    pub fn open_later(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match self.clone() {
            StoreChoice::DuckDb { path, memory_mb } => {
                Arc::new(Later::open(opener(path, Limits::of_memory(memory_mb)))?)
            }
            StoreChoice::ClickHouse(address) => Arc::new(Later::open(move || ClickStore::open(&address))?),
        })
    }
}

/// As the setting `store` has it.
impl fmt::Display for StoreChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreChoice::DuckDb { path, .. } => write!(f, "duckdb:{}", path.display()),
            StoreChoice::ClickHouse(address) => address.fmt(f),
        }
    }
}

/// Opens the database, and makes it where there never was one: a file that is gone later was moved away, and an
/// empty one in its place would take what belongs into it.
fn opener(path: PathBuf, limits: Limits) -> impl Fn() -> Result<DuckStore, StoreError> + Send + Sync {
    let known = AtomicBool::new(path.exists());
    move || {
        if known.load(Relaxed) && !path.exists() {
            return Err(StoreError::Unavailable(format!("{} is gone", path.display())));
        }
        let store = DuckStore::open(&path, &limits)?;
        known.store(true, Relaxed);
        Ok(store)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_made_once_and_never_in_the_place_of_one_that_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.duckdb");
        let open = opener(path.clone(), Limits::default());
        drop(open().unwrap());
        std::fs::rename(&path, folder.path().join("moved")).unwrap();
        let error = open().err().unwrap().to_string();
        assert!(error.contains("rows.duckdb is gone") && !path.exists(), "{error}");
        std::fs::rename(folder.path().join("moved"), &path).unwrap();
        assert!(open().is_ok());
    }
}
