//! Shares: what a site opens to people without an account. A link's token is shown once, when it is made.

use rusqlite::{OptionalExtension, Row};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Control, ControlError, Invalid, Result, is_taken, secret, sites, validate};
use crate::domain::{
    day::{Day, UnixMs, Zone},
    declaration::SiteId,
    plan::Filter,
};

/// How every token begins: recognisable in a leak.
const PREFIX: &str = "mfs_";
/// Most shares of a site.
const SHARES_MAX: u32 = 200;
/// Most origins whose pages may show a share.
const FRAMES_MAX: usize = 20;
/// Longest origin, in bytes.
const FRAME_BYTES_MAX: usize = 300;

/// What a share opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShareKind {
    /// The dashboard, to who has the link.
    Link,
    /// The dashboard, to everybody, under the site's name.
    Public,
    /// One number, as a picture.
    Badge,
}

impl ShareKind {
    fn name(self) -> &'static str {
        match self {
            ShareKind::Link => "link",
            ShareKind::Public => "public",
            ShareKind::Badge => "badge",
        }
    }
}

/// What is seen of the site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// They hold whatever is asked.
    pub filters: Vec<Filter>,
    /// Of a badge: its period and metric, as in the address of a view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
}

/// What somebody sends to share a site.
pub struct NewShare<'a> {
    pub name: &'a str,
    pub kind: ShareKind,
    pub password: Option<&'a str>,
    pub last_day: Option<Day>,
    pub shown: Shown,
    pub frames: Vec<String>,
}

/// A share as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    pub id: i64,
    pub site: SiteId,
    pub name: String,
    pub kind: ShareKind,
    /// The hash of its password.
    pub password: Option<String>,
    pub shown: Shown,
    /// Origins of the pages that may show it in a frame.
    pub frames: Vec<String>,
    /// UTC.
    pub created: Day,
    /// The last site-day on which it opens.
    pub last_day: Option<Day>,
}

const SELECT: &str = "SELECT id, site, name, kind, password, view, frames, created, last_day FROM shares";

impl Control {
    /// Shares a site. Returns the token of a link or badge: the only time that it is known.
    ///
    /// # Errors
    /// Invalid fields, unknown site; [`ControlError::Exists`] if the site is public already.
    pub fn add_share(&self, site: &str, share: NewShare<'_>, now: UnixMs) -> Result<(Share, Option<String>)> {
        let frames = checked(&share)?;
        let password = share.password.map(secret::hash_password).transpose()?;
        let token = match share.kind {
            ShareKind::Public => None,
            _ => Some(format!("{PREFIX}{}", secret::fresh()?)),
        };
        let json =
            |error: serde_json::Error| ControlError::Unreadable { what: "share", error: error.to_string() };
        let (view, frames) = (
            serde_json::to_string(&share.shown).map_err(json)?,
            serde_json::to_string(&frames).map_err(json)?,
        );
        self.write(|connection| {
            let site = sites::named(connection, site, now)?;
            let count: u32 =
                connection.query_row("SELECT count(*) FROM shares WHERE site = ?1", [site.id.0], |row| {
                    row.get(0)
                })?;
            if count >= SHARES_MAX {
                return Err(Invalid::new("shares", count, format!("at most {SHARES_MAX} of a site")).into());
            }
            let added = connection.execute(
                "INSERT INTO shares (site, name, kind, token, password, view, frames, created, last_day)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                (
                    site.id.0,
                    share.name,
                    share.kind.name(),
                    token.as_deref().map(secret::digest),
                    &password,
                    view,
                    frames,
                    Zone::utc().day_at(now).0,
                    share.last_day.map(|day| day.0),
                ),
            );
            added.map_err(|error| match is_taken(&error) {
                true => ControlError::Exists { what: "public dashboard of", name: site.name },
                false => error.into(),
            })?;
            let id = connection.last_insert_rowid();
            let made = connection.query_row(&format!("{SELECT} WHERE id = ?1"), [id], share_row)??;
            Ok((made, token))
        })
    }

    /// A site's shares, oldest first.
    ///
    /// # Errors
    /// Database errors.
    pub fn shares(&self, site: SiteId) -> Result<Vec<Share>> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(&format!("{SELECT} WHERE site = ?1 ORDER BY id"))?;
        let shares = statement.query_map([site.0], share_row)?;
        shares.map(|share| share.map_err(ControlError::from)?).collect()
    }

    /// Revokes a share of a site: nothing is left of it.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub fn revoke_share(&self, site: SiteId, id: i64) -> Result<()> {
        let gone = self.lock().execute("DELETE FROM shares WHERE site = ?1 AND id = ?2", (site.0, id))?;
        match gone {
            0 => Err(ControlError::NotFound { what: "share", name: id.to_string() }),
            _ => Ok(()),
        }
    }

    /// The share of a token; `None` if it is wrong or revoked. It may have ended.
    ///
    /// # Errors
    /// Database errors.
    pub fn share(&self, token: &str) -> Result<Option<Share>> {
        if !token.starts_with(PREFIX) {
            return Ok(None);
        }
        let connection = self.lock();
        let found = connection
            .prepare_cached(&format!("{SELECT} WHERE token = ?1"))?
            .query_row([secret::digest(token)], share_row);
        found.optional()?.transpose()
    }

    /// A site's public dashboard, if it has one.
    ///
    /// # Errors
    /// Database errors.
    pub fn public_share(&self, site: SiteId) -> Result<Option<Share>> {
        let connection = self.lock();
        let found = connection
            .prepare_cached(&format!("{SELECT} WHERE site = ?1 AND kind = 'public'"))?
            .query_row([site.0], share_row);
        found.optional()?.transpose()
    }
}

