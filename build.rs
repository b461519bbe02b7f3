//! Tells the linker where the program finds libduckdb at run time: beside the binary, in `../lib`,
//! or in the checkout's `native/`.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_BUNDLED").is_some() {
        return;
    }
    for folder in ["$ORIGIN", "$ORIGIN/../lib", "$ORIGIN/../../native", "$ORIGIN/../../../native"] {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    }
}
