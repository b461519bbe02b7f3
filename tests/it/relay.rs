//! A way from one process to another that a test can cut: connections end, and new ones get no answer.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// Listens on an address of its own. It ends with the test's process.
pub struct Relay {
    address: SocketAddr,
    way: Arc<Mutex<Way>>,
}

#[derive(Default)]
struct Way {
    to: Option<String>,
    cut: bool,
    open: Vec<TcpStream>,
}

impl Relay {
    pub fn on(ip: &str) -> Relay {
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let relay = Relay { address: listener.local_addr().unwrap(), way: Arc::default() };
        let way = relay.way.clone();
        std::thread::spawn(move || listener.incoming().for_each(|stream| join(stream.unwrap(), &way)));
        relay
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn lead_to(&self, address: &str) {
        self.way.lock().unwrap().to = Some(address.to_owned());
    }

    /// Cuts the way, or mends it.
    pub fn cut(&self, cut: bool) {
        let mut way = self.way.lock().unwrap();
        way.cut = cut;
        way.open.drain(..).for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
    }
}

/// Joins a connection to one that leads on. While the way is cut it is taken, and hears nothing.
fn join(near: TcpStream, way: &Arc<Mutex<Way>>) {
    let mut held = way.lock().unwrap();
    held.open.push(near.try_clone().unwrap());
    let far = held.to.clone().filter(|_| !held.cut).and_then(|to| TcpStream::connect(to).ok());
    let Some(far) = far else {
        if !held.cut {
            let _ = near.shutdown(Shutdown::Both);
        }
        return;
    };
    held.open.push(far.try_clone().unwrap());
    drop(held);
    for (mut from, mut to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
        std::thread::spawn(move || {
            let mut part = [0; 16 << 10];
            while let Ok(n @ 1..) = from.read(&mut part) {
                if to.write_all(&part[..n]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Both);
            let _ = from.shutdown(Shutdown::Both);
        });
    }
}
