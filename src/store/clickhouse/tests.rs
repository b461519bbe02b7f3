//! Against a real engine.

use super::{engine::shared, *};
use crate::store::conformance::{Shape, conformance};

fn store() -> ClickStore {
    ClickStore::open(&Address::parse(&shared().fresh()).unwrap()).unwrap()
}

#[test]
fn it_conforms() {
    conformance(&store(), &Shape::small());
}
