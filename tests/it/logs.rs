//! Logs never hold private values, whatever the level.

use cloister_testkit::{Cluster, Kind, fresh};
use serde_json::{Value, json};

/// Numbers that cannot stand in a log by chance, and a text.
const WHOLE: i64 = 7_310_945_862_113;
const DECIMAL: f64 = 8_675_309.123_456_7;
const TEXT: &str = "zwergspitzmaus";

#[test]
fn no_input_is_in_any_log() {
    let cluster = Cluster::start(Kind { log: "trace", ..Kind::teaching(3) });
    for (function, data) in [
        ("SecureSum", json!([WHOLE, DECIMAL])),
        ("SecureVectorSum", json!([[WHOLE, DECIMAL]])),
        ("StatisticsFrequency", json!([TEXT])),
        ("StatisticsContingency", json!([[TEXT, TEXT]])),
        ("StatisticsBivariate", json!([[WHOLE, DECIMAL], [DECIMAL, 2]])),
    ] {
        for answer in
            cluster.compute(function, &[data.clone(), data.clone(), data.clone()], &fresh())
        {
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        refused(&cluster, function, &data);
    }
    uploaded(&cluster);
    (0..3).for_each(|index| search(&cluster, index));
}

/// Sends requests that fail: errors are where values slip out.
fn refused(cluster: &Cluster, function: &str, data: &Value) {
    let network = cluster.network(&fresh(), 0);
    let wrong = json!([data, {TEXT: WHOLE}, DECIMAL]);
    let request = json!({"microprotocol": function, "data": wrong, "network": network});
    assert_eq!(cluster.api(0).compute(&request).status, 400);
    let undeclared = json!({
        "microprotocol": function, "data": data, "network": network,
        "parameters": {"digits_before": 1, "digits_after": 1},
    });
    if function == "SecureSum" {
        assert_eq!(cluster.api(0).compute(&undeclared).status, 422);
    }
}

fn uploaded(cluster: &Cluster) {
    let api = cluster.api(0);
    let handle = api.upload(&json!({TEXT: [WHOLE, DECIMAL]})).uuid();
    assert_eq!(api.download(&handle).status, 403);
    assert_eq!(api.send("PUT", "/representations", &format!("{{\"args\":[{WHOLE}")).status, 400);
}

fn search(cluster: &Cluster, index: usize) {
    let log = cluster.log(index).to_lowercase();
    assert!(log.contains("\"trace\""), "nothing was traced");
    for marked in marks() {
        assert!(!log.contains(&marked), "the log of node {index} has {marked}");
    }
}

/// Lists the inputs as they might be written.
fn marks() -> Vec<String> {
    let bytes = TEXT.bytes().map(|byte| byte.to_string());
    let mut marks = vec![
        TEXT.to_owned(),
        bytes.collect::<Vec<_>>().join(", "),
        hex(TEXT.as_bytes()),
        WHOLE.to_string(),
        format!("{WHOLE:x}"),
        hex(&WHOLE.to_le_bytes()),
        "8675309".to_owned(),
        format!("{:x}", DECIMAL.to_bits()),
        hex(&DECIMAL.to_le_bytes()),
    ];
    // Leading zeros fall away where numbers are written in hex.
    marks.iter_mut().for_each(|mark| *mark = mark.trim_start_matches('0').to_owned());
    marks
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
