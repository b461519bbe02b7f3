//! HTTP by hand: bytes to a server, and what comes back.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use super::server::{PATIENCE, Server};

/// A connection.
pub struct Raw {
    stream: TcpStream,
    read: Vec<u8>,
}

/// What a server said.
#[derive(Debug, PartialEq)]
pub enum Said {
    /// A status, and the body.
    Answer(u16, String),
    /// The connection is closed.
    Closed,
    /// Nothing so far.
    Nothing,
}

impl Raw {
    pub fn to(server: &Server) -> Raw {
        let stream = TcpStream::connect(server.origin.trim_start_matches("http://")).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Raw { stream, read: Vec::new() }
    }

    /// Sends bytes; false where the server has closed the connection.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Says that nothing more will come.
    pub fn finish(&mut self) {
        // A server that has gone away has heard enough.
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    /// The next answer.
    pub fn hear(&mut self) -> Said {
        self.hear_within(PATIENCE)
    }

    /// The next answer, if there is one within some time.
    pub fn hear_within(&mut self, time: Duration) -> Said {
        self.stream.set_read_timeout(Some(time)).unwrap();
        loop {
            if let Some(answer) = self.answer() {
                return answer;
            }
            let mut part = [0; 16 << 10];
            match self.stream.read(&mut part) {
                Ok(0) => return Said::Closed,
                Ok(n) => self.read.extend_from_slice(&part[..n]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Said::Nothing;
                }
                Err(_) => return Said::Closed,
            }
        }
    }

    fn answer(&mut self) -> Option<Said> {
        let head = self.read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let text = String::from_utf8_lossy(&self.read[..head]).to_lowercase();
        let length: usize = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .map_or(0, |length| length.trim().parse().unwrap());
        if self.read.len() < head + length {
            return None;
        }
        let body = String::from_utf8_lossy(&self.read[head..head + length]).into_owned();
        let status = text.split(' ').nth(1).unwrap().parse().unwrap();
        self.read.drain(..head + length);
        Some(Said::Answer(status, body))
    }

    /// Sends a request and returns the answer's status; 0 where there was none.
    pub fn ask(&mut self, request: impl AsRef<[u8]>) -> u16 {
        self.send(request);
        match self.hear() {
            Said::Answer(status, _) => status,
            _ => 0,
        }
    }
}

/// A request to collection, with some lines of head (each ending in CRLF) and a body of the right length.
pub fn post(lines: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut request = format!(
        "POST /api/event HTTP/1.1\r\nHost: stats.example.com\r\nUser-Agent: {}\r\n{lines}Content-Length: {}\r\n\r\n",
        super::api::FIREFOX,
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// What a key may read at a path, without waiting for a runtime.
#[track_caller]
pub fn read(server: &Server, path: &str, key: &str) -> serde_json::Value {
    let mut raw = Raw::to(server);
    raw.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n"));
    match raw.hear() {
        Said::Answer(200, body) => serde_json::from_str(&body).unwrap(),
        other => panic!("{path}: {other:?}"),
    }
}
