//! Members whose categories or ids are of several kinds: what cannot mean the same is refused by name
//! before it is counted as something else.

use cloister_testkit::http::Answer;
use cloister_testkit::{Cluster, fresh};
use serde_json::{Value, json};

fn compute(cluster: &Cluster, function: &str, data: [Value; 3]) -> Vec<Answer> {
    cluster.compute(function, &data, &fresh())
}

#[track_caller]
fn result(answers: &[Answer]) -> &Value {
    answers.iter().for_each(|answer| assert_eq!(answer.status, 200, "{}", answer.body));
    &answers[0].body["object"]["result"]
}

/// Checks that one party at least hears from its own node of a difference, in these words.
#[track_caller]
fn differ(answers: &[Answer], words: &[&str]) {
    answers.iter().for_each(|answer| assert_ne!(answer.status, 200, "{}", answer.body));
    let messages = answers.iter().map(Answer::message);
    let all = |message: &&str| words.iter().all(|word| message.contains(word));
    assert!(messages.clone().any(|it| all(&it)), "{:?}", messages.collect::<Vec<_>>());
    assert!(answers.iter().any(|answer| answer.code() == "disagreement"));
}

#[test]
fn categories_that_cannot_mean_the_same_are_refused() {
    let cluster = Cluster::teaching(3);
    let frequency = |data| compute(&cluster, "StatisticsFrequency", data);
    let (truths, whole, letters) = (json!([true, false]), json!([1, 0]), json!(["T", "F"]));
    let column = "kind of the values in column 1";
    differ(
        &frequency([truths.clone(), whole.clone(), letters.clone()]),
        &[column, "truth values", "whole numbers"],
    );
    differ(&frequency([letters.clone(), letters.clone(), whole.clone()]), &[column, "texts"]);
    differ(
        &compute(
            &cluster,
            "StatisticsContingency",
            [json!([["a", 1]]), json!([["a", 2]]), json!([["a", "b"]])],
        ),
        &["kind of the values in column 2", "whole numbers", "texts"],
    );
    // A whole number is a number, and a party without values brings none of another kind.
    let answers = frequency([whole, json!([1.0, 0.5]), json!([])]);
    let histogram = &result(&answers)["histogram"];
    assert_eq!(*histogram, json!({"0": 1, "0.5": 1, "1": 2}));
    let answers = frequency([letters.clone(), letters, json!([])]);
    assert_eq!(result(&answers)["histogram"], json!({"F": 2, "T": 2}));
}

#[test]
fn ids_that_cannot_mean_the_same_are_refused_in_place_of_an_empty_intersection() {
    let cluster = Cluster::teaching(3);
    let padded = json!(["00001", "00002"]);
    for function in ["SetIntersection", "SetIntersectionSize", "SetUnionSize"] {
        let answers = compute(&cluster, function, [json!([1, 2]), padded.clone(), json!([1, 2])]);
        differ(&answers, &["kind of the values in column 1", "whole numbers", "texts"]);
    }
    let sum = [json!([[1, 10.0], [2, 20.0]]), json!(["a1", "2"]), json!(["1", "2"])];
    differ(&compute(&cluster, "SetIntersectionSum", sum), &["numbers", "texts"]);
    // Texts that are written as whole numbers are the same ids.
    let sum = [json!([[1, 10.0], [2, 20.0]]), json!(["1", "2"]), json!(["1", "2"])];
    let answers = compute(&cluster, "SetIntersectionSum", sum);
    assert_eq!(result(&answers)["sum"], json!(30.0));
    let sum = [json!([[1, 10.0], [2, 20.0]]), json!([1, 3]), json!([1.0, 2.0])];
    let answers = compute(&cluster, "SetIntersectionSum", sum);
    assert_eq!(result(&answers)["sum"], json!(10.0));
}
