//! Tells the linker where the program finds libduckdb at run time (beside the binary, in `../lib`, or in the
//! checkout's `native/`), and makes the folders that are embedded, so that the library builds before the front
//! end is.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for built in ["dashboard/dist", "tracker/dist"] {
        println!("cargo:rerun-if-changed={built}");
        if let Err(error) = std::fs::create_dir_all(built) {
            println!("cargo:warning={built} cannot be made: {error}");
        }
    }
    if std::env::var_os("CARGO_FEATURE_BUNDLED").is_some() {
        return;
    }
    for folder in ["$ORIGIN", "$ORIGIN/../lib", "$ORIGIN/../../native", "$ORIGIN/../../../native"] {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    }
}
