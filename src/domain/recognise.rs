//! What a hit is to the steps of funnels, and to the hits before it. Pure comparisons.

use smallvec::SmallVec;

use super::{
    declaration::Step,
    hit::{EventHit, Hit},
};

/// Whether viewing a page reaches a step.
pub fn is_viewed(step: &Step, hit: &Hit) -> bool {
    match step {
        Step::Page(page) => hit.page.as_ref().is_some_and(|label| {
            let path = label.find('/').map_or("", |at| &label[at..]);
            label == page || (page.starts_with('/') && **page == *path)
        }),
        Step::Section(pattern) => hit.sections.contains(pattern),
        Step::Event(_) => false,
    }
}

/// A hash of an event's name and values, whatever their order.
pub fn fingerprint(event: &EventHit) -> (u32, u32) {
    let mut values: SmallVec<[(&str, &str); 8]> =
        event.properties.iter().map(|one| (&*one.property, &*one.value)).collect();
    values.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    let mut frame = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    frame(&event.name);
    values.iter().for_each(|(property, value)| {
        frame(property);
        frame(value);
    });
    let hash = hasher.finalize();
    let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|byte| hash.as_bytes()[at + byte]));
    (word(0), word(4))
}
