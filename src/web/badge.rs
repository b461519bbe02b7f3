//! Badges: a number of a site as a picture, for its own pages, drawn anew when what it counts may have changed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path},
};

use super::{
    auth::ControlState,
    error::ApiError,
    reports,
    share::{Sharing, opened},
};
use crate::{
    clock,
    control::{Entry, Share, ShareKind},
    domain::{
        day::{Day, Hour, UnixMs},
        plan::Metric,
        view::Reader,
    },
    parts::Parts,
    report::{
        Number,
        routes::{Context, Figure, figure},
    },
};

/// How long a badge may be shown without being asked for anew.
const BADGE_LIFE: Duration = Duration::from_secs(600);
/// Badges that are kept as they were drawn last; one more, and all are drawn anew.
const BADGES_MAX: usize = 1_000;

type Answer = Result<HttpResponse, ApiError>;
type State = Data<ControlState>;

/// Badges as they were drawn last, by share.
#[derive(Default)]
pub struct Badges(Mutex<HashMap<i64, Drawn>>);

/// A badge as it was drawn last.
struct Drawn {
    of: Moment,
    picture: String,
}

/// What a badge's number depends on, for as long as a badge may be shown: as long as this is the same, it is.
#[derive(PartialEq)]
struct Moment {
    /// How many times [`BADGE_LIFE`] since the epoch.
    span: i64,
    /// Of the site's settings.
    version: u32,
    /// The open days, up to which hour they are told, and what of them is in the store.
    days: Vec<(Day, Option<Hour>, u32)>,
}

impl Badges {
    /// The picture that was drawn of this moment.
    fn drawn(&self, share: i64, of: &Moment) -> Option<String> {
        let badges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        badges.get(&share).filter(|drawn| drawn.of == *of).map(|drawn| drawn.picture.clone())
    }

    fn keep(&self, share: i64, of: Moment, picture: String) {
        let mut badges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if badges.len() >= BADGES_MAX && !badges.contains_key(&share) {
            badges.clear();
        }
        badges.insert(share, Drawn { of, picture });
    }
}

/// A number as a picture. The address says which badge it is and nothing of what it counts.
pub async fn badge(
    parts: Data<Parts>,
    state: State,
    sharing: Data<Sharing>,
    request: HttpRequest,
    token: Path<String>,
) -> Answer {
    let (entry, share) = opened(&state, token.into_inner()).await?;
    if share.kind == ShareKind::Link {
        return Err(ApiError::new(StatusCode::NOT_FOUND, "this opens a dashboard and no badge"));
    }
    let (id, moment) = (share.id, moment(&parts, &entry));
    let picture = match sharing.badges.drawn(id, &moment) {
        Some(picture) => picture,
        None => {
            let _turns = sharing.reading(&state, &request).await?;
            let picture = draw(parts, entry, share).await?;
            sharing.badges.keep(id, moment, picture.clone());
            picture
        }
    };
    Ok(HttpResponse::Ok()
        .content_type("image/svg+xml; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, format!("public, max-age={}", BADGE_LIFE.as_secs())))
        .insert_header(("cross-origin-resource-policy", "cross-origin"))
        .insert_header(("x-content-type-options", "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'"))
        .body(picture))
}

fn moment(parts: &Parts, entry: &Entry) -> Moment {
    let now = clock::now();
    let open = parts.memory.view(entry.id(), Reader::Outside);
    Moment {
        span: now.div_euclid(BADGE_LIFE.as_millis() as UnixMs),
        version: entry.at(now).version,
        days: open.days.iter().map(|day| (day.day, day.as_of, day.released)).collect(),
    }
}

/// Counts what a badge shows, and draws it.
async fn draw(parts: Data<Parts>, entry: Arc<Entry>, share: Share) -> Result<String, ApiError> {
    let query = format!("p={}", share.shown.period.as_deref().unwrap_or("28d"));
    let usual = if share.shown.filters.iter().any(|one| one.dimension.key() == "event") {
        Metric::Events
    } else {
        Metric::Visits
    };
    let metric = share.shown.metric.as_deref().and_then(Metric::named).unwrap_or(usual);
    let filters = share.shown.filters;
    let read = move |context: Context<'_>, _| figure(Context { locked: &filters, ..context }, &query, metric);
    let figure = reports::blocking(parts, entry, Reader::Outside, read).await?;
    Ok(picture(&figure, metric))
}

/// Draws a badge. All that it says is the program's own words and figures.
fn picture(figure: &Figure, metric: Metric) -> String {
    let value = worded(&figure.value, metric);
    let days = match figure.range.len() {
        1 => figure.range.last.to_string(),
        days => format!("{days} days"),
    };
    let label = format!("{}, {days}", figure.label);
    // System fonts differ: each part has room for the widest of them, and the text is fitted to its part.
    let width = |text: &str| text.chars().count() * 7 + 14;
    let (left, right) = (width(&label), width(&value));
    let all = left + right;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{all}\" height=\"22\" role=\"img\" \
         aria-label=\"{label}: {value}\"><title>{label}: {value}</title>\
         <rect width=\"{all}\" height=\"22\" rx=\"4\" fill=\"#3446c4\"/>\
         <path d=\"M4 0h{inner}v22H4a4 4 0 0 1-4-4V4a4 4 0 0 1 4-4Z\" fill=\"#1b1f27\"/>\
         <g fill=\"#fff\" font-family=\"system-ui,Verdana,sans-serif\" font-size=\"12\" text-anchor=\"middle\">\
         <text x=\"{x}\" y=\"15\">{label}</text><text x=\"{y}\" y=\"15\" font-weight=\"600\">{value}</text></g></svg>",
        inner = left - 4,
        x = left / 2,
        y = left + right / 2,
    )
}

