//! Passwords of databases, which stand neither in the list of processes nor in a shell's history.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use cloister_sources::Source;
use console::Term;
use zeroize::Zeroizing;

use crate::problem::{Outcome, Problem};

/// The most bytes of a file with a password.
const LONGEST: u64 = 64 << 10;

/// The source of a database's password.
#[derive(Args)]
#[group(multiple = false)]
pub(super) struct Password {
    /// A file with the password of the database's user, whose address has none: the list of
    /// processes shows an address to all users of this machine. `-` is the standard input.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Ask for the password of the database's user at the terminal.
    #[arg(long)]
    ask_password: bool,
}

impl Password {
    /// Writes the password into the address of the source. `typed` says that the address was an
    /// argument of the command.
    pub(super) fn complete(&self, source: &mut Source, typed: bool) -> Outcome {
        let password = match (&self.password_file, self.ask_password) {
            (Some(path), _) => read(path)?,
            (None, true) => ask()?,
            (None, false) => {
                if typed && source.has_password() {
                    eprintln!(
                        "warning: the list of processes shows the password in the address to all users of \
                         this machine; leave it out, with --password-file FILE or --ask-password"
                    );
                }
                return Ok(());
            }
        };
        if source.set_password(&password) {
            return Ok(());
        }
        Err(Problem::usage(
            "--password-file and --ask-password are for the address of a database with a user and without \
             a password, such as postgres://user@host/database",
        ))
    }
}

fn read(path: &Path) -> Outcome<Zeroizing<String>> {
    let shown = path.display();
    let failed = |error: std::io::Error| Problem::usage(format!("cannot read {shown}: {error}"));
    let mut text = Zeroizing::new(String::new());
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(path).map_err(failed)?)
    };
    source.take(LONGEST + 1).read_to_string(&mut text).map_err(failed)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || line.contains('\n') || text.len() as u64 > LONGEST {
        return Err(Problem::usage(format!("{shown} must hold one line, which is the password")));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

fn ask() -> Outcome<Zeroizing<String>> {
    let terminal = Term::stderr();
    if !terminal.is_term() {
        return Err(Problem::usage(
            "there is no terminal to ask for a password at: use --password-file FILE",
        ));
    }
    eprint!("Password of the database's user: ");
    let line = terminal.read_secure_line();
    line.map(Zeroizing::new)
        .map_err(|error| Problem::usage(format!("no password was read: {error}")))
}

#[cfg(test)]
mod tests {
    use cloister_sources::Relation;

    use super::*;

    fn source(url: &str) -> Source {
        Source::Postgres { url: url.to_owned(), from: Relation::Table("t".to_owned()) }
    }

    #[test]
    fn a_password_is_the_line_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let of = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let password = Password { password_file: Some(path.clone()), ask_password: false };
            let mut source = source("postgres://a@localhost/d");
            password.complete(&mut source, true).map(|()| source)
        };
        for text in ["p@ss\n", "p@ss", "p@ss\r\n"] {
            let expected = source("postgres://a:p%40ss@localhost/d");
            assert!(of(text).is_ok_and(|source| source == expected), "{text:?}");
        }
        for text in ["", "\n", "two\nlines\n"] {
            let error = of(text).err().unwrap().to_string();
            assert!(error.contains("one line") && !error.contains("lines\n"), "{error}");
        }
        let twice = Password { password_file: Some(path.clone()), ask_password: false };
        std::fs::write(&path, "word").unwrap();
        assert!(twice.complete(&mut source("postgres://a:b@localhost/d"), true).is_err());
        assert!(twice.complete(&mut Source::Parquet { path: path.clone() }, true).is_err());
    }
}
