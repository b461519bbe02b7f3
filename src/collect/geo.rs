//! Where an address is, from a MaxMind DB file that the operator provides. No file, no place: `(none)`.
//!
//! The file is read into memory, so it can be replaced on disk at any time and read again on demand.

use std::{path::Path, sync::Arc};

use arc_swap::ArcSwapOption;
use maxminddb::Reader;
use serde::Deserialize;

use crate::domain::{NONE, Text, address::Address, attributes::Place};

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    #[error("cannot read the location database {file}: {source}")]
    Read { file: String, source: std::io::Error },
    #[error("{file} is no MaxMind database: {reason}")]
    Format { file: String, reason: String },
}

/// The location database in use, if any. Shared; reading and reloading need no lock.
#[derive(Default)]
pub struct Geo {
    reader: ArcSwapOption<Reader<Vec<u8>>>,
}

/// Longest city name kept, in bytes.
const CITY_BYTES_MAX: usize = 100;

impl Geo {
    /// No database: everything is `(none)`.
    pub fn none() -> Geo {
        Geo::default()
    }

    /// Reads a database.
    ///
    /// # Errors
    /// [`GeoError`].
    pub fn open(file: &Path) -> Result<Geo, GeoError> {
        let geo = Geo::default();
        geo.reload(file)?;
        Ok(geo)
    }

    /// Reads a database and uses it from now on; on an error the one in use stays.
    ///
    /// # Errors
    /// [`GeoError`].
    pub fn reload(&self, file: &Path) -> Result<(), GeoError> {
        let name = || file.display().to_string();
        let bytes = std::fs::read(file).map_err(|source| GeoError::Read { file: name(), source })?;
        let reader = Reader::from_source(bytes)
            .map_err(|error| GeoError::Format { file: name(), reason: error.to_string() })?;
        self.reader.store(Some(Arc::new(reader)));
        Ok(())
    }

    /// What the database says it is (`GeoLite2-City`, ...) and when it was made, in Unix seconds.
    pub fn describe(&self) -> Option<(String, u64)> {
        let reader = self.reader.load();
        reader.as_ref().map(|reader| (reader.metadata().database_type.clone(), reader.metadata().build_epoch))
    }

    /// Country, region and city of an address, as far as the database knows them. What the site keeps of it
    /// is `domain::admit::describe`'s to decide.
    pub fn place(&self, address: &Address) -> Place {
        let reader = self.reader.load();
        let Some(reader) = reader.as_ref() else { return Place::default() };
        let record: Option<Record<'_>> =
            reader.lookup(address.ip()).ok().and_then(|found| found.decode().ok().flatten());
        record.map_or_else(Place::default, |record| record.place())
    }
}

/// The fields of the country and city databases of MaxMind and DB-IP, and of flat country files.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Record<'a> {
    #[serde(borrow)]
    country: Named<'a>,
    #[serde(borrow)]
    subdivisions: Vec<Named<'a>>,
    #[serde(borrow)]
    city: Named<'a>,
    country_code: Option<&'a str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Named<'a> {
    iso_code: Option<&'a str>,
    #[serde(borrow)]
    names: Names<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Names<'a> {
    en: Option<&'a str>,
}

impl Record<'_> {
    fn place(&self) -> Place {
        let none: Text = NONE.into();
        let code = self.country.iso_code.or(self.country_code).filter(|code| is_country(code));
        let Some(country) = code.map(str::to_ascii_uppercase) else { return Place::default() };
        let region =
            self.subdivisions.first().and_then(|region| region.iso_code).filter(|code| is_part(code));
        let region = region.map(|code| format!("{country}-{}", code.to_ascii_uppercase()).into());
        let city = self.city.names.en.filter(|name| !name.is_empty() && name.len() <= CITY_BYTES_MAX);
        Place([
            country.into(),
            region.unwrap_or_else(|| none.clone()),
            city.map_or_else(|| none.clone(), Into::into),
        ])
    }
}

fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_part(code: &str) -> bool {
    (1..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::Grain;

    fn place(geo: &Geo, ip: &str) -> [String; 3] {
        geo.place(&Address::new(ip.parse().unwrap(), Grain::default())).0.map(|text| text.to_string())
    }

    /// The trial database of the build's npm packages: the flat schema of country files.
    fn trial() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb")
    }

    #[test]
    fn without_a_database_everything_is_absent() {
        assert_eq!(place(&Geo::none(), "192.0.2.1"), [NONE; 3]);
        assert_eq!(Geo::none().describe(), None);
    }

    #[test]
    fn what_is_no_database_is_refused_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("not.mmdb");
        std::fs::write(&file, b"nothing").unwrap();
        let geo = Geo::none();
        assert!(matches!(geo.reload(&file), Err(GeoError::Format { .. })));
        assert!(matches!(Geo::open(&folder.path().join("absent.mmdb")), Err(GeoError::Read { .. })));
        assert_eq!(place(&geo, "192.0.2.1"), [NONE; 3]);
    }

    #[test]
    fn flat_country_files_are_read() {
        let geo = Geo::open(&trial()).unwrap();
        assert_eq!(place(&geo, "193.40.5.1"), ["EE", NONE, NONE]);
        assert_eq!(place(&geo, "2001:bb8::1"), ["EE", NONE, NONE]);
        assert_eq!(place(&geo, "127.0.0.1"), [NONE; 3]);
    }

    #[test]
    fn records_of_city_files_become_places() {
        let read = |json: &str| serde_json::from_str::<Record>(json).unwrap().place();
        let full = r#"{"country":{"iso_code":"EE","names":{"en":"Estonia"}},"city":{"names":{"de":"Reval","en":"Tallinn"}},
            "subdivisions":[{"iso_code":"37"},{"iso_code":"784"}]}"#;
        assert_eq!(read(full), Place(["EE".into(), "EE-37".into(), "Tallinn".into()]));
        assert_eq!(read(r#"{"country":{"iso_code":"EE"}}"#).0[0].as_ref(), "EE");
        assert_eq!(read(r#"{"country_code":"ee"}"#).0[0].as_ref(), "EE");
        assert_eq!(read(r#"{"country_code":"None"}"#), Place::default());
        assert_eq!(read(r#"{"city":{"names":{"en":"Nowhere"}}}"#), Place::default());
    }

    #[test]
    fn names_and_codes_of_places_are_bounded() {
        let city = |length| {
            let (name, json) = ("x".repeat(length), |name: &str| {
                format!(r#"{{"country_code":"EE","city":{{"names":{{"en":"{name}"}}}}}}"#)
            });
            serde_json::from_str::<Record>(&json(&name)).unwrap().place().0[2].len()
        };
        assert_eq!((city(CITY_BYTES_MAX), city(CITY_BYTES_MAX + 1)), (CITY_BYTES_MAX, NONE.len()));
    }
}
