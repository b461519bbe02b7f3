//! The last verification that was kept, and whether this database is what its migrations made.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension};

use super::{Control, Result, migrate};

impl Control {
    /// The last report that was kept: JSON, see `crate::verify::Report`.
    ///
    /// # Errors
    /// Database errors.
    pub fn verification(&self) -> Result<Option<String>> {
        let sql = "SELECT report FROM verification";
        Ok(self.lock().query_row(sql, [], |row| row.get(0)).optional()?)
    }

    /// Keeps a report in the place of the one before.
    ///
    /// # Errors
    /// Database errors.
    pub fn keep_verification(&self, report: &str) -> Result<()> {
        self.lock().execute("INSERT OR REPLACE INTO verification VALUES (1, ?1)", [report])?;
        Ok(())
    }

    /// Columns (`table.column`) that the migrations of this program did not make.
    ///
    /// # Errors
    /// Database errors.
    pub fn strange_columns(&self) -> Result<Vec<String>> {
        let mut made = Connection::open_in_memory()?;
        migrate::migrate(&mut made)?;
        let (made, found) = (columns(&made)?, columns(&self.lock())?);
        Ok(found.difference(&made).cloned().collect())
    }
}

fn columns(connection: &Connection) -> Result<BTreeSet<String>> {
    let sql = "SELECT tables.name || '.' || columns.name FROM sqlite_master AS tables, \
               pragma_table_xinfo(tables.name) AS columns WHERE tables.type IN ('table', 'view')";
    let mut statement = connection.prepare(sql)?;
    let found = statement.query_map([], |row| row.get(0))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}
