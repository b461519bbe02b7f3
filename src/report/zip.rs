//! A ZIP archive of small files, uncompressed: as of APPNOTE.TXT 6.3, with names in UTF-8.

/// Bit 11: the name is UTF-8.
const UTF8: u16 = 1 << 11;
/// 1 January 1980, the earliest that the format knows: when a file was made says nothing here.
const NO_DATE: u16 = 1 << 5 | 1;

/// Files, in order, as one archive. Each and all together stay below 4 GiB.
pub fn zip<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let (mut out, mut directory, mut count) = (Vec::new(), Vec::new(), 0_u16);
    for (name, bytes) in files {
        let (at, common) = (out.len() as u32, common(name, bytes));
        out.extend(*b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(bytes);
        directory.extend(*b"PK\x01\x02");
        directory.extend(20_u16.to_le_bytes());
        directory.extend(&common);
        // No comment, first disk, text or not is not said, no attributes.
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
        count += 1;
    }
    let (at, size) = (out.len() as u32, directory.len() as u32);
    out.extend(directory);
    out.extend(*b"PK\x05\x06\0\0\0\0");
    out.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    out.extend([size.to_le_bytes(), at.to_le_bytes()].concat());
    out.extend([0; 2]);
    out
}

/// What a file's own header and the directory both say: version 2.0, stored, date, sum, sizes, no extra field.
fn common(name: &str, bytes: &[u8]) -> Vec<u8> {
    let size = (bytes.len() as u32).to_le_bytes();
    let halves = [20, UTF8, 0, 0, NO_DATE].map(u16::to_le_bytes).concat();
    let lengths = [name.len() as u16, 0].map(u16::to_le_bytes).concat();
    [&halves[..], &crc32fast::hash(bytes).to_le_bytes(), &size, &size, &lengths].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_one_that_others_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("view.zip");
        let long = vec![b'x'; 70_000];
        let files: [(&str, &[u8]); 3] =
            [("a/empty.csv", b""), ("a/ä.txt", b"words\r\n"), ("a/long.csv", &long)];
        std::fs::write(&path, zip(files)).unwrap();
        let read = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None\n\
                    print([(i.filename, i.file_size, z.read(i)[-3:]) for i in z.infolist()])";
        let read = std::process::Command::new("python3").args(["-c", read]).arg(&path).output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&read.stdout).trim(),
            "[('a/empty.csv', 0, b''), ('a/ä.txt', 7, b's\\r\\n'), ('a/long.csv', 70000, b'xxx')]",
            "{}",
            String::from_utf8_lossy(&read.stderr)
        );
    }
}
