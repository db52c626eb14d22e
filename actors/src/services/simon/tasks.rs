//! The tasks of all principals.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::task::Task;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::object::Principal;
use crate::vocabulary::settings::Limits;

/// The longest life of a task that has data and was never started, after its last use.
const UNSTARTED: Duration = Duration::from_secs(15 * 60);

/// All tasks, by key and by their owners' names for them.
pub(super) struct Tasks {
    tasks: HashMap<u64, Task>,
    keys: HashMap<(Principal, String), u64>,
    made: u64,
    most_of_one: usize,
    lifetime: Duration,
}

impl Tasks {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            tasks: HashMap::new(),
            keys: HashMap::new(),
            made: 0,
            most_of_one: limits.handles,
            lifetime: Duration::from_secs(u64::from(limits.handle_seconds)),
        }
    }

    /// Adds a task, in place of its owner's task of the same name. Returns its key.
    ///
    /// # Errors
    /// If that one is under way, or its owner has as many tasks as it may have.
    pub(super) fn add(&mut self, task: Task) -> Result<u64, ApiError> {
        let name = (task.owner.clone(), task.id.clone());
        match self.keys.get(&name).and_then(|key| self.tasks.get(key)) {
            Some(replaced) if !replaced.is_idle() => return Err(task_runs()),
            Some(_) => self.remove(&name),
            None if self.count(&task.owner) >= self.most_of_one => {
                return Err(too_many_tasks(self.most_of_one));
            }
            None => (),
        }
        self.made += 1;
        self.keys.insert(name, self.made);
        self.tasks.insert(self.made, task);
        Ok(self.made)
    }

    /// Finds the key of a principal's task by its name.
    pub(super) fn key(&self, owner: &Principal, id: String) -> Result<u64, ApiError> {
        self.keys.get(&(owner.clone(), id)).copied().ok_or_else(no_such_task)
    }

    /// Finds a principal's task for its next use.
    pub(super) fn of(&mut self, owner: &Principal, key: u64) -> Result<&mut Task, ApiError> {
        let task = self.tasks.get_mut(&key).filter(|task| task.owner == *owner);
        let task = task.ok_or_else(no_such_task)?;
        task.last_used = Instant::now();
        Ok(task)
    }

    /// Finds a task whose computation has ended.
    pub(super) fn get_mut(&mut self, key: u64) -> Option<&mut Task> {
        self.tasks.get_mut(&key)
    }

    /// Forgets tasks that were not used for longer than their lives. Data that wait for a start
    /// take room from others: their tasks live for a shorter time.
    pub(super) fn expire(&mut self, now: Instant) {
        let lifetime = self.lifetime;
        self.tasks.retain(|_, task| {
            let life = if task.holds_data() { lifetime.min(UNSTARTED) } else { lifetime };
            !task.is_idle() || now.saturating_duration_since(task.last_used) < life
        });
        let tasks = &self.tasks;
        self.keys.retain(|_, key| tasks.contains_key(key));
    }

    fn remove(&mut self, name: &(Principal, String)) {
        if let Some(key) = self.keys.remove(name) {
            self.tasks.remove(&key);
        }
    }

    fn count(&self, owner: &Principal) -> usize {
        self.tasks.values().filter(|task| task.owner == *owner).count()
    }
}

fn no_such_task() -> ApiError {
    ApiError::new(Code::NoSuchTask, "there is no such task")
        .hint("it has expired, or belongs to another client; create it again")
}

fn task_runs() -> ApiError {
    ApiError::new(Code::TaskStarted, "a task of this id is under way")
        .hint("wait for its result, or choose another task_id")
}

fn too_many_tasks(limit: usize) -> ApiError {
    ApiError::new(Code::OverQuota, format!("you have {limit} tasks"))
        .hint("unused tasks expire; try again later")
}

#[cfg(test)]
mod tests {
    use cloister_protocols::catalogue;
    use cloister_protocols::parameters::Parameters;
    use cloister_protocols::session::Roles;

