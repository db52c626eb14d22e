//! Under `production`, with no approval asked for, attackers learn nothing.

use super::learns_nothing;

#[test]
fn production_e1_one_person() {
    learns_nothing("E1");
}

#[test]
fn production_e2_whole_column() {
    learns_nothing("E2");
}

#[test]
fn production_e3_bits() {
    learns_nothing("E3");
}

#[test]
fn production_e4_every_rank() {
    learns_nothing("E4");
}

#[test]
fn production_e5_power_sums() {
    learns_nothing("E5");
}

#[test]
fn production_e6_nine_and_one() {
    learns_nothing("E6");
}

#[test]
fn production_e7_many_columns() {
    learns_nothing("E7");
}

#[test]
fn production_e8_one_hot() {
    learns_nothing("E8");
}

#[test]
fn production_e9_one_less() {
    learns_nothing("E9");
}

#[test]
fn production_e10_any_condition() {
    learns_nothing("E10");
}

#[test]
fn production_e11_margins() {
    learns_nothing("E11");
}

#[test]
fn production_e13_second_name() {
    learns_nothing("E13");
}

#[test]
fn production_e14_empty_set() {
    learns_nothing("E14");
}

#[test]
fn production_e15_refusals() {
    learns_nothing("E15");
}

#[test]
fn production_e17_yesterday() {
    learns_nothing("E17");
}

#[test]
fn production_e18_beside_a_writer() {
    learns_nothing("E18");
}

#[test]
fn production_e19_memory_as_an_oracle() {
    learns_nothing("E19");
}

#[test]
fn production_e20_partners() {
    learns_nothing("E20");
}

#[test]
fn production_e21_few_together() {
    learns_nothing("E21");
}

#[test]
fn production_e22_product() {
    learns_nothing("E22");
}

#[test]
fn production_e23_two_columns() {
    learns_nothing("E23");
}
