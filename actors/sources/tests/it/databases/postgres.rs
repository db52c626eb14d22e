//! PostgreSQL.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cloister_sources::{
    Access, Aggregate, Aggregated, Declaration, Kind, Source, SourceError, Unavailable, Values,
    aggregate, read,
};

use super::pushdown::{self, Dialect, Random};
use super::{
    a_statement_ends_with_its_reading, access, declare, declared, integer,
    many_rows_and_no_long_value, mute, number, one_row, query, read_all, refused, refused_as,
    registered, table, text,
};
use crate::remedies::{self, check_database};
use cloister_testkit::databases::postgres::Postgres;

#[test]
fn postgresql_is_read_filtered_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let access = access(folder.path());
    let postgres = Postgres::start();
    filters_mean_what_they_mean(&postgres, &access);
    types_are_mapped(&postgres, &access);
    what_does_not_fit_is_refused(&postgres, &access);
    nothing_is_written(&postgres, &access);
    errors_say_what_to_do(&postgres, &access);
    slow_queries_are_cut(&postgres, &access);
    statements_end_with_their_reading(&postgres, &access);
    rights_to_write_are_told(&postgres, &access);
    notices_reach_no_log(&postgres, &access);
    batches_are_streamed(&postgres, &access);
    let (dataset, _) = registered(source(&postgres, query("SELECT 1 AS a")), &access);
    drop(postgres);
    let gone = read(&dataset, &["a".to_owned()], None, &access, &mut |_| Ok(())).unwrap_err();
    assert!(matches!(gone, SourceError::Unavailable(Unavailable::Down(_))), "{gone}");
    assert!(!gone.public_message().contains("refused"), "{}", gone.public_message());
}

fn source(postgres: &Postgres, from: cloister_sources::Relation) -> Declaration {
    declare(Source::Postgres { url: postgres.url(), from })
}

fn filters_mean_what_they_mean(postgres: &Postgres, access: &Access) {
    let mut random = Random::new();
    let dialect = Dialect {
        truth: ["TRUE", "FALSE"],
        text: |text| format!("'{}'", text.replace('\'', "''")),
        number: |number| format!("'{number:e}'"),
    };
    postgres.run(
        "CREATE EXTENSION citext;
         CREATE SCHEMA \"Clinic\";
         CREATE TABLE \"Clinic\".\"Pat\"\"ients\" (id int PRIMARY KEY, i bigint, s smallint,
            x float8, t citext, b bool)",
    );
    let rows = pushdown::rows(&mut random, &dialect);
    postgres.run(&format!("INSERT INTO \"Clinic\".\"Pat\"\"ients\" VALUES {rows}"));
    let (dataset, _) = registered(source(postgres, table("Clinic.Pat\"ients")), access);
    pushdown::check_kinds(&dataset);
    pushdown::check(&mut random, &dataset, access);
    // NaN is missing, though PostgreSQL has it above all numbers.
    postgres.run("UPDATE \"Clinic\".\"Pat\"\"ients\" SET x = 'NaN' WHERE id % 5 = 0");
    pushdown::check(&mut random, &dataset, access);
}

