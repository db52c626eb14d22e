//! The placement of labels beside a plot, near their lines and without overlap.

/// Moves labels apart by their height, between `top` and `bottom`, in their order. Without space
/// for all, they are spaced evenly.
pub(crate) fn spread(wanted: &[f64], height: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<_> = wanted.iter().copied().enumerate().collect();
    order.sort_by(|one, other| one.1.total_cmp(&other.1));
    let gaps = u32::try_from(order.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let height = height.min((bottom - top) / f64::from(gaps.max(1)));
    let mut least = top;
    for (_, place) in &mut order {
        *place = place.max(least);
        least = *place + height;
    }
    let mut most = bottom;
    for (_, place) in order.iter_mut().rev() {
        *place = place.min(most);
        most = *place - height;
    }
    order.sort_by_key(|(index, _)| *index);
    order.into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_have_space_stay() {
        assert_eq!(spread(&[50.0, 10.0], 10.0, 0.0, 100.0), [50.0, 10.0]);
    }

    #[test]
    fn labels_that_touch_move_apart_in_their_order() {
        assert_eq!(spread(&[21.0, 20.0, 95.0, 99.0], 10.0, 0.0, 100.0), [30.0, 20.0, 90.0, 100.0]);
    }

    #[test]
    fn labels_without_space_stand_evenly() {
        assert_eq!(spread(&[5.0, 5.0, 5.0], 80.0, 0.0, 100.0), [0.0, 50.0, 100.0]);
    }
}
