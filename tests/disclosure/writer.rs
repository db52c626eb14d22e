//! Databases in a file, and a program that writes into one while questions are asked. Both are
//! Python's `sqlite3`, as a hospital's own system would be a program of its own.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::tables::Table;

const FILL: &str = "
import csv, sqlite3, sys
rows = list(csv.reader(sys.stdin))
names = rows.pop(0)
base = sqlite3.connect(sys.argv[1])
base.execute('PRAGMA journal_mode=WAL')
base.execute('CREATE TABLE rows (%s)' % ', '.join(name + ' INTEGER NOT NULL' for name in names))
base.executemany('INSERT INTO rows VALUES (%s)' % ', '.join('?' * len(names)), rows)
base.commit()
";

const TOGGLE: &str = "
import sqlite3, sys, time
base = sqlite3.connect(sys.argv[1], timeout=60)
row = base.execute('SELECT * FROM rows WHERE id = ?', [sys.argv[2]]).fetchone()
marks = ', '.join('?' * len(row))
while True:
    base.execute('DELETE FROM rows WHERE id = ?', [sys.argv[2]]); base.commit()
    time.sleep(0.002)
    base.execute('INSERT INTO rows VALUES (%s)' % marks, row); base.commit()
    time.sleep(0.002)
";

/// A program that takes a row away and puts it back, again and again, until it is dropped.
pub(super) struct Writer(Child);

/// Fills a database with the table `rows`, all whole numbers.
pub(super) fn fill(path: &Path, table: &Table) {
    let mut child = python(FILL, path, &[]);
    child.stdin.take().unwrap().write_all(table.csv().as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

impl Writer {
    pub(super) fn start(path: &Path, id: i64) -> Self {
        Self(python(TOGGLE, path, &[&id.to_string()]))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn python(program: &str, path: &Path, words: &[&str]) -> Child {
    let mut command = Command::new("python3");
    command.args(["-c", program]).arg(path).args(words).stdin(Stdio::piped());
    command.spawn().unwrap()
}
