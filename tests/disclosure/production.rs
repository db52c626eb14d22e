//! Under `production`, with no approval asked for, attackers learn nothing, but for those of which
//! `expected.txt` says so.

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
fn production_e23_one_column_two_names() {
    learns_nothing("E23");
}

#[test]
fn production_e24_condition_beside_sum() {
    learns_nothing("E24");
}

#[test]
fn production_e25_table_beside_counts() {
    learns_nothing("E25");
}

#[test]
fn production_e26_few_counts() {
    learns_nothing("E26");
}

#[test]
fn production_e27_with_and_without() {
    learns_nothing("E27");
}

#[test]
fn production_e28_five_sums() {
    learns_nothing("E28");
}

#[test]
fn production_e29_left_out() {
    learns_nothing("E29");
}

#[test]
fn production_e31_declared() {
    learns_nothing("E31");
}

#[test]
fn production_e32_membership() {
    learns_nothing("E32");
}

#[test]
fn production_e33_sum_without() {
    learns_nothing("E33");
}

#[test]
fn production_e34_small_groups() {
    learns_nothing("E34");
}

#[test]
fn production_e35_group_condition_beside_sum() {
    learns_nothing("E35");
}

#[test]
fn production_e36_few_hot_columns() {
    learns_nothing("E36");
}

#[test]
fn production_e37_two_columns() {
    learns_nothing("E37");
}

#[test]
fn production_e38_moved_threshold() {
    learns_nothing("E38");
}
