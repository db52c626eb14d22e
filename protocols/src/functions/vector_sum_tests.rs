//! `SecureVectorSum` end to end, in simulation.

use rand_core::Rng;

use crate::computation::{Answer, Input, Request};
use crate::functions::catalogue::find;
use crate::functions::parameters::Parameters;
use crate::functions::vector_sum::Encoding;
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::simulation::Simulation;
use crate::testing::{self, Run, any_doubles, rng, seed};

fn encoding(encoding: Encoding, fraction_bits: Option<u32>) -> Parameters {
    Parameters::default().with("encoding", Some(encoding)).with("fraction_bits", fraction_bits)
}

fn request(parameters: &Parameters, input: Input, parties: usize) -> Result<usize, InputError> {
    let (function, roles) = (find("SecureVectorSum").unwrap(), testing::parties(parties));
    let request = Request::new(function, parameters, input, 0, &roles)?;
    Ok(request.words())
}

fn vector(run: &Run) -> Vec<f64> {
    match run.answer() {
        Answer::VectorSum { sum } => sum,
        other => panic!("not a vector of doubles: {other:?}"),
    }
}

#[test]
fn each_element_is_the_exact_sum() {
    let mut rng = rng(seed());
    // With two doubles, the processor rounds their sum once, too.
    let inputs = [0, 1].map(|_| any_doubles(&mut rng, 50).into_iter().map(|x| x / 4.0).collect());
    let [a, b]: &[Vec<f64>; 2] = &inputs;
    let due: Vec<f64> = a.iter().zip(b).map(|(a, b)| a + b).collect();
    assert_eq!(vector(&Run::numbers("SecureVectorSum", [a, b])), due);
}

#[test]
fn elements_do_not_touch_each_other() {
    let sum = vector(&Run::numbers(
        "SecureVectorSum",
        [&[1e308, 5e-324, -1.0, 0.1], &[-1e308, -1e-323, 1.0, 0.2], &[1e-300, 0.0, -0.0, 0.3]],
    ));
    assert_eq!(sum, [1e-300, -5e-324, 0.0, 0.6]);
}

#[test]
fn whole_numbers_come_back_whole() {
    let third = i64::MAX / 3;
    let inputs = [vec![third, -third, 1], vec![third, -third, -5], vec![third, -third, 0]];
    let run = Run::new("SecureVectorSum", inputs.into_iter().map(Input::Integers).collect());
    let run = run.parameters(encoding(Encoding::Integer, None));
    let sum = vec![3 * third, -3 * third, -4];
    assert_eq!(run.answer(), Answer::IntegerVectorSum { sum });
    assert_eq!(serde_json::to_string(&run.answer()).unwrap().find('.'), None);
    let mixed = vec![Input::Integers(vec![2]), Input::Numbers(vec![-3.0])];
    let run = Run::new("SecureVectorSum", mixed).parameters(encoding(Encoding::Integer, None));
    assert_eq!(run.answer(), Answer::IntegerVectorSum { sum: vec![-1] });
}

#[test]
fn the_range_of_whole_numbers_leaves_room_for_all_parties() {
    let integer = encoding(Encoding::Integer, None);
    let bound = i64::MAX / 3;
    let range = format!("up to {bound}");
    let refused = Err(InputError::OutOfRange { index: 1, range });
    let whole = |x: i64| request(&integer, Input::Integers(vec![0, x]), 3);
    assert_eq!([whole(bound), whole(-bound)], [Ok(2), Ok(2)]);
    assert_eq!(
        [whole(bound + 1), whole(-bound - 1), whole(i64::MIN)],
        [(); 3].map(|()| refused.clone())
    );
    let number = |x: f64| request(&integer, Input::Numbers(vec![0.0, x]), 3);
    assert_eq!(number(3e18), Ok(2));
    assert_eq!([number(3.1e18), number(-9.3e18), number(1e300)], [(); 3].map(|()| refused.clone()));
    assert_eq!(number(0.5), Err(InputError::NotWhole { index: 1 }));
    assert_eq!(number(f64::NAN), Err(InputError::NotFinite { index: 1 }));
}

#[test]
fn fixed_rounds_each_element_once_to_the_nearest() {
    let parameters = encoding(Encoding::Fixed, Some(1));
    let run = Run::numbers("SecureVectorSum", [&[0.25, 0.75, 0.76, -0.3], &[0.1, 0.0, 10.5, 0.0]]);
    assert_eq!(vector(&run.parameters(parameters)), [0.0, 1.0, 11.5, -0.5]);
    let whole =
        Run::new("SecureVectorSum", vec![Input::Integers(vec![3]), Input::Numbers(vec![0.5])]);
    assert_eq!(vector(&whole.parameters(encoding(Encoding::Fixed, None))), [3.5]);
}

