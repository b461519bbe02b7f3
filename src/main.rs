//! Arguments, tracing, exit code: the only place that prints or exits.

fn main() {}