    use super::super::job::Parties;
    use super::super::network::Network;
    use super::super::task::Invitation;
    use super::*;
    use crate::vocabulary::data::Data;
    use crate::vocabulary::flight::{Flight, FlightBudget};
    use crate::vocabulary::object::Material;
    use crate::vocabulary::private::Private;
    use crate::vocabulary::room::Rooms;

    const MIB: usize = 1 << 20;

    struct Fixture {
        tasks: Tasks,
        rooms: Rooms,
        flights: FlightBudget,
    }

    impl Fixture {
        fn new() -> Self {
            let limits = Limits { handles: 2, ..Limits::default() };
            let rooms = Rooms::new(100, MIB);
            let flights = FlightBudget::new(MIB, MIB);
            Self { tasks: Tasks::new(&limits), rooms, flights }
        }

        fn add(&mut self, owner: &str, id: &str) -> Result<u64, ApiError> {
            let function = catalogue::entries().next().unwrap();
            let invitation = Invitation {
                id: id.into(),
                function,
                parameters: Parameters::default(),
                raw_parameters: Data::Null,
                parent: Data::Null,
            };
            let roles = Roles::of_parties(2).unwrap();
            let network = Network { members: vec![0, 1], roles, name: None };
            let parties = Parties { me: "a".into(), names: Vec::new(), certificates: Vec::new() };
            let owner = Principal::owner(owner);
            let task = Task::new(owner, invitation, network, parties, &self.rooms)?;
            self.tasks.add(task)
        }

        fn input(&mut self, owner: &str, key: u64, bytes: usize) -> Result<(), ApiError> {
            let owner = Principal::owner(owner);
            let flight = self.flights.reserve(&owner, bytes)?;
            let data = Material::Here(Private::new(Data::Text("x".repeat(bytes))));
            let room = self.rooms.hold(&owner, data.footprint())?;
            self.tasks.of(&owner, key)?.input(data, flight, room).map(drop)
        }
    }

    #[test]
    fn a_replaced_task_gives_back_what_its_inputs_held() {
        let mut fixture = Fixture::new();
        for _ in 0..5 {
            let key = fixture.add("ada", "study").unwrap();
            fixture.input("ada", key, 700_000).unwrap();
        }
        assert_eq!(fixture.tasks.tasks.len(), 1);
    }

    #[test]
    fn tasks_and_their_inputs_count_for_their_owner() {
        let mut fixture = Fixture::new();
        let key = fixture.add("ada", "one").unwrap();
        fixture.add("ada", "two").unwrap();
        assert_eq!(fixture.add("ada", "three").unwrap_err().code(), Code::OverQuota);
        let of_bob = fixture.add("bob", "one").unwrap();
        for _ in 0..20 {
            let data = Material::Here(Private::new(Data::Text("x".repeat(50_000))));
            let room = fixture.rooms.hold(&Principal::owner("ada"), data.footprint());
            let task = fixture.tasks.of(&Principal::owner("ada"), key).unwrap();
            task.input(data, Flight::default(), room.unwrap()).unwrap();
        }
        assert_eq!(fixture.input("ada", key, 60_000).unwrap_err().code(), Code::OverQuota);
        fixture.input("bob", of_bob, 60_000).unwrap();
    }

    #[test]
    fn data_of_a_task_that_is_not_started_live_for_a_short_time() {
        let mut fixture = Fixture::new();
        let (with, without) = (fixture.add("ada", "with"), fixture.add("ada", "without"));
        fixture.input("ada", with.unwrap(), 700_000).unwrap();
        fixture.tasks.expire(Instant::now() + UNSTARTED - Duration::from_secs(1));
        assert_eq!(fixture.tasks.tasks.len(), 2);
        fixture.tasks.expire(Instant::now() + UNSTARTED);
        assert!(fixture.tasks.tasks.contains_key(&without.unwrap()));
        assert_eq!(fixture.tasks.tasks.len(), 1);
        assert!(fixture.flights.reserve(&Principal::owner("bob"), 700_000).is_ok());
    }
}
