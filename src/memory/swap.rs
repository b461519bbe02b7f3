//! Whether memory can come to lie on a disk in the clear: what the machine swaps to.
//!
//! `/proc/swaps` lists it. Encrypted is what the device mapper calls `CRYPT-...`; compressed memory (zram) is memory, unless it
//! has a device behind it. Of a file nobody can tell, so it counts as not encrypted.

use std::{fs, path::Path};

/// The places that memory may be swapped to in the clear; none where swap is off or encrypted.
pub fn in_the_clear() -> Vec<String> {
    let swaps = fs::read_to_string("/proc/swaps").unwrap_or_default();
    let read = |path: &str| fs::read_to_string(path).ok();
    places(&swaps, |device| {
        // `/dev/mapper/NAME` is a link to `/dev/dm-N`.
        let device = fs::canonicalize(device).unwrap_or_else(|_| Path::new(device).to_owned());
        let name = device.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let crypt =
            read(&format!("/sys/block/{name}/dm/uuid")).is_some_and(|uuid| uuid.starts_with("CRYPT-"));
        let behind = read(&format!("/sys/block/{name}/backing_dev"));
        let memory = name.starts_with("zram") && behind.is_none_or(|behind| behind.trim() == "none");
        crypt || memory
    })
}

/// Of a `/proc/swaps`, the places that are not safe.
fn places(swaps: &str, is_safe: impl Fn(&str) -> bool) -> Vec<String> {
    let lines = swaps.lines().skip(1).filter_map(|line| line.split_ascii_whitespace().next());
    lines.filter(|place| !is_safe(place)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swap_in_the_clear_is_told_from_encrypted_and_from_none() {
        let head = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        let safe = |place: &str| place == "/dev/dm-0" || place == "/dev/zram0";
        let found = |lines: &str| places(&format!("{head}{lines}"), safe);
        assert_eq!(found(""), Vec::<String>::new());
        assert_eq!(places("", safe), Vec::<String>::new());
        assert_eq!(
            found("/dev/dm-0  partition\t8388604\t0\t-2\n/dev/zram0 partition 1 0 5\n"),
            Vec::<String>::new()
        );
        assert_eq!(
            found("/swapfile file\t1\t0\t-3\n/dev/dm-0 partition 8 0 -2\n/dev/sda2 partition 9 0 -4\n"),
            ["/swapfile", "/dev/sda2"]
        );
    }
}
