//! MariaDB, where there is one.

use std::time::Duration;

use cloister_sources::{Access, Declaration, Kind, Source, Values, aggregate};

use super::pushdown::{self, Dialect, Random};
use super::{
    a_statement_ends_with_its_reading, access, declare, declared, integer,
    many_rows_and_no_long_value, mute, number, one_row, query, read_all, refused, refused_as,
    registered, table, text,
};
use crate::remedies::{self, check_database};
use cloister_testkit::databases::mariadb::Mariadb;

#[test]
fn mariadb_is_read_filtered_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let access = access(folder.path());
    let mariadb = Mariadb::start();
    filters_mean_what_they_mean(&mariadb, &access);
    types_are_mapped(&mariadb, &access);
    texts_of_binary_order_are_texts(&mariadb, &access);
    dates_of_zeros_are_missing(&mariadb, &access);
    what_does_not_fit_is_refused(&mariadb, &access);
    nothing_is_written(&mariadb, &access);
    errors_say_what_to_do(&mariadb, &access);
    slow_queries_are_cut(&mariadb, &access);
    let slow = query("SELECT SLEEP(7000) AS a");
    let running = "SELECT COUNT(*) FROM information_schema.processlist WHERE INFO LIKE '%SLEEP(7000)%' \
                   AND ID <> CONNECTION_ID()";
    let patient = Access { timeout: Duration::from_secs(6000), ..access.clone() };
    a_statement_ends_with_its_reading(source(&mariadb, slow), &patient, || {
        mariadb.run(running).trim() != "0"
    });
    let many = query("SELECT seq AS a FROM seq_1_to_100000");
    let long = query("SELECT REPEAT('x', 1 << 20) AS a");
    many_rows_and_no_long_value(source(&mariadb, many), source(&mariadb, long), &access);
}

/// Checks that what an address asks for holds between the relay and the server.
#[test]
fn mariadb_is_spoken_to_as_its_address_asks_for() {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let [own, other] = [(); 2].map(|()| rcgen::generate_simple_self_signed(names.clone()).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let access = access(folder.path());
    let real = access.folders[0].clone();
    std::fs::write(real.join("own.pem"), own.cert.pem()).unwrap();
    std::fs::write(real.join("other.pem"), other.cert.pem()).unwrap();
    let mariadb = Mariadb::encrypting(&own.cert.pem(), &own.signing_key.serialize_pem());
    let cipher = "SELECT VARIABLE_VALUE AS a FROM information_schema.SESSION_STATUS \
                  WHERE VARIABLE_NAME = 'SSL_CIPHER'";
    let of = |rest: &str| {
        let url =
            format!("{}?{}", mariadb.url(), rest.replace("FOLDER", &real.display().to_string()));
        declare(Source::Mysql { url, from: query(cipher) })
    };
    for (rest, is_encrypted) in [
        ("sslmode=disable", false),
        ("sslmode=prefer", true),
        ("", true),
        ("sslmode=require", true),
        ("sslmode=verify-ca&sslrootcert=FOLDER/own.pem", true),
        ("sslmode=verify-full&sslrootcert=FOLDER/own.pem", true),
    ] {
        let (dataset, _) = registered(of(rest), &access);
        let read = read_all(&dataset, None, &access).columns;
        let Values::Texts(ciphers) = &read[0] else { panic!() };
        let cipher = ciphers[0].clone().unwrap_or_default();
        assert_eq!(!cipher.is_empty(), is_encrypted, "{rest}: {cipher}");
    }
    for rest in [
        "sslmode=verify-full&sslrootcert=FOLDER/other.pem",
        "sslmode=verify-ca&sslrootcert=FOLDER/other.pem",
        "sslmode=verify-full",
    ] {
        refused_as(of(rest), &access, "TLS failed");
    }
}

fn source(mariadb: &Mariadb, from: cloister_sources::Relation) -> Declaration {
    declare(Source::Mysql { url: mariadb.url(), from })
}

fn filters_mean_what_they_mean(mariadb: &Mariadb, access: &Access) {
    let mut random = Random::new();
    let dialect = Dialect {
        truth: ["TRUE", "FALSE"],
        text: |text| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
        number: |number| format!("{number:e}"),
    };
    mariadb.run(
        "CREATE TABLE `pat``ients` (id int PRIMARY KEY, i bigint, s smallint, x double,
            t varchar(300), b boolean)",
    );
    let rows = pushdown::rows(&mut random, &dialect);
    mariadb.run(&format!("INSERT INTO `pat``ients` VALUES {rows}"));
    let (dataset, _) = registered(source(mariadb, table("clinic.pat`ients")), access);
    pushdown::check_kinds(&dataset);
    pushdown::check(&mut random, &dataset, access);
    // Groups of texts that are alike in their first thousand bytes are not left to the database.
    mariadb.run(
        "CREATE TABLE long_texts (t text); INSERT INTO long_texts VALUES
        (CONCAT(REPEAT('x', 2000), 'a')), (CONCAT(REPEAT('x', 2000), 'b'))",
    );
    let (long, _) = registered(source(mariadb, table("long_texts")), access);
    let groups = cloister_sources::Aggregate::Groups { columns: vec!["t".to_owned()] };
    assert!(matches!(aggregate(&long, &groups, None, access), Ok(None)));
}

