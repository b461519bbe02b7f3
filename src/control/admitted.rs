//! Values that at least k visitors used on some day: later days admit them whatever the caps say.

use super::{Control, Result};
use crate::domain::{Text, day::Day, declaration::SiteId};

/// Most values kept of one kind and site; those not used for longest make room.
pub const KEPT_PER_KIND: usize = 20_000;

/// What a value is a value of. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AdmittedKind {
    Page,
    Source,
    /// 0..=4: utm_source, utm_medium, utm_campaign, utm_content, utm_term.
    Campaign(u8),
}

impl AdmittedKind {
    /// All kinds.
    pub const ALL: [AdmittedKind; 7] = [
        AdmittedKind::Page,
        AdmittedKind::Source,
        AdmittedKind::Campaign(0),
        AdmittedKind::Campaign(1),
        AdmittedKind::Campaign(2),
        AdmittedKind::Campaign(3),
        AdmittedKind::Campaign(4),
    ];

    fn number(self) -> u8 {
        match self {
            AdmittedKind::Page => 0,
            AdmittedKind::Source => 1,
            AdmittedKind::Campaign(field) => 2 + field.min(4),
        }
    }
}

impl Control {
    /// Keeps the values that at least k visitors of a closed day used. Values of sites removed meanwhile are
    /// ignored. Calling it again with the same day changes nothing.
    ///
    /// # Errors
    /// Database errors.
    pub fn admit_values<'a>(
        &self,
        site: SiteId,
        day: Day,
        values: impl IntoIterator<Item = (AdmittedKind, &'a str)>,
    ) -> Result<()> {
        self.write(|connection| {
            let mut insert = connection.prepare_cached(
                "INSERT INTO admitted (site, kind, value, last_day)
                 SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM sites WHERE id = ?1)
                 ON CONFLICT DO UPDATE SET last_day = max(last_day, excluded.last_day)",
            )?;
            for (kind, value) in values {
                insert.execute((site.0, kind.number(), value, day.0))?;
            }
            let mut trim = connection.prepare_cached(
                "DELETE FROM admitted WHERE site = ?1 AND kind = ?2 AND value IN
                 (SELECT value FROM admitted WHERE site = ?1 AND kind = ?2
                  ORDER BY last_day DESC, value LIMIT -1 OFFSET ?3)",
            )?;
            for kind in AdmittedKind::ALL {
                trim.execute((site.0, kind.number(), KEPT_PER_KIND as i64))?;
            }
            Ok(())
        })
    }

    /// Forgets the values that nobody used from `before` on; tells how many.
    ///
    /// # Errors
    /// Database errors.
    pub fn forget_values(&self, site: SiteId, before: Day) -> Result<usize> {
        let sql = "DELETE FROM admitted WHERE site = ?1 AND last_day < ?2";
        Ok(self.lock().execute(sql, (site.0, before.0))?)
    }

    /// The values of one kind that a site's days admit.
    ///
    /// # Errors
    /// Database errors.
    pub fn admitted_values(&self, site: SiteId, kind: AdmittedKind) -> Result<Vec<Text>> {
        let connection = self.lock();
        let mut statement = connection
            .prepare_cached("SELECT value FROM admitted WHERE site = ?1 AND kind = ?2 ORDER BY value")?;
        let values = statement.query_map((site.0, kind.number()), |row| row.get::<_, Text>(0))?;
        Ok(values.collect::<Result<_, _>>()?)
    }
}