#[test]
fn the_range_of_fixed_is_checked() {
    let parameters = encoding(Encoding::Fixed, Some(32));
    let number = |x: f64| request(&parameters, Input::Numbers(vec![x]), 2);
    let limit = 2_f64.powi(30);
    assert_eq!(number(limit.next_down()), Ok(1));
    assert!(matches!(number(limit), Err(InputError::OutOfRange { index: 0, .. })));
    assert!(matches!(number(-1e300), Err(InputError::OutOfRange { index: 0, .. })));
    assert!(matches!(number(f64::MAX), Err(InputError::OutOfRange { index: 0, .. })));
    let whole = |x: i64| request(&parameters, Input::Integers(vec![x]), 2);
    assert_eq!(whole((1 << 30) - 1), Ok(1));
    assert!(matches!(whole(1 << 30), Err(InputError::OutOfRange { .. })));
    assert!(matches!(whole(i64::MAX), Err(InputError::OutOfRange { .. })));
}

#[test]
fn parameters_say_what_changes_the_result() {
    let parameters = |parameters: Parameters| {
        let input = Input::Numbers(vec![1.0]);
        Request::new(find("SecureVectorSum").unwrap(), &parameters, input, 0, &testing::parties(2))
            .unwrap()
            .parameters()
    };
    let text = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter().chain([&("missing", "refuse")]);
        pairs.map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    let exact = [("digits_after", "any"), ("digits_before", "any"), ("encoding", "exact")];
    assert_eq!(parameters(Parameters::default()), text(&exact));
    let fixed = [("encoding", "fixed"), ("fraction_bits", "32")];
    assert_eq!(parameters(encoding(Encoding::Fixed, None)), text(&fixed));
    let integer = encoding(Encoding::Integer, None);
    assert_eq!(parameters(integer), text(&[("encoding", "integer")]));
    let refused = request(&encoding(Encoding::Fixed, Some(63)), Input::Numbers(vec![]), 2);
    assert!(matches!(refused, Err(InputError::Parameter { name: "fraction_bits", .. })));
    let refused = request(&encoding(Encoding::Integer, Some(3)), Input::Numbers(vec![]), 2);
    assert!(matches!(refused, Err(InputError::Parameter { name: "fraction_bits", .. })));
}

#[test]
fn vectors_of_different_lengths_are_told_apart() {
    let run = Run::numbers("SecureVectorSum", [&[1.0; 3], &[1.0; 4]]);
    let report = run.simulate(Simulation::new(seed()));
    let texts = [0, 1].map(|index: usize| report.endings[index].fault().unwrap().to_string());
    assert!(texts[0].contains("field `length` is 3 here and 4 there"), "{}", texts[0]);
    assert!(texts[1].contains("field `length` is 4 here and 3 there"), "{}", texts[1]);
}

#[test]
fn an_element_beyond_the_largest_double_is_a_fault() {
    let run = Run::numbers("SecureVectorSum", [&[0.0, f64::MAX], &[0.0, f64::MAX]]);
    let report = run.simulate(Simulation::new(seed()));
    assert_eq!(report.endings[1].fault(), Some(&Fault::ResultOutOfRange));
}

#[test]
fn vectors_that_are_too_long_are_refused_with_the_limit() {
    let refused = request(&Parameters::default(), Input::Numbers(vec![0.0; 300_000]), 2);
    let text = refused.unwrap_err().to_string();
    assert!(text.starts_with("300000 numbers are more than the limit of 294117"), "{text}");
    assert!(text.contains("`encoding` = `integer` or `fixed`"), "{text}");
    // What the message says works.
    let whole = Parameters::default().with("encoding", "integer");
    assert!(request(&whole, Input::Numbers(vec![0.0; 300_000]), 2).is_ok());
}

#[test]
fn empty_vectors_have_an_empty_sum() {
    assert!(vector(&Run::numbers("SecureVectorSum", [&[], &[]])).is_empty());
}

#[test]
fn a_long_vector_takes_the_parallel_way_to_the_same_sum() {
    let mut rng = rng(seed());
    let digits = Parameters::default().with("digits_before", Some(6)).with("digits_after", Some(3));
    let mut number = || f64::from(rng.next_u32() >> 13) / 1024.0 + 1.0;
    let inputs: Vec<Vec<f64>> = (0..2).map(|_| (0..50_000).map(|_| number()).collect()).collect();
    let due: Vec<f64> = inputs[0].iter().zip(&inputs[1]).map(|(a, b)| a + b).collect();
    let run = Run::new("SecureVectorSum", inputs.into_iter().map(Input::Numbers).collect());
    let run = run.parameters(digits);
    assert!(run.request(0).unwrap().words() > 65_536);
    assert_eq!(vector(&run), due);
}
