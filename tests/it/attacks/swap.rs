//! A4: the same traffic twice, the later visits of people with the same day so far swapped. If the stored rows differ, they
//! hold who came twice.

use mayfly::simulate::{SimulatedHit, agents::AGENTS};

use super::{
    lived::{day, lived},
    traffic::{Origin, Traffic},
};
use crate::rows::Stored;

/// Pairs of people who see the same pages first; later one sees `/c` and the other `/d` and `/b`, or the other way around.
/// Who sees `/c` does what both did before once more, and signs up: the second step of a funnel.
fn pairs(swapped: bool) -> Vec<SimulatedHit> {
    let mut traffic = Traffic::of(day(), 4);
    let direct = Origin::direct();
    let mut second = 9_000;
    for pair in 0..12 {
        let two = [0, 1].map(|_| traffic.visitor(["US", "DE"][pair % 2], &AGENTS[pair % 3], pair % 2));
        for visitor in &two {
            second += 700;
            traffic.view(visitor, second, "/a", &direct);
            traffic.read(visitor, second + 12, "/a", &direct, 75, 8_000);
            traffic.act(visitor, second + 20, "/a", &direct, "download");
            traffic.view(visitor, second + 31, "/b", &direct);
        }
        let [mut one, mut other] = two;
        if swapped {
            (one, other) = (other, one);
        }
        let later = second + 30_000;
        traffic.view(&one, later, "/c", &Origin::link("one.com"));
        traffic.read(&one, later + 100, "/c", &Origin::link("one.com"), 25, 40_000);
        traffic.act(&one, later + 120, "/c", &Origin::link("one.com"), "download");
        traffic.act(&one, later + 130, "/c", &Origin::link("one.com"), "signup");
        traffic.view(&other, later + 3_000, "/d", &Origin::letter("later"));
        traffic.view(&other, later + 3_060, "/b", &direct);
    }
    traffic.hits()
}

/// Everything that the store holds after such a day.
async fn stored(build: Option<&str>, swapped: bool) -> String {
    Stored::of(lived(build, &pairs(swapped)).await.home.data.path()).text()
}

#[tokio::test]
async fn later_visits_can_be_anybody_s() {
    let (once, swapped) = (stored(None, false).await, stored(None, true).await);
    for later in ["one.com", "/d", "signup", "Sign up"] {
        assert!(once.contains(later), "what came later is stored: {later}");
    }
    let differing: Vec<_> = once.lines().zip(swapped.lines()).filter(|(one, other)| one != other).collect();
    assert_eq!(differing, [], "also in the order in which the store keeps it");
    assert_eq!(once.len(), swapped.len());
    let traced = [stored(Some("visitor_in_row"), false).await, stored(Some("visitor_in_row"), true).await];
    let sorted = traced.map(|text| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    });
    assert_ne!(sorted[0], sorted[1]);
}
