//! The budget of bytes in flight.
//!
//! A request reserves its bytes as its body arrives: bytes that are announced and do not come take
//! no room. A computation reserves those of uploads before it reads them, and those of rows as they are
//! read. They stay reserved until the call, and the computation that it began, have ended. A request that finds no
//! room is refused at once. Bytes of computations may wait for other parties, and those must not
//! wait for them. One principal can reserve a part of the budget only, which leaves room for others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::code::Code;
use super::error::ApiError;
use super::principal::Principal;

/// The most bytes that need no room. A full node still answers questions about progress, and
/// cancellations.
pub const SMALL: usize = 64 << 10;

/// The budget. Clones share it.
#[derive(Clone, Debug)]
pub struct FlightBudget {
    most: usize,
    most_of_one: usize,
    reserved: Arc<Mutex<Reserved>>,
}

/// Bytes that are reserved, in all and by principal.
#[derive(Debug, Default)]
struct Reserved {
    all: usize,
    of: BTreeMap<Principal, usize>,
}

/// The bytes that a request reserved, until the last clone is dropped.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Flight(Option<Arc<Reservation>>);

#[derive(Debug)]
struct Reservation {
    budget: FlightBudget,
    principal: Principal,
    bytes: usize,
    /// The bytes of rows that were read since, [`SMALL`] of which need no room.
    read: Mutex<usize>,
}

impl FlightBudget {
    /// Creates a budget of `most` bytes, of which one principal can reserve `most_of_one`.
    #[must_use]
    pub fn new(most: usize, most_of_one: usize) -> Self {
        Self { most, most_of_one, reserved: Arc::default() }
    }

    /// Reserves so many bytes for a principal. [`SMALL`] ones need no room.
    ///
    /// # Errors
    /// If there is no room for them, or the principal has as many in flight as it may have.
    pub fn reserve(&self, principal: &Principal, bytes: usize) -> Result<Flight, ApiError> {
        if bytes <= SMALL {
            return Ok(Flight::default());
        }
        self.reading(principal, bytes)
    }

    /// Reserves so many bytes for a principal's computation, which [`Flight::read`] adds rows to.
    ///
    /// # Errors
    /// If there is no room for them, or the principal has as many in flight as it may have.
    pub fn reading(&self, principal: &Principal, bytes: usize) -> Result<Flight, ApiError> {
        let bytes = if bytes <= SMALL { 0 } else { bytes };
        self.take(principal, bytes)?;
        let (budget, principal) = (self.clone(), principal.clone());
        let read = Mutex::default();
        Ok(Flight(Some(Arc::new(Reservation { budget, principal, bytes, read }))))
    }

    /// Reserves more for a principal's request that has no clones yet: so many in all.
    ///
    /// # Errors
    /// If there is no room for them. The request keeps those that it had.
    pub fn grow(
        &self,
        principal: &Principal,
        flight: &mut Flight,
        bytes: usize,
    ) -> Result<(), ApiError> {
        match flight.0.as_mut().and_then(Arc::get_mut) {
            Some(reservation) if bytes > reservation.bytes => {
                self.take(principal, bytes - reservation.bytes)?;
                reservation.bytes = bytes;
            }
            Some(_) => {}
            None => *flight = self.reserve(principal, bytes)?,
        }
        Ok(())
    }

    fn take(&self, principal: &Principal, bytes: usize) -> Result<(), ApiError> {
        if bytes == 0 {
            return Ok(());
        }
        let mut reserved = self.reserved();
        let of_one = reserved.of.get(principal).copied().unwrap_or(0).saturating_add(bytes);
        let all = reserved.all.saturating_add(bytes);
        if all > self.most {
            return Err(no_room());
        }
        if of_one > self.most_of_one {
            return Err(too_many_of_one(self.most_of_one));
        }
        reserved.all = all;
        reserved.of.insert(principal.clone(), of_one);
        Ok(())
    }

    fn give_back(&self, principal: &Principal, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let mut reserved = self.reserved();
        reserved.all = reserved.all.saturating_sub(bytes);
        match reserved.of.get_mut(principal) {
            Some(of_one) if *of_one > bytes => *of_one -= bytes,
            _ => drop(reserved.of.remove(principal)),
        }
    }