fn types_are_mapped(postgres: &Postgres, access: &Access) {
    postgres.run(
        "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN years AS int CHECK (VALUE >= 0)",
    );
    let all = "SELECT 1::int2 AS a, -2::int4 AS b, 9223372036854775807::int8 AS c,
        0.1::float4 AS d, 0.1::float8 AS e, 19.990::numeric(10, 3) AS f, 'NaN'::numeric AS g,
        'x'::text AS h, 'y'::varchar(3) AS i, 'z'::char(5) AS j, true AS k,
        DATE '2024-01-31' AS l, TIMESTAMP '2024-01-31 10:00:00.5' AS m,
        TIMESTAMPTZ '2024-01-31 10:00:00+02' AS n, TIME '10:00' AS o,
        'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid AS p, 'glad'::mood AS q, 7::years AS r,
        NULL::int AS s, 'NaN'::float8 AS t, '' AS u, 1234.50::money AS v, 7::oid AS w, 'c'::\"char\" AS x,
        B'1' AS y, '10.0.0.1'::inet AS z, TIMESTAMPTZ 'infinity' AS aa";
    let from = query(all);
    let (kinds, values) = one_row(Source::Postgres { url: postgres.url(), from }, access);
    assert_eq!(kinds[..3], [Kind::Integer; 3]);
    let expected = [
        integer(1),
        integer(-2),
        integer(i64::MAX),
        number(f64::from(0.1_f32)),
        number(0.1),
        number(19.99),
        Values::Numbers(vec![None]),
        text("x"),
        text("y"),
        text("z"),
        Values::Truths(vec![Some(true)]),
        text("2024-01-31"),
        text("2024-01-31T10:00:00.5"),
        text("2024-01-31T08:00:00Z"),
        text("10:00:00"),
        text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        text("glad"),
        integer(7),
        Values::Integers(vec![None]),
        Values::Numbers(vec![None]),
        text(""),
        number(1234.5),
        integer(7),
        text("c"),
        text("1"),
        text("10.0.0.1/32"),
        text("infinity"),
    ];
    for (index, expected) in expected.iter().enumerate() {
        assert!(values[index] == *expected, "column {index}");
    }
    let parts = "SELECT '{\"a\": 1}'::jsonb AS a, ARRAY[1, 2] AS b, B'1' AS c, 1 AS d";
    let mut whole = source(postgres, query(parts));
    whole.columns =
        vec![declared("a", Kind::Text), declared("b", Kind::Text), declared("c", Kind::Truth)];
    let (dataset, _) = registered(whole, access);
    let read = read_all(&dataset, None, access);
    let expected = [text("{\"a\": 1}"), text("{1,2}"), Values::Truths(vec![Some(true)])];
    assert!(read.columns == expected);
    // All columns of types that need a word of their owner are told at once.
    let all = refused(source(postgres, query(parts)), access, &[]).to_string();
    assert!(all.contains("JSONB") && all.contains("INT4[]") && all.contains("declare it"), "{all}");
}

fn what_does_not_fit_is_refused(postgres: &Postgres, access: &Access) {
    let cases = [
        ("SELECT 12345678.123456789012::numeric AS a", "column \"a\" holds a number that a double"),
        ("SELECT 1e400::numeric AS a", "column \"a\" holds a number that a double"),
        ("SELECT 'Infinity'::float8 AS a", "column \"a\" holds an infinite number"),
        ("SELECT 'Infinity'::numeric AS a", "column \"a\" holds an infinite number"),
        ("SELECT '\\x00'::bytea AS a", "column \"a\" is of type BYTEA"),
        ("SELECT ARRAY[1] AS a", "column \"a\" is of type INT4[]"),
        ("SELECT '{}'::jsonb AS a", "column \"a\" is of type JSONB"),
        ("SELECT 1 AS a, 2 AS a", "two columns are named \"a\""),
    ];
    for (text, expected) in cases {
        refused_as(source(postgres, query(text)), access, expected);
    }
    let from = |text: &str| Source::Postgres { url: postgres.url(), from: query(text) };
    check_database(from, access);
    for (text, kind) in [
        ("SELECT 12345678.123456789012::numeric AS a, 1 AS b", None),
        ("SELECT 1e400::numeric AS a, 1 AS b", None),
        ("SELECT 18446744073709551615 AS a, 1 AS b", Some(Kind::Integer)),
        ("SELECT 2.5::float8 AS a, 1 AS b", Some(Kind::Text)),
        ("SELECT 'Infinity'::float8 AS a, 1 AS b", None),
        ("SELECT 'Infinity'::numeric AS a, 1 AS b", None),
    ] {
        remedies::check(&from(text), kind, access);
    }
    // A type that has no place here does no harm beside the columns that are declared.
    let mut beside = source(postgres, query("SELECT 1 AS a, '\\x00'::bytea AS b"));
    beside.columns = vec![declared("a", Kind::Number)];
    let (dataset, _) = registered(beside, access);
    assert!(read_all(&dataset, None, access).columns[0] == number(1.0));
    let mut large = source(postgres, query("SELECT 9007199254740993 AS a"));
    large.columns = vec![declared("a", Kind::Number)];
    refused_as(large, access, "does not hold exactly");
    let mut sum = source(postgres, query("SELECT SUM(i::int8) AS a FROM (VALUES (1), (2)) v(i)"));
    sum.columns = vec![declared("a", Kind::Integer)];
    assert!(read_all(&registered(sum, access).0, None, access).columns[0] == integer(3));
}