impl Share {
    /// Whether this is the share's password. As slow as hashing one.
    pub fn is_opened_by(&self, password: &str) -> bool {
        self.password.as_deref().is_none_or(|hash| secret::verify_password(password, hash))
    }
}

/// Checks what the database cannot, and returns the origins in their normal form.
fn checked(share: &NewShare<'_>) -> Result<Vec<String>> {
    validate::name("name", share.name)?;
    let NewShare { kind, password, .. } = *share;
    if password.is_some() && kind != ShareKind::Link {
        return Err(Invalid::new("password", "(hidden)", "on links only").into());
    }
    if !share.frames.is_empty() && (kind == ShareKind::Badge || password.is_some()) {
        let allowed = "none: a badge is a picture, and nobody is asked for a password on another site's page";
        return Err(Invalid::new("frames", share.frames.len(), allowed).into());
    }
    if share.frames.len() > FRAMES_MAX {
        return Err(Invalid::new("frames", share.frames.len(), format!("at most {FRAMES_MAX}")).into());
    }
    share.frames.iter().enumerate().map(|(at, text)| Ok(origin(&format!("frames[{at}]"), text)?)).collect()
}

fn origin(field: &str, text: &str) -> Result<String, Invalid> {
    let url = Url::parse(text.trim()).ok().filter(|url| {
        ["http", "https"].contains(&url.scheme())
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && url.as_str().len() <= FRAME_BYTES_MAX
            && url.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/.-[]".contains(&byte))
    });
    let origin = url.map(|url| url.origin().ascii_serialization());
    origin.ok_or_else(|| Invalid::new(field, text, "an origin such as `https://www.example.com`"))
}