/// A metric's value in few characters; rates in percent, times in minutes and seconds.
fn worded(value: &Number, metric: Metric) -> String {
    match (value, metric) {
        (Number::Unknown, _) => "–".to_owned(),
        (Number::Real(n), Metric::BounceRate | Metric::EventRate) => format!("{:.1} %", n * 100.0),
        (number, Metric::VisitDuration) => {
            let seconds = match number {
                Number::Real(n) => n.round() as i64,
                Number::Whole(n) => *n,
                Number::Unknown => 0,
            };
            format!("{}m {:02}s", seconds / 60, seconds % 60)
        }
        (Number::Real(n), _) => format!("{n:.2}"),
        (Number::Whole(n), _) => short(*n),
    }
}

/// `412`, `12.3k`, `4.5M`: never more than there are.
fn short(n: i64) -> String {
    let tenths = |unit: i64| format!("{}.{}", n / unit, n % unit / (unit / 10));
    match n {
        ..10_000 => n.to_string(),
        10_000..1_000_000 => format!("{}k", tenths(1_000)),
        _ => format!("{}M", tenths(1_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen to fail with the moment ignored.
    #[test]
    fn a_badge_is_drawn_once_a_moment_and_only_so_many_are_kept() {
        let badges = Badges::default();
        let at = |hour| Moment { span: 7, version: 1, days: vec![(Day(1), Some(Hour(hour)), 3)] };
        badges.keep(1, at(13), "thirteen".into());
        assert_eq!(badges.drawn(1, &at(13)).as_deref(), Some("thirteen"));
        assert_eq!((badges.drawn(1, &at(14)), badges.drawn(2, &at(13))), (None, None));
        for share in 2..=BADGES_MAX as i64 + 1 {
            badges.keep(share, at(13), String::new());
        }
        assert!(badges.0.lock().unwrap().len() <= BADGES_MAX);
        assert!(badges.drawn(BADGES_MAX as i64 + 1, &at(13)).is_some());
    }

    #[test]
    fn figures_of_badges_are_short_and_never_more_than_there_are() {
        for (n, words) in [
            (0, "0"),
            (9_999, "9999"),
            (10_000, "10.0k"),
            (12_399, "12.3k"),
            (999_999, "999.9k"),
            (4_560_000, "4.5M"),
        ] {
            assert_eq!(worded(&Number::Whole(n), Metric::Visits), words);
        }
        assert_eq!(worded(&Number::Real(0.4567), Metric::BounceRate), "45.7 %");
        assert_eq!(worded(&Number::Real(83.4), Metric::VisitDuration), "1m 23s");
        assert_eq!(worded(&Number::Unknown, Metric::Visits), "–");
    }
}
