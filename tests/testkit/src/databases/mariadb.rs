//! A MariaDB of the test's own.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::server::{Server, folder, free_port, unprivileged};
use crate::process::run;

pub const PASSWORD: &str = "not-to-be-seen";

pub struct Mariadb {
    port: u16,
    client: PathBuf,
    _server: Server,
}

impl Mariadb {
    /// Starts a server that offers no encryption.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// Starts a server that offers encryption with this certificate and key, each as PEM.
    #[track_caller]
    pub fn encrypting(certificate: &str, key: &str) -> Self {
        Self::start_with(Some([certificate, key]))
    }

    #[track_caller]
    fn start_with(identity: Option<[&str; 2]>) -> Self {
        let server = find("mariadbd");
        let install = find("mariadb-install-db");
        let client = find("mariadb");
        let folder = folder("mariadb-");
        let data = folder.join("data");
        run(unprivileged(&install)
            .arg("--no-defaults")
            .arg(format!("--datadir={}", data.display()))
            .arg(own_temporaries(&folder))
            .args(["--auth-root-authentication-method=normal", "--skip-test-db"]));
        let port = free_port();
        let mut command = unprivileged(&server);
        command.arg("--no-defaults");
        for (flag, pem) in ["ssl-cert", "ssl-key"].iter().zip(identity.into_iter().flatten()) {
            let path = folder.join(flag);
            std::fs::write(&path, pem).unwrap();
            command.arg(format!("--{flag}={}", path.display()));
        }
        let server = start(command, &folder, &data, port);
        let mariadb = Self { port, client, _server: server };
        mariadb.as_root(&format!(
            "CREATE DATABASE clinic CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
             CREATE USER doctor@localhost IDENTIFIED BY '{PASSWORD}';
             GRANT ALL ON clinic.* TO doctor@localhost;"
        ));
        mariadb
    }

    /// Returns the address of its database, with user and password.
    pub fn url(&self) -> String {
        format!("mysql://doctor:{PASSWORD}@127.0.0.1:{}/clinic", self.port)
    }

    /// Runs statements. Returns their answers, a line a row.
    #[track_caller]
    pub fn run(&self, sql: &str) -> String {
        self.execute(&["--user=doctor", &format!("--password={PASSWORD}"), "clinic"], sql)
    }

    #[track_caller]
    fn as_root(&self, sql: &str) -> String {
        self.execute(&["--user=root"], sql)
    }

    #[track_caller]
    fn execute(&self, arguments: &[&str], sql: &str) -> String {
        let output = run(Command::new(&self.client)
            .args(["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--batch"])
            .args(["--skip-column-names", "--default-character-set=utf8mb4"])
            .arg(format!("--port={}", self.port))
            .args(["--execute", sql])
            .args(arguments));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn start(mut command: Command, folder: &Path, data: &Path, port: u16) -> Server {
    command
        .arg(format!("--datadir={}", data.display()))
        .arg(own_temporaries(folder))
        // Relative to the data; whole paths of sockets may be too long.
        .args(["--socket=s", "--bind-address=127.0.0.1", "--console", "--skip-log-bin"])
        .arg(format!("--pid-file={}", folder.join("pid").display()))
        .arg(format!("--port={port}"));
    Server::start(folder, "TERM", "ready for connections", &mut command)
}

/// Gives a server a folder of its own for temporary files. One that starts removes all of their names,
/// those of another server too.
fn own_temporaries(folder: &Path) -> String {
    format!("--tmpdir={}", folder.display())
}

/// Finds a program in the path, or in the usual folders of servers.
#[track_caller]
fn find(name: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/usr/libexec"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|place| place.is_file())
        .unwrap_or_else(|| {
            panic!("{name} is missing: install MariaDB (apt install mariadb-server)")
        })
}