fn nothing_is_written(postgres: &Postgres, access: &Access) {
    postgres.run(
        "CREATE TABLE kept (a int); INSERT INTO kept VALUES (1);
         CREATE SEQUENCE counter;
         CREATE FUNCTION sneak() RETURNS int LANGUAGE plpgsql AS
            'BEGIN INSERT INTO kept VALUES (2); RETURN 1; END';
         CREATE FUNCTION unlock() RETURNS int LANGUAGE plpgsql AS
            'BEGIN SET transaction_read_only = off; INSERT INTO kept VALUES (3); RETURN 1; END'",
    );
    for text in [
        "DELETE FROM kept",
        "INSERT INTO kept VALUES (2) RETURNING a",
        "WITH gone AS (DELETE FROM kept RETURNING a) SELECT a FROM gone",
        "SELECT 1; DELETE FROM kept",
        "SELECT 1 AS a) AS source; DELETE FROM kept; SELECT * FROM (SELECT 1 AS a",
        "SELECT a INTO copy FROM kept",
        "SELECT sneak() AS a",
        "SELECT unlock() AS a",
        "SELECT nextval('counter') AS a",
        "SELECT a FROM kept FOR UPDATE",
        "COPY kept TO STDOUT",
        "DROP TABLE kept",
    ] {
        refused_as(source(postgres, query(text)), access, "the query writes");
    }
    // A table's name is a name, whatever is in it.
    let name = table("kept\" WHERE false; DELETE FROM \"kept");
    refused_as(source(postgres, name), access, "does not accept");
    assert_eq!(postgres.run("SELECT array_agg(a) FROM kept").trim(), "{1}");
    assert_eq!(postgres.run("SELECT last_value, is_called FROM counter").trim(), "1|f");
}

fn errors_say_what_to_do(postgres: &Postgres, access: &Access) {
    refused_as(source(postgres, table("nothing")), access, "\"nothing\" does not exist");
    refused_as(source(postgres, query("SELECT nothing FROM kept")), access, "\"nothing\"");
    // Errors of rows could show the rows.
    postgres.run("CREATE TABLE words (a text); INSERT INTO words VALUES ('hidden')");
    let cast = source(postgres, query("SELECT a::int AS a FROM words"));
    let error = refused(cast, access, &["hidden"]);
    assert!(error.to_string().contains("22P02"), "{error}");
    let url = postgres.url().replace("not-to-be-seen", "wrong-word");
    let wrong = declare(Source::Postgres { url, from: table("kept") });
    let error = refused(wrong, access, &["wrong-word"]);
    assert!(error.to_string().contains("refuses the user, the password"), "{error}");
    let url = postgres.url().replace("/postgres", "/nothing").replace("//nothing", "//postgres");
    let wrong = declare(Source::Postgres { url, from: table("kept") });
    refused_as(wrong, access, "3D000");
    let wrong = declare(Source::Postgres { url: "mysql://a@b/c".to_owned(), from: table("kept") });
    refused_as(wrong, access, "not of the form postgres://");
    let (listener, port) = mute();
    let short = Access { timeout: Duration::from_millis(300), ..access.clone() };
    let url = format!("postgres://a:b@127.0.0.1:{port}/c");
    refused_as(
        declare(Source::Postgres { url: url.clone(), from: table("kept") }),
        &short,
        "no answer in time",
    );
    drop(listener);
    refused_as(
        declare(Source::Postgres { url, from: table("kept") }),
        access,
        "connection refused",
    );
}

