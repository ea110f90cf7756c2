//! Proxies and balancers, with the snippets that `replyd init` writes.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::{Program, replyd, tool, wait_until};

/// A running proxy.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    program: Program,
    _folder: TempDir,
}

impl Drop for Proxy {
    /// Asked to, it ends its own processes too.
    fn drop(&mut self) {
        self.program.signal(Signal::SIGTERM);
        self.program.exit_code();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "only the tests of TLS try them all"))]
pub(crate) enum Kind {
    Nginx,
    Haproxy,
    Caddy,
}

/// Where TLS is spoken: PEM files.
pub(crate) struct Certificate {
    pub(crate) certificate: String,
    pub(crate) private_key: String,
}

impl Proxy {
    /// Starts one in front of a server, with its snippet as `replyd init` writes it, but for addresses and certificates; `change`
    /// changes more. `None` when the program is missing.
    pub(crate) fn start(
        kind: Kind,
        server: SocketAddr,
        certificate: Option<&Certificate>,
        change: impl Fn(String) -> String,
    ) -> Option<Proxy> {
        let program = match kind {
            Kind::Nginx => tool("nginx", "apt-get install nginx"),
            Kind::Haproxy => tool("haproxy", "apt-get install haproxy"),
            Kind::Caddy => tool("caddy", "apt-get install caddy"),
        }?;
        let folder = tempfile::tempdir().unwrap();
        let address = free_address();
        if let Some(Certificate { certificate, private_key }) = certificate {
            fs::write(folder.path().join("cert.pem"), certificate).unwrap();
            fs::write(folder.path().join("key.pem"), private_key).unwrap();
            fs::write(folder.path().join("both.pem"), format!("{certificate}{private_key}")).unwrap();
        }
        let text = change(snippet(kind)).replace("127.0.0.1:5000", &server.to_string());
        let with_tls = certificate.is_some();
        let mut command = Command::new(program);
        command.current_dir(folder.path()).env("HOME", folder.path());
        match kind {
            Kind::Nginx => {
                fs::write(folder.path().join("nginx.conf"), nginx(&text, folder.path(), address, with_tls))
                    .unwrap();
                command.args(["-e", "stderr", "-p", ".", "-c"]).arg(folder.path().join("nginx.conf"));
            }
            Kind::Haproxy => {
                let bind = if with_tls {
                    format!("bind {address} ssl crt both.pem alpn http/1.1")
                } else {
                    format!("bind {address}")
                };
                let text =
                    replaced(&text, "bind :443 ssl crt /etc/haproxy/chat.example.pem alpn http/1.1", &bind);
                fs::write(folder.path().join("haproxy.cfg"), text).unwrap();
                command.args(["-db", "-f", "haproxy.cfg"]);
            }
            Kind::Caddy => {
                let site = if with_tls {
                    format!("https://localhost:{}", address.port())
                } else {
                    format!("http://localhost:{}", address.port())
                };
                let tls = if with_tls { "\ttls cert.pem key.pem\n" } else { "" };
                let text =
                    replaced(&text, "chat.example {\n", &format!("{site} {{\n\tbind 127.0.0.1\n{tls}"));
                fs::write(
                    folder.path().join("Caddyfile"),
                    format!("{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{text}"),
                )
                .unwrap();
                command.args(["run", "--adapter", "caddyfile", "--config", "Caddyfile"]);
            }
        }
        let program = Program::piped(&mut command);
        wait_until("the proxy listens", || TcpStream::connect(address).is_ok());
        Some(Proxy { address, program, _folder: folder })
    }
}

fn nginx(text: &str, folder: &Path, address: SocketAddr, with_tls: bool) -> String {
    let files = "ssl_certificate /etc/letsencrypt/live/chat.example/fullchain.pem;\n    \
                 ssl_certificate_key /etc/letsencrypt/live/chat.example/privkey.pem;\n";
    let (listen, tls) = if with_tls {
        (format!("listen {address} ssl;"), "ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n")
    } else {
        (format!("listen {address};"), "")
    };
    let text = replaced(&replaced(text, "listen 443 ssl;", &listen), files, tls);
    let folder = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {folder}/{name};\n"))
        .concat();
    format!(
        "daemon off;\nworker_processes 1;\npid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}\n{text}\n}}\n"
    )
}

/// A snippet as a person gets it.
pub(crate) fn snippet(kind: Kind) -> String {
    let folder = tempfile::tempdir().unwrap();
    assert!(replyd(folder.path()).args(["init", "."]).output().unwrap().status.success());
    let name = match kind {
        Kind::Nginx => "nginx.conf",
        Kind::Haproxy => "haproxy.cfg",
        Kind::Caddy => "Caddyfile",
    };
    fs::read_to_string(folder.path().join(name)).unwrap()
}

/// What is replaced must be there: the snippet and the test must not drift apart.
#[track_caller]
pub(crate) fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from:?} is not in {text}");
    text.replace(from, to)
}

/// Free now; nobody else on this machine is expected to take it in the next moment.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr()).unwrap()
}