    fn reserved(&self) -> MutexGuard<'_, Reserved> {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    /// Takes room for so many bytes of rows that were read. Without a budget there is no bound.
    ///
    /// # Errors
    /// If there is no room for them.
    pub fn read(&self, bytes: usize) -> Result<(), ApiError> {
        let Some(reservation) = &self.0 else { return Ok(()) };
        let mut read = reservation.read.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = read.saturating_add(bytes);
        let more = sum.saturating_sub(SMALL) - read.saturating_sub(SMALL);
        reservation.budget.take(&reservation.principal, more)?;
        *read = sum;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let read = *self.read.get_mut().unwrap_or_else(PoisonError::into_inner);
        let bytes = self.bytes.saturating_add(read.saturating_sub(SMALL));
        self.budget.give_back(&self.principal, bytes);
    }
}

fn no_room() -> ApiError {
    ApiError::new(Code::Unavailable, "this node has no room for the bytes of this request now")
        .hint("try again later, or have the operator raise `limits.flight_bytes`")
}

fn too_many_of_one(most: usize) -> ApiError {
    let message = format!("your requests that have not ended hold nearly {most} bytes already");
    ApiError::new(Code::OverQuota, message)
        .hint("wait until your computations have ended, or start or release your tasks")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn ada() -> Principal {
        Principal::owner("ada")
    }

    fn code(refused: Result<Flight, ApiError>) -> Code {
        refused.unwrap_err().code()
    }

    #[test]
    fn bytes_are_reserved_until_the_last_clone_is_dropped() {
        let budget = FlightBudget::new(10 * MIB, 10 * MIB);
        let request = budget.reserve(&ada(), 6 * MIB).unwrap();
        let job = request.clone();
        assert_eq!(code(budget.reserve(&ada(), 5 * MIB)), Code::Unavailable);
        drop(request);
        assert!(budget.reserve(&ada(), 5 * MIB).is_err(), "its job goes on");
        drop(job);
        assert!(budget.reserve(&ada(), 5 * MIB).is_ok());
    }

    #[test]
    fn a_body_takes_room_as_it_arrives() {
        let budget = FlightBudget::new(10 * MIB, 10 * MIB);
        let mut body = budget.reserve(&ada(), SMALL).unwrap();
        budget.grow(&ada(), &mut body, SMALL).unwrap();
        assert!(budget.reserve(&ada(), 10 * MIB).is_ok(), "small ones need no room");
        for arrived in [MIB, 2 * MIB, 3 * MIB, MIB] {
            budget.grow(&ada(), &mut body, arrived).unwrap();
        }
        assert!(budget.reserve(&ada(), 8 * MIB).is_err());
        assert!(budget.reserve(&ada(), 7 * MIB).is_ok());
        assert_eq!(budget.grow(&ada(), &mut body, 11 * MIB).unwrap_err().code(), Code::Unavailable);
        assert!(budget.reserve(&ada(), 7 * MIB).is_ok());
        assert!(budget.reserve(&ada(), usize::MAX).is_err());
        drop(body);
        assert!(budget.reserved().of.is_empty());
    }

    #[test]
    fn rows_take_room_as_they_are_read_until_the_last_clone_is_dropped() {
        let budget = FlightBudget::new(10 * MIB, 10 * MIB);
        let job = budget.reading(&ada(), SMALL).unwrap();
        let reader = job.clone();
        reader.read(SMALL).unwrap();
        assert!(budget.reserve(&ada(), 10 * MIB).is_ok(), "few rows need no room");
        for _ in 0..4 {
            reader.read(MIB).unwrap();
        }
        assert!(budget.reserve(&ada(), 6 * MIB).is_ok());
        assert_eq!(code(budget.reserve(&ada(), 6 * MIB + 1)), Code::Unavailable);
        assert_eq!(reader.read(7 * MIB).unwrap_err().code(), Code::Unavailable);
        reader.read(6 * MIB).unwrap();
        drop(reader);
        assert!(budget.reserve(&ada(), MIB).is_err(), "its job goes on");
        drop(job);
        let reserved = budget.reserved();
        assert!(reserved.of.is_empty() && reserved.all == 0);
    }

    #[test]
    fn one_principal_leaves_room_for_others() {
        let budget = FlightBudget::new(8 * MIB, 2 * MIB);
        let held: Vec<Flight> =
            (0..2).map(|_| budget.reserve(&ada(), MIB)).collect::<Result<_, _>>().unwrap();
        assert_eq!(code(budget.reserve(&ada(), MIB)), Code::OverQuota);
        assert!(budget.reserve(&Principal::owner("bob"), 2 * MIB).is_ok());
        drop(held);
        assert!(budget.reserve(&ada(), 2 * MIB).is_ok());
        let reserved = budget.reserved();
        assert!(reserved.of.is_empty() && reserved.all == 0);
    }
}