/// Checks that registration says what the user of the database may do beside reading.
fn rights_to_write_are_told(postgres: &Postgres, access: &Access) {
    let (_, report) = registered(source(postgres, table("kept")), access);
    assert!(report.notes.iter().any(|note| note.contains("superuser")), "{:?}", report.notes);
    postgres.run(
        "CREATE ROLE reader LOGIN PASSWORD 'words'; GRANT SELECT ON kept TO reader;
         CREATE ROLE writer LOGIN PASSWORD 'words'; GRANT SELECT, UPDATE ON kept TO writer",
    );
    let of = |user: &str, name: &str| {
        let url = postgres.url();
        let (_, place) = url.split_once('@').unwrap();
        let url = format!("postgres://{user}:words@{place}");
        declare(Source::Postgres { url, from: table(name) })
    };
    for (user, expected) in [("reader", 0), ("writer", 1)] {
        let (_, report) = registered(of(user, "kept"), access);
        assert_eq!(report.notes.len(), expected, "{user}: {:?}", report.notes);
    }
    postgres.run("CREATE TABLE closed (a int)");
    refused_as(of("reader", "closed"), access, "grant SELECT on it");
}

/// Checks that what a function of the database says beside its rows is written nowhere.
fn notices_reach_no_log(postgres: &Postgres, access: &Access) {
    postgres.run(
        "CREATE FUNCTION talkative() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
            PERFORM set_config('client_min_messages', 'notice', true);
            RAISE NOTICE 'patient %', 4711; RETURN 1; END $$",
    );
    let logged = Arc::new(Mutex::new(Vec::new()));
    let log = Log(logged.clone());
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || log.clone())
        .finish();
    let values = tracing::subscriber::with_default(subscriber, || {
        one_row(source(postgres, query("SELECT talkative() AS a")).source, access).1
    });
    assert_eq!(values, [integer(1)]);
    let logged = logged.lock().unwrap();
    assert!(!String::from_utf8_lossy(&logged).contains("4711"));
}

/// A log in memory.
#[derive(Clone)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn slow_queries_are_cut(postgres: &Postgres, access: &Access) {
    let short = Access { timeout: Duration::from_secs(8), ..access.clone() };
    let slow = source(postgres, query("SELECT 1 AS a FROM pg_sleep(6000)"));
    refused_as(slow, &short, "did not answer within 8s");
    let running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(6000)%' \
                   AND state = 'active' AND pid <> pg_backend_pid()";
    // The server ends the statement by itself; it is waited for by asking.
    let deadline = Instant::now() + Duration::from_secs(180);
    while postgres.run(running).trim() != "0" {
        assert!(Instant::now() < deadline, "the statement still runs");
    }
}

fn statements_end_with_their_reading(postgres: &Postgres, access: &Access) {
    let slow = source(postgres, query("SELECT 1 AS a FROM pg_sleep(7000)"));
    let running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(7000)%' \
                   AND state = 'active' AND pid <> pg_backend_pid()";
    let patient = Access { timeout: Duration::from_secs(6000), ..access.clone() };
    a_statement_ends_with_its_reading(slow, &patient, || postgres.run(running).trim() != "0");
}

fn batches_are_streamed(postgres: &Postgres, access: &Access) {
    let many = query("SELECT g AS a, g % 3 AS b FROM generate_series(1, 100000) g");
    let (dataset, report) = registered(source(postgres, many), access);
    assert_eq!((dataset.rows, report.rows, dataset.entry().rows), (100_000, 100_000, 100_000));
    let large = Access { batch_rows: 1000, ..access.clone() };
    let mut rows = 0;
    read(&dataset, &["b".to_owned()], None, &large, &mut |batch| {
        rows += batch.rows;
        Ok(())
    })
    .unwrap();
    assert_eq!(rows, 100_000);
    let mut batches = 0;
    let stopped = read(&dataset, &["a".to_owned()], None, &large, &mut |_| {
        batches += 1;
        Err(SourceError::Stopped)
    });
    assert!(matches!(stopped, Err(SourceError::Stopped)));
    assert_eq!(batches, 1);
    let sum = aggregate(&dataset, &Aggregate::Sum { column: "a".to_owned() }, None, access);
    let expected = Aggregated::Sum { rows: 100_000, missing: 0, sum: 5_000_050_000 };
    assert!(sum.unwrap() == Some(expected));
    let groups = Aggregate::Groups { columns: vec!["a".to_owned()] };
    assert!(matches!(aggregate(&dataset, &groups, None, access), Ok(Some(_))));
    let many = query("SELECT g AS a FROM generate_series(1, 100000) g");
    let long = query("SELECT repeat('x', 1 << 20) AS a");
    many_rows_and_no_long_value(source(postgres, many), source(postgres, long), access);
}