fn types_are_mapped(mariadb: &Mariadb, access: &Access) {
    mariadb.run(
        "CREATE TABLE types (a tinyint, b bigint, c int unsigned, d bigint unsigned, e float,
            f double, g decimal(10, 3), h char(5), i varchar(5), j longtext, k boolean, l date,
            m datetime(1), n timestamp, o time, p enum('sad', 'glad'), q year, r int,
            s varchar(9) CHARACTER SET latin1, t varchar(9) COLLATE utf8mb4_bin,
            u char(3) COLLATE utf8mb4_bin, v text COLLATE utf8mb4_bin, w json, x bit(1), y bit(64));
         SET time_zone = '+02:00';
         INSERT INTO types VALUES (-1, 9223372036854775807, 4294967295, 18, 0.1, 0.1, 19.99,
            'x', 'y', 'z', true, '2024-01-31', '2024-01-31 10:00:00.5', '2024-01-31 10:00:00',
            '10:00', 'glad', 2024, NULL, 'ä', 'ö', 'ü', 'ß', '[1]', b'1', 5)",
    );
    let (kinds, values) =
        one_row(Source::Mysql { url: mariadb.url(), from: table("types") }, access);
    assert_eq!(kinds[..4], [Kind::Integer; 4]);
    let expected = [
        integer(-1),
        integer(i64::MAX),
        integer(4_294_967_295),
        integer(18),
        number(f64::from(0.1_f32)),
        number(0.1),
        number(19.99),
        text("x"),
        text("y"),
        text("z"),
        Values::Truths(vec![Some(true)]),
        text("2024-01-31"),
        text("2024-01-31T10:00:00.5"),
        text("2024-01-31T08:00:00Z"),
        text("10:00:00"),
        text("glad"),
        integer(2024),
        Values::Integers(vec![None]),
        text("ä"),
        text("ö"),
        text("ü"),
        text("ß"),
        text("[1]"),
        integer(1),
        integer(5),
    ];
    for (index, expected) in expected.iter().enumerate() {
        assert!(values[index] == *expected, "column {index}");
    }
}