/// The inner error is of what the row holds.
fn share_row(row: &Row<'_>) -> rusqlite::Result<Result<Share>> {
    let (kind, view, frames): (String, String, String) = (row.get(3)?, row.get(5)?, row.get(6)?);
    let read = || -> serde_json::Result<Share> {
        Ok(Share {
            id: 0,
            site: SiteId(0),
            name: String::new(),
            kind: serde_json::from_value(kind.into())?,
            password: None,
            shown: serde_json::from_str(&view)?,
            frames: serde_json::from_str(&frames)?,
            created: Day(0),
            last_day: None,
        })
    };
    let share = match read() {
        Ok(share) => share,
        Err(error) => return Ok(Err(ControlError::Unreadable { what: "share", error: error.to_string() })),
    };
    Ok(Ok(Share {
        id: row.get(0)?,
        site: SiteId(row.get(1)?),
        name: row.get(2)?,
        password: row.get(4)?,
        created: Day(row.get(7)?),
        last_day: row.get::<_, Option<i32>>(8)?.map(Day),
        ..share
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::NewSite;

    fn new<'a>(name: &'a str, kind: ShareKind) -> NewShare<'a> {
        NewShare { name, kind, password: None, last_day: None, shown: Shown::default(), frames: Vec::new() }
    }

    fn control() -> (tempfile::TempDir, Control, SiteId) {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.sqlite"), 0).unwrap();
        let site = control.add_site(NewSite::new("example.com", "UTC"), 0).unwrap().id;
        (folder, control, site)
    }

    #[test]
    fn a_share_is_found_by_its_token_alone_until_it_is_revoked() {
        let (_folder, control, site) = control();
        let filters = crate::report::filters("source=!x*&page=/a", &crate::report::testing::site()).unwrap();
        let shown = Shown { filters, ..Shown::default() };
        let password = Some("a long password");
        let frames = vec!["https://Blog.example.com/".to_owned()];
        let asked = NewShare { shown, password, last_day: Some(Day(9)), ..new("for Eve", ShareKind::Link) };
        let (made, token) = control.add_share("example.com", asked, 0).unwrap();
        let token = token.unwrap();
        assert_eq!(control.share(&token).unwrap(), Some(made.clone()));
        assert_eq!(control.shares(site).unwrap(), std::slice::from_ref(&made));
        assert!(made.is_opened_by("a long password") && !made.is_opened_by("another password"));
        let (public, none) = control
            .add_share("example.com", NewShare { frames, ..new("all", ShareKind::Public) }, 0)
            .unwrap();
        assert_eq!((none, &*public.frames), (None, &["https://blog.example.com".to_owned()][..]));
        assert_eq!(control.public_share(site).unwrap(), Some(public));
        let twice = control.add_share("example.com", new("all", ShareKind::Public), 0).unwrap_err();
        assert!(matches!(twice, ControlError::Exists { .. }), "{twice}");
        for wrong in ["", "example.com", "mfs_", &token[4..], &token[..token.len() - 1]] {
            assert_eq!(control.share(wrong).unwrap(), None, "{wrong}");
        }
        assert!(control.revoke_share(SiteId(site.0 + 1), made.id).is_err(), "of another site");
        control.revoke_share(site, made.id).unwrap();
        assert_eq!(control.share(&token).unwrap(), None);
        control.remove_site("example.com", 0).unwrap();
        assert_eq!(control.public_share(site).unwrap(), None);
    }

    #[test]
    fn shares_that_make_no_sense_are_refused_and_a_site_has_at_most_so_many() {
        let (_folder, control, _) = control();
        let refused =
            |share: NewShare<'_>| control.add_share("example.com", share, 0).unwrap_err().to_string();
        let password = Some("a long password");
        assert!(refused(new("", ShareKind::Link)).contains("name"));
        assert!(
            refused(NewShare { password: Some("short"), ..new("a", ShareKind::Link) }).contains("password")
        );
        for kind in [ShareKind::Public, ShareKind::Badge] {
            assert!(refused(NewShare { password, ..new("a", kind) }).contains("links only"));
        }
        let frames = |frames: &[&str]| frames.iter().map(|one| one.to_string()).collect::<Vec<_>>();
        let with = |one: &str| NewShare { frames: frames(&[one]), ..new("a", ShareKind::Link) };
        for bad in [
            "*",
            "https://a.example/x",
            "https://*.a.example",
            "data:,x",
            "https://u@a.example",
            "https://a b",
        ] {
            assert!(refused(with(bad)).contains("frames[0]"), "{bad}");
        }
        assert!(
            refused(with(&format!("https://{}.example", "a.".repeat(FRAME_BYTES_MAX / 2))))
                .contains("frames[0]")
        );
        assert!(refused(NewShare { password, ..with("https://a.example") }).contains("nobody is asked"));
        let many = vec!["https://a.example".to_owned(); FRAMES_MAX + 1];
        assert!(refused(NewShare { frames: many, ..new("a", ShareKind::Link) }).contains("at most 20"));
        for n in 0..SHARES_MAX {
            control.add_share("example.com", new(&n.to_string(), ShareKind::Badge), 0).unwrap();
        }
        assert!(refused(new("one more", ShareKind::Link)).contains("at most 200"));
    }
}
