//! What must not compile: ways for a private value to leave the node.

#[test]
fn private_values_have_no_way_out() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/labels/*.rs");
}
