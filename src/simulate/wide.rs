//! Ordinary traffic for sites of any size: many pages, sources, countries and devices, a few of them much asked for and
//! most of them rarely. What [`super::world`] leaves out to stay checkable by hand is here, for benchmarks and the scale
//! model; the truth of it is not counted.

use std::sync::Arc;

use crate::domain::{
    Text,
    attributes::{Described, VisitAttributes},
    hit::{EventHit, Hit, HitKind, PropertyHit, VisitorKey},
};

/// The only section, and the event with its property, that the traffic knows.
pub const SECTION: &str = "/blog/*";
pub const EVENT: &str = "signup";
pub const PROPERTY: &str = "plan";
pub const PLANS: [&str; 2] = ["free", "pro"];

/// Page views of a visitor-day are 1 to this; 3.4 on average.
const VIEWS_A_VISITOR_MOST: u64 = 10;
const VIEWS_A_VISITOR: f64 = 3.42;
/// Visits begin within so many seconds of a day, evenly: every hour has all pages, the worst case for rows.
const SECONDS: u64 = 82_000;

/// Numbers that look random and are the same each time.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// Small numbers far more often, with a long tail.
    pub fn rank(&mut self, sides: u64) -> u64 {
        let uniform = self.roll(1 << 20) as f64 / (1 << 20) as f64;
        ((sides as f64).powf(uniform) - 1.0) as u64
    }
}

/// A site's size: what it has of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breadth {
    pub visitors: u64,
    pub pages: u64,
    pub sources: u64,
}

impl Breadth {
    /// A site with about so many page views a day: pages and sources grow with the cube root of the views.
    pub fn of_views(views: u64) -> Breadth {
        let root = (views as f64).cbrt();
        Breadth {
            visitors: (views as f64 / VIEWS_A_VISITOR).ceil() as u64,
            pages: (50.0 * root) as u64,
            sources: (10.0 * root) as u64,
        }
    }
}

/// A hit of somebody at a second of the day.
pub struct WideHit {
    pub second: u32,
    pub key: VisitorKey,
    pub described: Arc<Described>,
    pub hit: Hit,
}

/// The hits of a day, in the order of time. The same seed gives the same day.
pub fn day(breadth: Breadth, seed: u64) -> Vec<WideHit> {
    let (mut dice, names) = (Dice(seed), Names::of(breadth));
    let mut hits = Vec::new();
    for visitor in 0..breadth.visitors {
        let (described, visit) = (Arc::new(described(&mut dice)), origin(&mut dice, &names));
        let key = VisitorKey((visitor + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed << 20);
        let mut second = dice.roll(SECONDS) as u32;
        let mut push =
            |second, hit: Hit| hits.push(WideHit { second, key, described: described.clone(), hit });
        for _ in 0..1 + dice.rank(VIEWS_A_VISITOR_MOST) {
            let (page, sections) = names.pages[dice.rank(breadth.pages) as usize].clone();
            let sections = sections.into_iter().collect();
            let view = Hit { page: Some(page), sections, visit: visit.clone(), kind: HitKind::View };
            push(second, view.clone());
            let read = HitKind::Engagement { scroll: Some(dice.roll(101) as u8), engaged_ms: 15_000 };
            push(second + 20, Hit { kind: read, ..view.clone() });
            if dice.roll(40) == 0 {
                push(second + 25, Hit { kind: signup(&mut dice), ..view });
            }
            second += 30 + dice.roll(120) as u32;
        }
    }
    hits.sort_by_key(|one| one.second);
    hits
}

/// Texts that many hits share.
struct Names {
    pages: Vec<(Text, Option<Text>)>,
    sources: Vec<Text>,
}

impl Names {
    fn of(breadth: Breadth) -> Names {
        let section = Text::from(SECTION);
        let page = |rank: u64| match rank % 3 {
            0 if rank > 0 => (format!("example.com/blog/article-{rank}").into(), Some(section.clone())),
            _ => (format!("example.com/page-{rank}").into(), None),
        };
        Names {
            pages: (0..breadth.pages.max(1)).map(page).collect(),
            sources: (0..breadth.sources.max(1)).map(|n| format!("source-{n}.example").into()).collect(),
        }
    }
}

fn origin(dice: &mut Dice, names: &Names) -> VisitAttributes {
    let mut visit = VisitAttributes::default();
    let source = dice.rank(names.sources.len() as u64);
    visit.0[0] = ["Direct", "Search", "Social", "Referral", "Email"][(source % 5) as usize].into();
    visit.0[1] = names.sources[source as usize].clone();
    if dice.roll(10) == 0 {
        visit.0[2] = format!("source-{}", dice.rank(30)).into();
        visit.0[3] = ["cpc", "email", "social"][dice.roll(3) as usize].into();
        visit.0[4] = format!("campaign-{}", dice.rank(60)).into();
    }
    visit
}

fn described(dice: &mut Dice) -> Described {
    let mut one =
        Described { place: Default::default(), device: Default::default(), language: Default::default() };
    one.place.0[0] = format!("C{}", dice.rank(120)).into();
    one.device.0[0] = format!("Browser {}", dice.rank(12)).into();
    one.device.0[2] = format!("System {}", dice.rank(8)).into();
    one.device.0[4] = ["desktop", "mobile", "tablet"][dice.rank(3) as usize % 3].into();
    one.language.0 = ["en", "et", "de", "fi", "fr"][dice.rank(5) as usize % 5].into();
    one
}

fn signup(dice: &mut Dice) -> HitKind {
    let value = PLANS[dice.roll(2) as usize].into();
    let plan = PropertyHit { property: PROPERTY.into(), value, cap: None };
    HitKind::Event(EventHit {
        name: EVENT.into(),
        properties: [plan].into_iter().collect(),
        interactive: true,
        once_a_visit: false,
        value: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_of_a_size_has_about_as_many_page_views() {
        for views in [300, 27_400] {
            let breadth = Breadth::of_views(views);
            let hits = day(breadth, 7);
            let seen = hits.iter().filter(|one| one.hit.kind == HitKind::View).count() as f64;
            assert!((0.8..1.2).contains(&(seen / views as f64)), "{seen} of {views}");
            assert!(hits.is_sorted_by_key(|one| one.second) && hits[hits.len() - 1].second < 86_400);
        }
        assert_eq!(Breadth::of_views(27_000), Breadth { visitors: 7_895, pages: 1_500, sources: 300 });
    }

    #[test]
    fn the_same_seed_gives_the_same_hits() {
        let pages = |seed| -> Vec<(u32, Option<Text>)> {
            let hits = day(Breadth::of_views(500), seed);
            hits.into_iter().map(|one| (one.second, one.hit.page)).collect()
        };
        assert_eq!(pages(1), pages(1));
        assert_ne!(pages(1), pages(2));
    }
}