/// Checks that texts of binary order are grouped and compared as texts, that one bit is a truth
/// value where it is declared so, and that bytes are refused.
fn texts_of_binary_order_are_texts(mariadb: &Mariadb, access: &Access) {
    mariadb.run(
        "CREATE TABLE words (a varchar(9) COLLATE utf8mb4_bin, b bit(1), c varbinary(9));
         INSERT INTO words VALUES ('A', b'1', 'x'), ('a', b'0', 'y')",
    );
    let mut words = source(mariadb, table("words"));
    words.columns = vec![declared("a", Kind::Text), declared("b", Kind::Truth)];
    let (dataset, _) = registered(words, access);
    let filter = serde_json::from_str(r#"{"column": "a", "op": "=", "value": "a"}"#).unwrap();
    let read = read_all(&dataset, Some(&filter), access);
    assert!(read.columns == [text("a"), Values::Truths(vec![Some(false)])]);
    refused_as(source(mariadb, table("words")), access, "column \"c\" is of type VARBINARY");
}

/// Checks that a date of zeros is missing, and neither a category nor before all others.
fn dates_of_zeros_are_missing(mariadb: &Mariadb, access: &Access) {
    mariadb.run(
        "SET sql_mode = ''; CREATE TABLE zeros (born date, seen datetime(1));
         INSERT INTO zeros VALUES ('0000-00-00', '0000-00-00'), ('1980-12-31', '1981-01-01')",
    );
    let (dataset, _) = registered(source(mariadb, table("zeros")), access);
    assert_eq!(dataset.missing, [1, 1]);
    let json = r#"{"column": "born", "op": "<", "value": "1990-01-01"}"#;
    let filter = serde_json::from_str(json).unwrap();
    assert_eq!(read_all(&dataset, Some(&filter), access).rows, 1);
    let groups = cloister_sources::Aggregate::Groups { columns: vec!["born".to_owned()] };
    assert!(matches!(aggregate(&dataset, &groups, None, access), Ok(None)));
    let mut dates = source(mariadb, table("zeros"));
    dates.columns = vec![declared("born", Kind::Date)];
    let (dataset, _) = registered(dates, access);
    assert_eq!(read_all(&dataset, Some(&filter), access).rows, 1);
}

fn what_does_not_fit_is_refused(mariadb: &Mariadb, access: &Access) {
    for (text, expected) in [
        ("SELECT 12345678.123456789012 AS a", "column \"a\" holds a number that a double"),
        ("SELECT CAST(18446744073709551615 AS UNSIGNED) AS a", "an integer beyond 64 bits"),
        ("SELECT x'00' AS a", "column \"a\" is of type"),
        ("SELECT 1 AS a, 2 AS a", "a"),
    ] {
        refused_as(source(mariadb, query(text)), access, expected);
    }
    let from = |text: &str| Source::Mysql { url: mariadb.url(), from: query(text) };
    check_database(from, access);
    for (text, kind) in [
        ("SELECT 12345678.123456789012 AS a, 1 AS b", None),
        ("SELECT CAST(18446744073709551615 AS UNSIGNED) AS a, 1 AS b", None),
        ("SELECT CAST(18446744073709551615 AS UNSIGNED) AS a, 1 AS b", Some(Kind::Number)),
        ("SELECT 2.5 AS a, 1 AS b", Some(Kind::Integer)),
        ("SELECT 2.5e0 AS a, 1 AS b", Some(Kind::Text)),
    ] {
        remedies::check(&from(text), kind, access);
    }
    mariadb.run("CREATE TABLE three (a boolean); INSERT INTO three VALUES (0), (1), (2)");
    refused_as(source(mariadb, table("three")), access, "not of kind truth");
    let mut small = source(mariadb, table("three"));
    small.columns = vec![declared("a", Kind::Integer)];
    assert_eq!(read_all(&registered(small, access).0, None, access).rows, 3);
}

fn nothing_is_written(mariadb: &Mariadb, access: &Access) {
    mariadb.run(
        "CREATE TABLE kept (a int); INSERT INTO kept VALUES (1);
         CREATE FUNCTION sneak() RETURNS int MODIFIES SQL DATA
            RETURN (SELECT 1) + 0 * (SELECT COUNT(*) FROM kept);",
    );
    for text in [
        "DELETE FROM kept",
        "SELECT 1 AS a; DELETE FROM kept",
        "SELECT a FROM kept INTO OUTFILE '/tmp/never'",
        "INSERT INTO kept VALUES (2) RETURNING a",
        "WITH x AS (SELECT 1) DELETE FROM kept",
        "DROP TABLE kept",
    ] {
        refused_as(source(mariadb, query(text)), access, "the query writes");
    }
    mariadb.run(
        "DELIMITER //
         CREATE FUNCTION insert_one() RETURNS int MODIFIES SQL DATA
         BEGIN INSERT INTO kept VALUES (2); RETURN 1; END //",
    );
    refused_as(source(mariadb, query("SELECT insert_one() AS a")), access, "the query writes");
    assert_eq!(mariadb.run("SELECT GROUP_CONCAT(a) FROM kept").trim(), "1");
}

fn errors_say_what_to_do(mariadb: &Mariadb, access: &Access) {
    refused_as(source(mariadb, table("nothing")), access, "nothing");
    let url = mariadb.url().replace("not-to-be-seen", "wrong-word");
    let wrong = declare(Source::Mysql { url, from: table("kept") });
    let error = refused(wrong, access, &["wrong-word"]);
    assert!(error.to_string().contains("refuses the user, the password"), "{error}");
    let (listener, port) = mute();
    let short = Access { timeout: Duration::from_millis(300), ..access.clone() };
    let url = format!("mysql://a:b@127.0.0.1:{port}/c");
    let down = || declare(Source::Mysql { url: url.clone(), from: table("kept") });
    refused_as(down(), &short, "no answer in time");
    drop(listener);
    refused_as(down(), access, "connection refused");
}

fn slow_queries_are_cut(mariadb: &Mariadb, access: &Access) {
    let short = Access { timeout: Duration::from_secs(8), ..access.clone() };
    // `SLEEP` returns early without an error; this one works.
    let slow = "SELECT COUNT(*) AS a FROM seq_1_to_100000 x, seq_1_to_100000 y, seq_1_to_100000 z";
    refused_as(source(mariadb, query(slow)), &short, "did not answer within 8s");
}
