//! Brings the control database's schema forward, one numbered file of `schema/control/` after the other.

use rusqlite::{Connection, TransactionBehavior};

use super::{ControlError, Result};

/// All migrations, oldest first; the first has number 1. Append only.
const MIGRATIONS: &[&str] = &[
    include_str!("../../schema/control/0001_control.sql"),
    include_str!("../../schema/control/0002_operations.sql"),
    include_str!("../../schema/control/0003_nodes.sql"),
    include_str!("../../schema/control/0004_removed.sql"),
    include_str!("../../schema/control/0005_verify.sql"),
    include_str!("../../schema/control/0006_wholly.sql"),
    include_str!("../../schema/control/0007_people.sql"),
    include_str!("../../schema/control/0008_shares.sql"),
    include_str!("../../schema/control/0009_audit.sql"),
];

/// The newest schema this program knows.
pub const NEWEST: u32 = MIGRATIONS.len() as u32;

/// Applies what is missing, all in one transaction.
///
/// # Errors
/// [`ControlError::Newer`], [`ControlError::Altered`], database errors.
pub fn migrate(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, checksum BLOB NOT NULL) STRICT",
    )?;
    let known = NEWEST;
    let found: u32 =
        transaction.query_row("SELECT coalesce(max(number), 0) FROM migrations", [], |row| row.get(0))?;
    if found > known {
        return Err(ControlError::Newer { found, known });
    }
    for (number, sql) in (1u32..).zip(MIGRATIONS) {
        let checksum = blake3::hash(sql.as_bytes());
        if number > found {
            transaction.execute_batch(sql)?;
            transaction.execute(
                "INSERT INTO migrations VALUES (?1, ?2)",
                (number, checksum.as_bytes().as_slice()),
            )?;
            continue;
        }
        let applied: Vec<u8> =
            transaction
                .query_row("SELECT checksum FROM migrations WHERE number = ?1", [number], |row| row.get(0))?;
        if applied != checksum.as_bytes() {
            return Err(ControlError::Altered { number });
        }
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrating_twice_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
    }

    /// Whatever is added later: what the first version wrote is there afterwards.
    #[test]
    fn a_database_of_the_first_version_comes_forward_with_its_rows() {
        let mut connection = Connection::open_in_memory().unwrap();
        let checksum = blake3::hash(MIGRATIONS[0].as_bytes());
        connection
            .execute_batch(
                "CREATE TABLE migrations (number INTEGER PRIMARY KEY, checksum BLOB NOT NULL) STRICT",
            )
            .unwrap();
        connection.execute_batch(MIGRATIONS[0]).unwrap();
        let noted = (1, checksum.as_bytes().as_slice());
        connection.execute("INSERT INTO migrations VALUES (?1, ?2)", noted).unwrap();
        connection
            .execute_batch(
                "INSERT INTO sites (name, uuid, version, settings, since_day) VALUES ('example.com', 'u', 7, '{}', 20000);
                 INSERT INTO removals VALUES (9, 'gone.example');
                 INSERT INTO users (name, role, password) VALUES ('ada', 'admin', 'hash');
                 INSERT INTO sessions VALUES (x'01', 1, 2, 3);
                 INSERT INTO keys (name, site, scope, hash, created) VALUES ('k', 1, 'staff', x'02', 20000);
                 INSERT INTO admitted VALUES (1, 0, 'example.com/a', 20000);",
            )
            .unwrap();
        migrate(&mut connection).unwrap();
        let there = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(there("SELECT max(number) FROM migrations"), MIGRATIONS.len() as i64);
        assert_eq!(there("SELECT version + since_day FROM sites WHERE name = 'example.com'"), 20_007);
        assert_eq!(there("SELECT count(*) FROM removals WHERE id = 9"), 1);
        assert_eq!(there("SELECT expires FROM sessions JOIN users ON users.id = user WHERE owner"), 2);
        assert_eq!(there("SELECT created FROM keys WHERE site = 1 AND revoked IS NULL"), 20_000);
        assert_eq!(there("SELECT last_day FROM admitted WHERE value = 'example.com/a'"), 20_000);
    }

    #[test]
    fn a_newer_database_is_refused_in_words() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.execute("INSERT INTO migrations VALUES (99, x'00')", []).unwrap();
        let error = migrate(&mut connection).unwrap_err().to_string();
        assert!(error.contains("schema 99") && error.contains("newer program"), "{error}");
    }

    #[test]
    fn an_altered_migration_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.execute("UPDATE migrations SET checksum = x'00' WHERE number = 1", []).unwrap();
        assert!(matches!(migrate(&mut connection), Err(ControlError::Altered { number: 1 })));
    }
}
