//! What a service manager hands over and is told: the listening socket, which outlives the process, and how far
//! the process is. The protocols are systemd's (`sd_listen_fds`, `sd_notify`); without a manager nothing happens.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr as Name, UnixDatagram},
    },
};

/// The socket that `LISTEN_FDS` and `LISTEN_PID` hand to this process, else one bound to `address`. A socket that
/// was handed over listens on while no process has it: whoever connects meanwhile waits instead of being refused.
///
/// # Errors
/// When what was handed over is no TCP socket, or the address cannot be bound.
pub fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    match listenfd::ListenFd::from_env().take_tcp_listener(0)? {
        Some(handed_over) => Ok(handed_over),
        None => TcpListener::bind(address),
    }
}

/// How far the process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Hits are taken.
    Ready,
    /// What is in flight is answered, nothing new is taken.
    Stopping,
}

/// Tells the service manager, if there is one (`NOTIFY_SOCKET`).
///
/// # Errors
/// When there is one and it cannot be told; nothing else fails because of that.
pub fn notify(progress: Progress) -> io::Result<()> {
    match std::env::var("NOTIFY_SOCKET") {
        Ok(socket) => tell(&socket, progress),
        Err(_) => Ok(()),
    }
}

fn tell(socket: &str, progress: Progress) -> io::Result<()> {
    let name = match socket.strip_prefix('@') {
        Some(name) => Name::from_abstract_name(name)?,
        None => Name::from_pathname(socket)?,
    };
    let words: &[u8] = match progress {
        Progress::Ready => b"READY=1",
        Progress::Stopping => b"STOPPING=1",
    };
    UnixDatagram::unbound()?.send_to_addr(words, &name).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_manager_is_told_by_either_kind_of_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let abstract_name = format!("mayfly-test-{}", std::process::id());
        let sockets = [
            (path.display().to_string(), UnixDatagram::bind(&path).unwrap()),
            (
                format!("@{abstract_name}"),
                UnixDatagram::bind_addr(&Name::from_abstract_name(&abstract_name).unwrap()).unwrap(),
            ),
        ];
        for (name, manager) in sockets {
            for (progress, expected) in [(Progress::Ready, "READY=1"), (Progress::Stopping, "STOPPING=1")] {
                tell(&name, progress).unwrap();
                let mut heard = [0; 64];
                let n = manager.recv(&mut heard).unwrap();
                assert_eq!(&heard[..n], expected.as_bytes());
            }
        }
        assert!(tell("/nowhere/notify", Progress::Ready).is_err());
    }
}
