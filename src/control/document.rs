//! A site's settings as one JSON document: what `settings` of the API reads and writes, and `site show` prints.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{Invalid, Pending, Settings, SiteRecord};

impl SiteRecord {
    /// The whole document. Zone, k and kept are those in effect; `pending` holds those of the next midnight.
    ///
    /// # Errors
    /// Never in practice: settings are plain data.
    pub fn document(&self) -> Result<Value, serde_json::Error> {
        let mut document = json!({
            "name": self.name,
            "uuid": self.uuid,
            "simulated": self.simulated,
            "version": self.version,
            "pending": self.pending,
            "declared": self.declared.iter().map(|(name, day)| (name.clone(), json!(day.to_string()))).collect::<Map<_, _>>(),
        });
        if let (Value::Object(document), Value::Object(settings)) =
            (&mut document, serde_json::to_value(&self.settings)?)
        {
            document.extend(settings);
        }
        Ok(document)
    }

    /// Reads a document that an editor sends back: its version and the settings that it asks for. A zone, k
    /// or kept that differs from the one in effect is wanted; else the one of `pending`, if the document
    /// still holds it.
    ///
    /// # Errors
    /// The field that is missing, unknown or of the wrong type.
    pub fn read_document(&self, document: Value) -> Result<(u32, Settings), Invalid> {
        let Value::Object(mut document) = document else {
            return Err(Invalid::new("settings", document, "a JSON object"));
        };
        for shown in ["name", "uuid", "simulated", "declared"] {
            document.remove(shown);
        }
        let version: u32 = read("version", document.remove("version").unwrap_or(Value::Null))?;
        let pending: Option<Pending> = read("pending", document.remove("pending").unwrap_or(Value::Null))?;
        let mut wanted: Settings = read("", Value::Object(document))?;
        if let Some(pending) = pending {
            let now = &self.settings;
            if wanted.zone == now.zone {
                wanted.zone = pending.zone;
            }
            if wanted.k == now.k {
                wanted.k = pending.k;
            }
            if wanted.kept == now.kept {
                wanted.kept = pending.kept;
            }
        }
        Ok((version, wanted))
    }
}

/// Reads a JSON value, and names the field that is wrong.
///
/// # Errors
/// [`Invalid`] with the path of the field below `field`.
pub fn read<T: DeserializeOwned>(field: &str, value: Value) -> Result<T, Invalid> {
    serde_path_to_error::deserialize(&value).map_err(|error| {
        let path = error.path().to_string();
        let place = match (field, path.as_str()) {
            ("", ".") => "the document".to_owned(),
            (field, ".") => field.to_owned(),
            ("", path) => path.to_owned(),
            (field, path) => format!("{field}.{path}"),
        };
        let found = at(&value, error.path()).map_or_else(|| "nothing".to_owned(), shown);
        Invalid::new(place, found, error.into_inner().to_string())
    })
}

fn at<'a>(value: &'a Value, path: &serde_path_to_error::Path) -> Option<&'a Value> {
    use serde_path_to_error::Segment;
    path.iter().try_fold(value, |value, segment| match segment {
        Segment::Seq { index } => value.get(index),
        Segment::Map { key } => value.get(key),
        Segment::Enum { .. } | Segment::Unknown => Some(value),
    })
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => other.to_string(),
    }
}

/// Reads a JSON body, and names the field that is wrong.
///
/// # Errors
/// [`Invalid`] for text that is not JSON, or not of this shape.
pub fn read_body<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Invalid> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        Invalid::new("the body", format!("{} bytes", body.len()), format!("JSON ({error})"))
    })?;
    read("", value)
}
